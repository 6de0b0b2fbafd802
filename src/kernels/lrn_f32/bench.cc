// The study's normalisation layers on one thread, and the share of this machine's peak.
#include <benchmark/benchmark.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"

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

LrnDesc describe(const Layer& layer) {
  LrnDesc d;
  d.map = {layer.channels, layer.size, layer.size};
  d.alpha = 1e-4f;
  d.beta = layer.beta;
  d.across_channels = layer.across;
  return d;
}

void run_layer(benchmark::State& state, const Layer& layer, const test::Variant& variant) {
  const LrnDesc d = describe(layer);
  test::LaidOut input(d.map, 1, std::vector<float>(static_cast<std::size_t>(d.map.elements()), 1.0f));
  test::LaidOut output(d.map, 1);
  test::KernelRunner runner(variant.create(d));
  runner.poison_scratch = false;
  for (auto _ : state) runner.run({&input}, output, 1);
  test::report(state, {d.map.bytes(), d.map.bytes()});
}

const bool registered = test::register_layers(kLayers,
                                              test::usable({
                                                  {Isa::kGeneric, lrn_f32_generic_cost, lrn_f32_generic},
#ifdef OCTET_X86
                                                  {Isa::kAvx2, lrn_f32_avx2_cost, lrn_f32_avx2},
                                                  {Isa::kAvx512, lrn_f32_avx512_cost, lrn_f32_avx512},
#endif
                                              }),
                                              run_layer);

}  // namespace
}  // namespace octet::kernels
