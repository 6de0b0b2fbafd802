// Activations of a MobileNet v3 map on one thread, and the share of this machine's peak.
#include <benchmark/benchmark.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"

namespace octet::kernels {
namespace {

struct Layer {
  const char* name;
  ActivationFunction function;
};
const Layer kLayers[] = {{"sigmoid", ActivationFunction::kSigmoid},
                         {"tanh", ActivationFunction::kTanh},
                         {"hard_sigmoid", ActivationFunction::kHardSigmoid},
                         {"hard_swish", ActivationFunction::kHardSwish},
                         {"clip", ActivationFunction::kClip},
                         {"rounding", ActivationFunction::kRounding}};

void run_layer(benchmark::State& state, const Layer& layer, const test::Variant& variant) {
  ActivationDesc d;
  d.map = d.output = {240, 28, 28};
  d.function = layer.function, d.a = 0.2f, d.b = 0.5f;
  test::LaidOut input(d.map, 1, std::vector<float>(static_cast<std::size_t>(d.map.elements()), 1.0f));
  test::LaidOut output(d.map, 1);
  test::KernelRunner runner(variant.create(d));
  runner.poison_scratch = false;
  for (auto _ : state) runner.run({&input}, output, 1);
  test::report(state, {d.map.bytes(), d.map.bytes()});
}

const bool registered =
    test::register_layers(kLayers,
                          test::usable({
                              {Isa::kGeneric, activation_f32_generic_cost, activation_f32_generic},
#ifdef OCTET_X86
                              {Isa::kAvx2, activation_f32_avx2_cost, activation_f32_avx2},
                              {Isa::kAvx512, activation_f32_avx512_cost, activation_f32_avx512},
#endif
                          }),
                          run_layer);

}  // namespace
}  // namespace octet::kernels
