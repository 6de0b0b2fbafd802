// INT8 convolution of every shape of the study, one thread, calls of four images: GOPS and the share of the
// instruction set's integer peak measured just before, for each instruction set of this machine, with oneDNN
// (best instruction set; its layout changes not counted) beside it. Half of the inputs are zero, as a ReLU
// leaves them.
//
//   conv_dot_bench --benchmark_filter=ResNet-50
#include <benchmark/benchmark.h>
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/test_convolution.h"
#include "kernels/conv_f32/study_shapes.h"
#include "kernels/families.h"
#include "octet/machine.h"

namespace octet::kernels {
namespace {

constexpr int kImages = 4;  // a depth-first group of a middle layer

/// The study's shapes are FP32's; here pictures are bytes, four a pixel.
ConvDesc integer_desc(const conv_f32::StudyShape& shape, bool residual) {
  conv_dot::Case c{
      shape.in,    shape.size, shape.size, shape.out, conv_dot::square(shape.kernel, shape.stride, shape.pad),
      shape.groups};
  if (shape.in == 3) c.picture = 4;
  c.slope = 0.0f;
  c.residual = residual;
  return c.desc();
}

conv_dot::Problem half_zero_problem(const ConvDesc& desc) {
  conv_dot::Problem problem(desc, kImages, 1);
  std::mt19937 engine(1);
  std::uniform_int_distribution<int> any(0, 255), coin(0, 1);
  problem.input.fill([&](int, std::int64_t, std::int64_t) { return coin(engine) * any(engine); });
  return problem;
}

void report(benchmark::State& state, const ConvDesc& desc, double peak_gops) {
  const double gigaops = 2 * conv_dot::macs(desc) * kImages * 1e-9 * static_cast<double>(state.iterations());
  state.counters["GOPS"] = benchmark::Counter(gigaops, benchmark::Counter::kIsRate);
  state.counters["of_peak"] = benchmark::Counter(gigaops / peak_gops, benchmark::Counter::kIsRate);
}

void run_ours(benchmark::State& state, const ConvDesc& desc, Isa isa, conv_dot::Create create) {
  conv_dot::Problem problem = half_zero_problem(desc);
  const auto kernel = create(desc);
  base::AlignedBuffer packed(kernel->packed_bytes());
  base::AlignedBuffer scratch(kernel->scratch_bytes(kImages) + base::kCacheLine);
  kernel->pack_integer(problem.integer_weights(), {packed.data(), packed.size()});
  test::NhwcTensor output(desc.output, kImages);
  const Operand inputs[] = {problem.input.operand(), desc.residual ? problem.residual->operand() : Operand{}};
  Call call;
  call.images = kImages;
  call.inputs = inputs;
  call.output = output.operand();
  call.weights = packed.data();
  call.scratch = scratch.data();
  const double peak = measure_peaks(1, isa).int8_gops;
  for (auto _ : state) kernel->run(call);
  report(state, desc, peak);
}

/// u8 x s8 -> u8, a scale a channel. What the numbers are does not matter here.
class OneDnnConvolution {
 public:
  explicit OneDnnConvolution(const ConvDesc& desc) : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    using dnnl::memory;
    using Type = memory::data_type;
    const WindowDesc& w = desc.window;
    const auto any = [](const memory::dims& dims, Type type) {
      return memory::desc(dims, type, memory::format_tag::any);
    };
    const auto map = [&](const FeatureMap& m) {
      return any({kImages, m.channels, m.height, m.width}, Type::u8);
    };
    const memory::dims kernel = {desc.groups, desc.output.channels / desc.groups,
                                 desc.input.channels / desc.groups, w.kernel_h, w.kernel_w};
    const dnnl::convolution_forward::desc operation(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, map(desc.input),
        any(kernel, Type::s8), any({desc.output.channels}, Type::s32), map(desc.output),
        {w.stride_h, w.stride_w}, {0, 0}, {w.pad_top, w.pad_left}, {w.pad_bottom, w.pad_right});
    dnnl::primitive_attr attributes;
    attributes.set_output_scales(2,
                                 std::vector<float>(static_cast<std::size_t>(desc.output.channels), 1e-4f));
    dnnl::post_ops after;
    after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    attributes.set_post_ops(after);
    const dnnl::convolution_forward::primitive_desc primitive(operation, attributes, engine_);
    convolution_ = dnnl::convolution_forward(primitive);
    input_ = memory(primitive.src_desc(), engine_);
    output_ = memory(primitive.dst_desc(), engine_);
    weights_ = memory(primitive.weights_desc(), engine_);
    bias_ = memory(primitive.bias_desc(), engine_);
    std::mt19937 random(1);
    std::uniform_int_distribution<int> byte(-127, 127), coin(0, 1);
    fill(input_, [&] { return coin(random) * byte(random); });
    fill(weights_, [&] { return byte(random); });
    fill(bias_, [] { return 0; });
  }
  void run() {
    convolution_.execute(stream_, {{DNNL_ARG_SRC, input_},
                                   {DNNL_ARG_WEIGHTS, weights_},
                                   {DNNL_ARG_BIAS, bias_},
                                   {DNNL_ARG_DST, output_}});
    stream_.wait();
  }

 private:
  template <class Value>
  static void fill(dnnl::memory& memory, Value value) {
    auto* bytes = static_cast<std::int8_t*>(memory.get_data_handle());
    for (std::size_t i = 0; i < memory.get_desc().get_size(); ++i)
      bytes[i] = static_cast<std::int8_t>(value());
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::convolution_forward convolution_;
  dnnl::memory input_, output_, weights_, bias_;
};

void run_onednn(benchmark::State& state, const ConvDesc& desc, Isa best) {
  OneDnnConvolution convolution(desc);
  const double peak = measure_peaks(1, best).int8_gops;
  for (auto _ : state) convolution.run();
  report(state, desc, peak);
}

void register_all() {
  const MachineInfo machine = describe_machine();
  for (const conv_f32::StudyShape& shape : conv_f32::kStudyShapes) {
    for (bool residual : {false, true}) {
      // The last convolution of a ResNet's block.
      if (residual && (shape.kernel != 1 || shape.stride != 1 || shape.out != 4 * shape.in)) continue;
      const ConvDesc desc = integer_desc(shape, residual);
      const auto add = [&](const char* who, auto run) {
        const std::string name = shape.name() + (residual ? " +residual " : " ") + who;
        benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond);
      };
#ifdef OCTET_X86
      const auto ours = [&](Isa isa, conv_dot::Create create) {
        if (isa > machine.best_isa) return;
        add(to_string(isa), [=](benchmark::State& s) { run_ours(s, desc, isa, create); });
      };
      ours(Isa::kAmx, conv_i8_tiles_amx);
      ours(Isa::kAvx512Vnni, conv_i8_direct_avx512vnni);
      ours(Isa::kAvx512, conv_i8_direct_avx512);
#endif
      if (!residual) add("onednn", [=](benchmark::State& s) { run_onednn(s, desc, machine.best_isa); });
    }
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
