// Depthwise layers of MobileNet on one thread, and the share of this machine's peak.
#include <benchmark/benchmark.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

struct Layer {
  const char* name;
  std::int64_t channels, size, kernel, stride;
};
const Layer kLayers[] = {
    {"L1_12", 64, 12, 3, 1}, {"L1_28", 64, 28, 3, 1},{"a56x64", 64, 56, 3, 1},{"a14x64", 64, 14, 3, 1},{"a14x256", 256, 14, 3, 1},
    {"3x3_s1_112x112x32", 32, 112, 3, 1}, {"3x3_s2_112x112x64", 64, 112, 3, 2},
    {"3x3_s1_28x28x256", 256, 28, 3, 1},  {"3x3_s1_14x14x512", 512, 14, 3, 1},
    {"3x3_s1_7x7x1024", 1024, 7, 3, 1},   {"5x5_s1_14x14x480", 480, 14, 5, 1},
};

void run_layer(benchmark::State& state, const Layer& layer, const test::Variant& variant) {
  ConvDesc d;
  const std::int64_t pad = layer.kernel / 2;
  d.groups = layer.channels;
  d.input = {layer.channels, layer.size, layer.size, Layout::kNhwc, DataType::kUInt8, {0.02f, 0}};
  d.output = d.input;
  d.output.height = d.output.width = (layer.size + 2 * pad - layer.kernel) / layer.stride + 1;
  d.window = {layer.kernel, layer.kernel, layer.stride, layer.stride, pad, pad, pad, pad};
  d.relu = ReluDesc{};
  const auto taps = static_cast<std::size_t>(layer.kernel * layer.kernel);
  const auto channels = static_cast<std::size_t>(layer.channels);
  const std::vector<std::int8_t> weights(channels * taps, 3);
  const std::vector<std::int32_t> bias(channels, 100);
  const std::vector<float> multipliers(channels, 1e-3f);
  test::NhwcTensor input(d.input, 1), output(d.output, 1);
  input.fill_random(1);
  test::KernelRunner runner(variant.create(d), IntegerWeights{weights, bias, multipliers, {}});
  runner.poison_scratch = false;
  const Operand in = input.operand();
  for (auto _ : state) runner.run(std::span(&in, 1), output.operand(), 1);
  test::report(state, {d.input.bytes(), d.output.bytes(),
                       2.0 * static_cast<double>(d.output.elements()) * static_cast<double>(taps),
                       test::peak_gops(DataType::kUInt8, variant.isa)});
}

const bool registered =
    test::register_layers(kLayers,
                          test::usable({
                              {Isa::kGeneric, depthwise_i8_generic_cost, depthwise_i8_generic},
#ifdef OCTET_X86
                              {Isa::kAvx2, depthwise_i8_avx2_cost, depthwise_i8_avx2},
                              {Isa::kAvx512, depthwise_i8_avx512_cost, depthwise_i8_avx512},
                              {Isa::kAvx512Vnni, depthwise_i8_avx512vnni_cost, depthwise_i8_avx512vnni},
#endif
                          }),
                          run_layer);

}  // namespace
}  // namespace octet::kernels
