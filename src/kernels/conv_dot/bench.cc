// INT8 convolution of every shape of the study, and of grouped ones of other networks, one thread, calls of
// four images: GOPS and the share of the instruction set's integer peak measured just before, for each
// instruction set of this machine, with oneDNN (best instruction set; its layout changes not counted) beside
// it. Half of the inputs are zero, as a ReLU leaves them, and so they are in the peak of tiles, which depends
// on it. 16-bit integers and BF16 likewise. "model" is the share that amx_cost.cc expects.
//
//   conv_dot_bench --benchmark_filter=ResNet-50
//   conv_dot_bench --amx_model                       what amx_cost.cc expects, on any machine, nothing timed
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <omp.h>

#include <string_view>

#include "kernels/bfloat16.h"
#include "kernels/conv_dot/amx_convolution.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/test_convolution_bench.h"
#include "kernels/conv_f32/study_shapes.h"
#include "kernels/families.h"
#include "octet/machine.h"
#include "tests/support/onednn_convolution.h"

namespace octet::kernels {
namespace {

constexpr int kImages = 4;  // a depth-first group of a middle layer

/// Groups that are not blocks of 16 channels (merged_groups.h), and one that is.
constexpr conv_f32::StudyShape kGroupedShapes[] = {
    {"ResNeXt-50-32x4d", 128, 56, 128, 3, 1, 1, 32}, {"ResNeXt-50-32x4d", 256, 28, 256, 3, 1, 1, 32},
    {"ResNeXt-50-32x4d", 512, 14, 512, 3, 1, 1, 32}, {"RegNetX-200MF", 56, 28, 56, 3, 1, 1, 7},
    {"RegNetX-200MF", 152, 14, 152, 3, 1, 1, 19},    {"RegNetX-200MF", 368, 7, 368, 3, 1, 1, 46},
    {"RegNetX-600MF", 96, 28, 96, 3, 1, 1, 4},       {"RegNetX-600MF", 240, 14, 240, 3, 1, 1, 10},
    {"RegNetX-600MF", 528, 7, 528, 3, 1, 1, 22},     {"ShuffleNet-g3", 240, 28, 60, 1, 1, 0, 3},
    {"ShuffleNet-g3", 60, 28, 240, 1, 1, 0, 3},      {"ShuffleNet-g3", 480, 14, 120, 1, 1, 0, 3},
    {"ShuffleNet-g3", 120, 14, 480, 1, 1, 0, 3},
};

/// The study's shapes are FP32's; here pictures are bytes, four a pixel.
ConvDesc narrow_desc(const conv_f32::StudyShape& shape, bool residual, DataType type) {
  conv_dot::Case c{
      shape.in,    shape.size, shape.size, shape.out, conv_dot::square(shape.kernel, shape.stride, shape.pad),
      shape.groups};
  if (shape.in == 3) c.picture = 4;
  c.slope = 0.0f;
  c.residual = residual;
  c.type = c.output = type;
  return c.desc();
}

/// Of the multiply-adds that the tile unit can do in the cycles that amx_cost.cc expects.
double amx_share(const ConvDesc& desc, int images) {
  const double macs_of_cycle = desc.input.type == DataType::kBFloat16 ? 512 : 1024;
  return conv_dot::macs(desc) / (conv_dot::amx_cycles(desc, images) * macs_of_cycle);
}

void run_ours(benchmark::State& state, const ConvDesc& desc, Isa isa, conv_dot::Create create) {
  conv_dot::run_convolution(state, conv_dot::half_zero_problem(desc, kImages, conv_dot::Values::kRandom), isa,
                            create);
  if (isa == Isa::kAmx) state.counters["model"] = amx_share(desc, kImages);
}

void run_onednn(benchmark::State& state, const ConvDesc& desc, Isa best) {
  test::OneDnnConvolution convolution(desc, kImages);
  const double peak = measure_peaks(1, best).int8_gops;
  for (auto _ : state) convolution.run();
  conv_dot::report(state, desc, kImages, peak);
}

/// The last convolution of a ResNet's block.
bool takes_residual(const conv_f32::StudyShape& shape) {
  return shape.kernel == 1 && shape.stride == 1 && shape.out == 4 * shape.in;
}

void print_amx_model() {
  constexpr int kImagesOfModel = 16;
  fmt::print("{:44} {:>9} {:>9} {:>9} {:>6}\n", "an image, in calls of 16", "products", "kcycles", "of copy",
             "share");
  for (const conv_f32::StudyShape& shape : conv_f32::kStudyShapes) {
    for (bool residual : {false, true}) {
      if (residual && !takes_residual(shape)) continue;
      const ConvDesc desc = narrow_desc(shape, residual, DataType::kUInt8);
      const conv_dot::AmxWorkCount work = conv_dot::amx_work(desc, kImagesOfModel);
      fmt::print("{:44} {:9.0f} {:9.1f} {:9.1f} {:6.2f}\n", shape.name() + (residual ? " +residual" : ""),
                 work.products, conv_dot::amx_cycles(desc, kImagesOfModel) / 1e3, work.copy_cycles / 1e3,
                 amx_share(desc, kImagesOfModel));
    }
  }
}

void register_shape(const conv_f32::StudyShape& shape, bool residual, const MachineInfo& machine) {
  const ConvDesc desc = narrow_desc(shape, residual, DataType::kUInt8);
  const auto add = [&](const char* who, auto run) {
    const std::string name = shape.name() + (residual ? " +residual " : " ") + who;
    benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond);
  };
#ifdef OCTET_X86
  const auto ours = [&](Isa isa, conv_dot::Create create) {
    if (isa > machine.best_isa) return;
    add(to_string(isa), [=](benchmark::State& s) { run_ours(s, desc, isa, create); });
  };
  if (conv_i8_tiles_amx_cost(desc, kImages) >= 0) ours(Isa::kAmx, conv_i8_tiles_amx);
  ours(Isa::kAvx512Vnni, conv_i8_direct_avx512vnni);
  ours(Isa::kAvx512, conv_i8_direct_avx512);
  const auto wider = [&](Isa isa, DataType type, const char* who, conv_dot::Create create) {
    if (isa > machine.best_isa) return;
    const ConvDesc wide = narrow_desc(shape, residual, type);
    add(who, [=](benchmark::State& s) { run_ours(s, wide, isa, create); });
  };
  if (conv_i8_tiles_amx_cost(desc, kImages) >= 0)
    wider(Isa::kAmx, DataType::kBFloat16, "amx bf16", conv_bf16_tiles_amx);
  wider(Isa::kAvx512Bf16, DataType::kBFloat16, "avx512bf16 bf16", conv_bf16_direct_avx512bf16);
  wider(Isa::kAvx512Vnni, DataType::kInt16, "avx512vnni s16", conv_i16_direct_avx512vnni);
#endif
  if (!residual) add("onednn", [=](benchmark::State& s) { run_onednn(s, desc, machine.best_isa); });
}

void register_all() {
  const MachineInfo machine = describe_machine();
  for (const conv_f32::StudyShape& shape : conv_f32::kStudyShapes) {
    register_shape(shape, false, machine);
    if (takes_residual(shape)) register_shape(shape, true, machine);
  }
  for (const conv_f32::StudyShape& shape : kGroupedShapes) register_shape(shape, false, machine);
}

}  // namespace
}  // namespace octet::kernels

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--amx_model") return octet::kernels::print_amx_model(), 0;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  omp_set_num_threads(1);
  octet::kernels::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
