// Convolution of every shape of the study, direct and where it can by Winograd, one thread, calls of four
// images: GFLOPS and the share of the multiply-add peak measured just after, for each instruction set of
// this machine, with oneDNN (best instruction set; its layout changes not counted) beside it. GFLOPS count
// the direct way's operations, so that Winograd may pass the peak. Depthwise layers of MobileNet too, whose
// peak may be the bandwidth's.
//
//   conv_f32_bench --benchmark_filter=ResNet-50
#include <benchmark/benchmark.h>
#include <omp.h>

#include "kernels/conv_f32/convolution.h"
#include "kernels/conv_f32/depthwise.h"
#include "kernels/conv_f32/onednn_convolution.h"
#include "kernels/conv_f32/study_shapes.h"
#include "kernels/families.h"
#include "octet/machine.h"
#include "tests/support/layer_bench.h"
#include "tests/support/tensors.h"

namespace octet::kernels {
namespace {

constexpr int kImages = 4;  // a depth-first group of a middle layer

struct Values {
  explicit Values(const ConvDesc& desc) {
    const auto count = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    input = test::random_floats(count(kImages * desc.input.channels * desc.input.pixels()), 1);
    weights = test::random_floats(count(desc.output.channels * (desc.input.channels / desc.groups) *
                                        desc.window.kernel_h * desc.window.kernel_w),
                                  2);
    bias = test::random_floats(count(desc.output.channels), 3);
  }
  std::vector<float> input, weights, bias;
};

void report(benchmark::State& state, const ConvDesc& desc, Isa isa) {
  const double peak_gflops = test::peak_gops(DataType::kFloat32, isa);
  const double operations = 2 * conv_f32::macs(desc) * kImages;
  if (conv_f32::is_depthwise(desc))
    return test::report(
        state, {kImages * desc.input.bytes(), kImages * desc.output.bytes(), operations, peak_gflops});
  const double gigaflops = operations * 1e-9 * static_cast<double>(state.iterations());
  state.counters["GFLOPS"] = benchmark::Counter(gigaflops, benchmark::Counter::kIsRate);
  state.counters["of_peak"] = benchmark::Counter(gigaflops / peak_gflops, benchmark::Counter::kIsRate);
}

void run_ours(benchmark::State& state, const ConvDesc& desc, Isa isa,
              std::unique_ptr<Kernel> (*create)(const OpDesc&)) {
  const Values values(desc);
  const auto kernel = create(desc);
  base::AlignedBuffer packed(kernel->packed_bytes());
  base::AlignedBuffer scratch(kernel->scratch_bytes(kImages) + base::kCacheLine);
  const std::vector<std::span<const float>> weights = {values.weights, values.bias};
  kernel->pack(weights, {packed.data(), packed.size()});
  test::LaidOut input(desc.input, kImages, values.input), output(desc.output, kImages);
  const Operand inputs[] = {{input.data(), input.stride()}};
  Call call;
  call.images = kImages;
  call.inputs = inputs;
  call.output = {output.data(), output.stride()};
  call.weights = packed.data();
  call.scratch = scratch.data();
  for (auto _ : state) kernel->run(call);
  report(state, desc, isa);
}

void run_onednn(benchmark::State& state, const ConvDesc& desc, Isa best) {
  const Values values(desc);
  conv_f32::OneDnnConvolution convolution(desc, kImages, values.weights, values.bias);
  convolution.set_input(values.input);
  for (auto _ : state) convolution.run();
  report(state, desc, best);
}

constexpr conv_f32::StudyShape kDepthwiseShapes[] = {
    {"MobileNet", 32, 112, 32, 3, 1, 1, 32},
    {"MobileNet", 64, 112, 64, 3, 2, 1, 64},
    {"MobileNet", 256, 28, 256, 3, 1, 1, 256},
    {"MobileNet", 512, 14, 512, 3, 1, 1, 512},
};

void register_all() {
  const MachineInfo machine = describe_machine();
  const auto usable = [&](Isa isa) { return isa <= machine.best_isa; };
  std::vector<conv_f32::StudyShape> shapes(std::begin(conv_f32::kStudyShapes),
                                           std::end(conv_f32::kStudyShapes));
  shapes.insert(shapes.end(), std::begin(kDepthwiseShapes), std::end(kDepthwiseShapes));
  for (const conv_f32::StudyShape& shape : shapes) {
    const ConvDesc desc = shape.desc();
    const auto add = [&](const char* who, auto run) {
      benchmark::RegisterBenchmark((shape.name() + " " + who).c_str(), run)->Unit(benchmark::kMillisecond);
    };
#ifdef OCTET_X86
    if (usable(Isa::kAvx512))
      add("avx512", [=](benchmark::State& s) { run_ours(s, desc, Isa::kAvx512, conv_f32_direct_avx512); });
    if (usable(Isa::kAvx2))
      add("avx2", [=](benchmark::State& s) { run_ours(s, desc, Isa::kAvx2, conv_f32_direct_avx2); });
    const bool winograd = conv_f32_winograd_avx2_cost(desc, kImages) >= 0;
    if (winograd && usable(Isa::kAvx512))
      add("winograd avx512",
          [=](benchmark::State& s) { run_ours(s, desc, Isa::kAvx512, conv_f32_winograd_avx512); });
    if (winograd && usable(Isa::kAvx2))
      add("winograd avx2",
          [=](benchmark::State& s) { run_ours(s, desc, Isa::kAvx2, conv_f32_winograd_avx2); });
#endif
    add("onednn", [=](benchmark::State& s) { run_onednn(s, desc, machine.best_isa); });
  }
}

}  // namespace
}  // namespace octet::kernels

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  omp_set_num_threads(1);
  octet::kernels::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
