// Exact INT8 Winograd beside the direct convolution of the same instruction set, one thread: every 3x3 layer
// of stride 1 of the study, in calls of so many images as a group of its stage has. GOPS of the layer as it
// is defined, and their share of the instruction set's integer peak measured just before, which Winograd can
// exceed. Half of the inputs are zero, as a ReLU leaves them.
//
//   conv_i8_winograd_bench --benchmark_filter='ResNet-50.*x8'
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/test_convolution.h"
#include "kernels/conv_f32/study_shapes.h"
#include "kernels/families.h"
#include "octet/machine.h"

namespace octet::kernels {
namespace {

void run(benchmark::State& state, const ConvDesc& desc, int images, Isa isa, conv_dot::Create create) {
  conv_dot::Problem problem(desc, images, 1, conv_dot::Values::kNormal);
  std::mt19937 engine(1);
  std::uniform_int_distribution<int> any(0, 255), coin(0, 1);
  problem.input.fill([&](int, std::int64_t, std::int64_t) { return coin(engine) * any(engine); });
  const auto kernel = create(desc);
  base::AlignedBuffer packed(kernel->packed_bytes());
  base::AlignedBuffer scratch(kernel->scratch_bytes(images) + base::kCacheLine);
  kernel->pack_integer(problem.integer_weights(), {packed.data(), packed.size()});
  test::NhwcTensor output(desc.output, images);
  const Operand inputs[] = {problem.input.operand()};
  Call call;
  call.images = images;
  call.inputs = inputs;
  call.output = output.operand();
  call.weights = packed.data();
  call.scratch = scratch.data();
  const double peak = measure_peaks(1, isa).int8_gops;
  for (auto _ : state) kernel->run(call);
  const double gigaops = 2 * conv_dot::macs(desc) * images * 1e-9 * static_cast<double>(state.iterations());
  state.counters["GOPS"] = benchmark::Counter(gigaops, benchmark::Counter::kIsRate);
  state.counters["of_peak"] = benchmark::Counter(gigaops / peak, benchmark::Counter::kIsRate);
}

void register_all() {
  const MachineInfo machine = describe_machine();
  for (const conv_f32::StudyShape& shape : conv_f32::kStudyShapes) {
    if (shape.kernel != 3 || shape.stride != 1 || shape.in < 16) continue;
    conv_dot::Case c{shape.in,    shape.size, shape.size, shape.out, conv_dot::square(3, 1, shape.pad),
                     shape.groups};
    c.slope = 0.0f;
    const ConvDesc desc = c.desc();
    for (int images = 1; images <= 16 && images * desc.output.pixels() <= 16 * 28 * 28; images *= 2) {
      const auto add = [&](Isa isa, const char* who, conv_dot::Create create) {
        if (isa > machine.best_isa) return;
        benchmark::RegisterBenchmark(
            fmt::format("{} x{} {} {}", shape.name(), images, to_string(isa), who).c_str(),
            [=](benchmark::State& s) { run(s, desc, images, isa, create); })
            ->Unit(benchmark::kMillisecond);
      };
#ifdef OCTET_X86
      add(Isa::kAvx512Vnni, "direct", conv_i8_direct_avx512vnni);
      add(Isa::kAvx512Vnni, "winograd", conv_i8_winograd_avx512vnni);
      add(Isa::kAvx512, "direct", conv_i8_direct_avx512);
      add(Isa::kAvx512, "winograd", conv_i8_winograd_avx512);
      add(Isa::kAvx2, "direct", conv_i8_direct_avx2);
      add(Isa::kAvx2, "winograd", conv_i8_winograd_avx2);
#endif
    }
  }
}

}  // namespace
}  // namespace octet::kernels

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  octet::kernels::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
