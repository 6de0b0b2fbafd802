// Exact INT8 Winograd beside the direct convolution of the same instruction set, one thread: every 3x3 and
// 5x5 layer of stride 1 of the study, in calls of so many images as a group of its stage has. GOPS of the
// layer as it is defined, and their share of the instruction set's integer peak measured just before, which
// Winograd can exceed. Half of the inputs are zero, as a ReLU leaves them.
//
//   conv_i8_winograd_bench --benchmark_filter='ResNet-50.*x8'
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "kernels/conv_dot/test_convolution_bench.h"
#include "kernels/conv_f32/study_shapes.h"
#include "kernels/families.h"
#include "octet/machine.h"

namespace octet::kernels {
namespace {

void register_all() {
  const MachineInfo machine = describe_machine();
  for (const conv_f32::StudyShape& shape : conv_f32::kStudyShapes) {
    if (shape.kernel < 3 || shape.stride != 1 || shape.in < 16) continue;
    conv_dot::Case c{
        shape.in,    shape.size, shape.size, shape.out, conv_dot::square(shape.kernel, 1, shape.pad),
        shape.groups};
    c.slope = 0.0f;
    const ConvDesc desc = c.desc();
    for (int images = 1; images <= 16 && images * desc.output.pixels() <= 16 * 28 * 28; images *= 2) {
      const auto add = [&](Isa isa, const char* who, conv_dot::Create create) {
        if (isa > machine.best_isa) return;
        benchmark::RegisterBenchmark(
            fmt::format("{} x{} {} {}", shape.name(), images, to_string(isa), who).c_str(),
            [=](benchmark::State& s) {
              conv_dot::run_convolution(
                  s, conv_dot::half_zero_problem(desc, images, conv_dot::Values::kNormal), isa, create);
            })
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
