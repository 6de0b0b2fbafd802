// A sum with a ReLU, a maximum and a channel affine of bytes on one thread, and the share of this machine's
// peak.
#include <benchmark/benchmark.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

const FeatureMap kMap = {512, 28, 28, Layout::kNhwc, DataType::kUInt8, {0.02f, 3}};

void run_operation(benchmark::State& state, const OpDesc& desc, int inputs, const test::Variant& variant) {
  std::vector<test::NhwcTensor> tensors;
  std::vector<Operand> operands;
  for (int i = 0; i < inputs; ++i) {
    tensors.emplace_back(kMap, 1);
    tensors.back().fill_random(1);
    operands.push_back(tensors.back().operand());
  }
  test::NhwcTensor output(kMap, 1);
  test::KernelRunner runner(variant.create(desc));
  runner.poison_scratch = false;
  for (auto _ : state) runner.run(operands, output.operand(), 1);
  test::report(state, {inputs * kMap.bytes(), kMap.bytes()});
}

EltwiseDesc describe(EltwiseKind kind, int inputs) {
  EltwiseDesc d;
  d.map = kMap;
  d.kind = kind;
  d.inputs = inputs;
  d.relu = ReluDesc{};
  d.input_maps.assign(static_cast<std::size_t>(inputs), kMap);
  for (FeatureMap& input : d.input_maps) input.quantization.scale = 0.013f;
  return d;
}

void add(const std::string& name, const OpDesc& desc, int inputs,
         const std::vector<test::Variant>& variants) {
  for (const test::Variant& v : variants)
    benchmark::RegisterBenchmark((name + "/" + to_string(v.isa)).c_str(),
                                 [=](benchmark::State& s) { run_operation(s, desc, inputs, v); });
}

const bool registered = [] {
  const auto eltwise = test::usable({
      {Isa::kGeneric, eltwise_i8_generic_cost, eltwise_i8_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, eltwise_i8_avx2_cost, eltwise_i8_avx2},
      {Isa::kAvx512, eltwise_i8_avx512_cost, eltwise_i8_avx512},
#endif
  });
  const auto affine = test::usable({
      {Isa::kGeneric, channel_affine_i8_generic_cost, channel_affine_i8_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, channel_affine_i8_avx2_cost, channel_affine_i8_avx2},
      {Isa::kAvx512, channel_affine_i8_avx512_cost, channel_affine_i8_avx512},
#endif
  });
  add("sum_of_2_relu", describe(EltwiseKind::kSum, 2), 2, eltwise);
  add("sum_of_3_relu", describe(EltwiseKind::kSum, 3), 3, eltwise);
  add("max_of_2_relu", describe(EltwiseKind::kMax, 2), 2, eltwise);
  ChannelAffineDesc d;
  d.map = d.output = kMap;
  add("channel_affine", d, 1, affine);
  return true;
}();

}  // namespace
}  // namespace octet::kernels
