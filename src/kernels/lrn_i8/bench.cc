// The study's normalisation layers on one thread, and the share of this machine's peak.
#include <benchmark/benchmark.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

struct Layer {
  const char* name;
  std::int64_t channels, size;
  float beta;
  bool across;
};
const Layer kLayers[] = {
    {"alexnet_norm1", 96, 55, 0.75f, true},       {"alexnet_norm2", 256, 27, 0.75f, true},
    {"googlenet_norm2", 192, 56, 0.75f, true},    {"any_exponent", 96, 55, 0.6f, true},
    {"within_channel_5x5", 96, 27, 0.75f, false},
};

void run_layer(benchmark::State& state, const Layer& layer, const test::Variant& variant) {
  LrnDesc d;
  d.map = {layer.channels, layer.size, layer.size, Layout::kNhwc, DataType::kUInt8, {1.5f, 0}};
  d.output = d.map;
  d.output.quantization.scale = 0.6f;
  d.alpha = 1e-4f;
  d.beta = layer.beta;
  d.across_channels = layer.across;
  test::NhwcTensor input(d.map, 1), output(d.output, 1);
  input.fill_random(1);
  test::KernelRunner runner(variant.create(d));
  runner.poison_scratch = false;
  const Operand in = input.operand();
  for (auto _ : state) runner.run(std::span(&in, 1), output.operand(), 1);
  test::report(state, {d.map.bytes(), d.output.bytes()});
}

const bool registered = test::register_layers(kLayers,
                                              test::usable({
                                                  {Isa::kGeneric, lrn_i8_generic_cost, lrn_i8_generic},
#ifdef OCTET_X86
                                                  {Isa::kAvx2, lrn_i8_avx2_cost, lrn_i8_avx2},
                                                  {Isa::kAvx512, lrn_i8_avx512_cost, lrn_i8_avx512},
#endif
                                              }),
                                              run_layer);

}  // namespace
}  // namespace octet::kernels
