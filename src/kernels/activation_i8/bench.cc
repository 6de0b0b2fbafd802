// Activations of a MobileNet v3 map of bytes on one thread, and the share of this machine's peak. All
// functions are the same table look-up.
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
};
const Layer kLayers[] = {{"hard_swish_240x28x28", 240, 28}, {"hard_swish_960x7x7", 960, 7}};

void run_layer(benchmark::State& state, const Layer& layer, const test::Variant& variant) {
  ActivationDesc d;
  d.map = {layer.channels, layer.size, layer.size, Layout::kNhwc, DataType::kUInt8, {0.03f, 128}};
  d.output = d.map;
  d.function = ActivationFunction::kHardSwish;
  test::NhwcTensor input(d.map, 1), output(d.output, 1);
  input.fill_random(1);
  test::KernelRunner runner(variant.create(d));
  runner.poison_scratch = false;
  const Operand in = input.operand();
  for (auto _ : state) runner.run(std::span(&in, 1), output.operand(), 1);
  test::report(state, {d.map.bytes(), d.map.bytes()});
}

const bool registered =
    test::register_layers(kLayers,
                          test::usable({
                              {Isa::kGeneric, activation_i8_generic_cost, activation_i8_generic},
#ifdef OCTET_X86
                              {Isa::kAvx2, activation_i8_avx2_cost, activation_i8_avx2},
                              {Isa::kAvx512, activation_i8_avx512_cost, activation_i8_avx512},
#endif
                          }),
                          run_layer);

}  // namespace
}  // namespace octet::kernels
