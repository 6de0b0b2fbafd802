// INT8 depthwise layers of MobileNet v1 (a), v2 (b) and v3 (c) and EfficientNet-Lite0 (d), one thread, one
// image: multiply-adds a nanosecond and the share of this machine's peak, for each instruction set, with
// oneDNN (best instruction set; its layout changes not counted) beside it.
//
//   depthwise_i8_bench --benchmark_filter='vnni|onednn'
#include <benchmark/benchmark.h>
#include <omp.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"
#include "tests/support/nhwc_tensor.h"
#include "tests/support/onednn_convolution.h"

namespace octet::kernels {
namespace {

struct Layer {
  const char* name;
  std::int64_t channels, size, kernel, stride;
};
const Layer kLayers[] = {
    {"3x3 of 32 at 112 (abd)", 32, 112, 3, 1},   {"3x3 s2 of 64 at 112 (ac)", 64, 112, 3, 2},
    {"3x3 s2 of 96 at 112 (bd)", 96, 112, 3, 2}, {"3x3 of 128 at 56 (a)", 128, 56, 3, 1},
    {"3x3 of 144 at 56 (bd)", 144, 56, 3, 1},    {"3x3 s2 of 144 at 56 (b)", 144, 56, 3, 2},
    {"5x5 s2 of 144 at 56 (d)", 144, 56, 5, 2},  {"3x3 of 256 at 28 (a)", 256, 28, 3, 1},
    {"3x3 of 192 at 28 (b)", 192, 28, 3, 1},     {"5x5 of 120 at 28 (c)", 120, 28, 5, 1},
    {"5x5 of 240 at 28 (d)", 240, 28, 5, 1},     {"3x3 of 512 at 14 (a)", 512, 14, 3, 1},
    {"3x3 of 384 at 14 (b)", 384, 14, 3, 1},     {"3x3 of 200 at 14 (c)", 200, 14, 3, 1},
    {"5x5 of 672 at 14 (d)", 672, 14, 5, 1},     {"5x5 s2 of 672 at 14 (cd)", 672, 14, 5, 2},
    {"3x3 of 1024 at 7 (a)", 1024, 7, 3, 1},     {"3x3 of 960 at 7 (b)", 960, 7, 3, 1},
    {"5x5 of 960 at 7 (c)", 960, 7, 5, 1},       {"5x5 of 1152 at 7 (d)", 1152, 7, 5, 1},
};

ConvDesc describe(const Layer& layer) {
  ConvDesc d;
  const std::int64_t pad = layer.kernel / 2;
  d.groups = layer.channels;
  d.input = {layer.channels, layer.size, layer.size, Layout::kNhwc, DataType::kUInt8, {0.02f, 0}};
  d.output = d.input;
  d.output.height = d.output.width = (layer.size + 2 * pad - layer.kernel) / layer.stride + 1;
  d.window = {layer.kernel, layer.kernel, layer.stride, layer.stride, pad, pad, pad, pad};
  d.relu = ReluDesc{};
  return d;
}

void report(benchmark::State& state, const ConvDesc& d, Isa isa) {
  const double macs = static_cast<double>(d.output.channels * d.output.pixels()) *
                      static_cast<double>(d.window.kernel_h * d.window.kernel_w);
  test::report(state, {d.input.bytes(), d.output.bytes(), 2 * macs, test::peak_gops(DataType::kUInt8, isa)});
  state.counters["macs_ns"] = benchmark::Counter(1e-9 * macs, benchmark::Counter::kIsIterationInvariantRate);
}

void run_layer(benchmark::State& state, const Layer& layer, const test::Variant& variant) {
  const ConvDesc d = describe(layer);
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
  report(state, d, variant.isa);
}

void run_onednn(benchmark::State& state, const Layer& layer) {
  const ConvDesc d = describe(layer);
  omp_set_num_threads(1);
  test::OneDnnConvolution convolution(d, 1);
  for (auto _ : state) convolution.run();
  report(state, d, describe_machine().best_isa);
}

bool register_onednn() {
  for (const Layer& layer : kLayers)
    benchmark::RegisterBenchmark((std::string(layer.name) + "/onednn").c_str(),
                                 [&layer](benchmark::State& s) { run_onednn(s, layer); });
  return true;
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
                          run_layer) &&
    register_onednn();

}  // namespace
}  // namespace octet::kernels
