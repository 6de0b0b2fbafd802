// ResNet's residual sum, a three-way sum and a channel affine on one thread, and the share of this machine's
// peak.
#include <benchmark/benchmark.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"

namespace octet::kernels {
namespace {

const FeatureMap kSmall = {512, 28, 28}, kLarge = {256, 56, 56};

void run_operation(benchmark::State& state, const OpDesc& desc, const FeatureMap& map, int inputs,
                   const test::Variant& variant) {
  std::vector<test::LaidOut> tensors;
  for (int i = 0; i < inputs; ++i)
    tensors.emplace_back(map, 1, std::vector<float>(static_cast<std::size_t>(map.elements()), 1.0f));
  std::vector<Operand> operands;
  for (test::LaidOut& t : tensors) operands.push_back({t.data(), t.stride()});
  test::LaidOut output(map, 1);
  test::KernelRunner runner(variant.create(desc));
  runner.poison_scratch = false;
  for (auto _ : state) runner.run(operands, {output.data(), output.stride()}, 1);
  test::report(state, {inputs * map.bytes(), map.bytes()});
}

void register_map(const std::string& size, const FeatureMap& map) {
  const auto eltwise = test::usable({
      {Isa::kGeneric, eltwise_f32_generic_cost, eltwise_f32_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, eltwise_f32_avx2_cost, eltwise_f32_avx2},
      {Isa::kAvx512, eltwise_f32_avx512_cost, eltwise_f32_avx512},
#endif
  });
  const auto affine = test::usable({
      {Isa::kGeneric, channel_affine_f32_generic_cost, channel_affine_f32_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, channel_affine_f32_avx2_cost, channel_affine_f32_avx2},
      {Isa::kAvx512, channel_affine_f32_avx512_cost, channel_affine_f32_avx512},
#endif
  });
  for (int inputs : {2, 3})
    for (const test::Variant& v : eltwise) {
      const EltwiseDesc d{map, EltwiseKind::kSum, {}, inputs, ReluDesc{}};
      const std::string name = "sum_of_" + std::to_string(inputs) + "_relu/" + size + "/" + to_string(v.isa);
      benchmark::RegisterBenchmark(name.c_str(),
                                   [=](benchmark::State& s) { run_operation(s, d, map, inputs, v); });
    }
  for (const test::Variant& v : affine)
    benchmark::RegisterBenchmark(("channel_affine_relu/" + size + "/" + to_string(v.isa)).c_str(),
                                 [=](benchmark::State& s) {
                                   run_operation(s, ChannelAffineDesc{map, ReluDesc{}}, map, 1, v);
                                 });
}

const bool registered = [] {
  register_map("28x28x512", kSmall);
  register_map("56x56x256", kLarge);
  return true;
}();

}  // namespace
}  // namespace octet::kernels
