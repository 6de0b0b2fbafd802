// Fully connected layers of the study's networks on one thread, with oneDNN beside them in the same run.
// Counters: GFLOPS, bytes a second (weights, mostly) and the share of this machine's peak, of bandwidth for
// small batches and of compute for large ones.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <string>

#include "kernels/families.h"
#include "octet/machine.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"

namespace octet::kernels {
namespace {

struct Layer {
  const char* name;
  std::int64_t channels, size, outputs;
};
const Layer kLayers[] = {
    {"alexnet_fc6", 256, 6, 4096},    {"alexnet_fc7", 4096, 1, 4096}, {"alexnet_fc8", 4096, 1, 1000},
    {"resnet_fc1000", 2048, 1, 1000}, {"vgg_fc6", 512, 7, 4096},
};
constexpr int kBatches[] = {1, 2, 8, 16, 32, 128};

std::size_t features(const Layer& layer) {
  return static_cast<std::size_t>(layer.channels * layer.size * layer.size);
}
std::size_t weights(const Layer& layer) { return features(layer) * static_cast<std::size_t>(layer.outputs); }

void set_counters(benchmark::State& state, const Layer& layer, int images, Isa isa) {
  const double operations = 2 * static_cast<double>(weights(layer)) * images;
  const auto bytes = [](std::size_t values) { return static_cast<std::int64_t>(values * sizeof(float)); };
  test::report(state, {bytes(weights(layer) + features(layer) * static_cast<std::size_t>(images)),
                       bytes(static_cast<std::size_t>(layer.outputs * images)), operations,
                       test::peak_gops(DataType::kFloat32, isa)});
  state.counters["GFLOPS"] =
      benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void run_octet(benchmark::State& state, const Layer& layer, int images, const test::Variant& variant) {
  FullyConnectedDesc desc;
  desc.input = {layer.channels, layer.size, layer.size};
  desc.output = {layer.outputs, 1, 1};
  desc.has_bias = true;
  desc.relu = ReluDesc{};
  const std::vector<float> values(features(layer) * static_cast<std::size_t>(images), 0.5f);
  test::LaidOut input(desc.input, images, values), output(desc.output, images);
  test::KernelRunner runner(variant.create(desc),
                            {std::vector<float>(weights(layer), 0.01f),
                             std::vector<float>(static_cast<std::size_t>(layer.outputs), 0.1f)});
  runner.poison_scratch = false;
  for (auto _ : state) runner.run({&input}, output, images);
  set_counters(state, layer, images, variant.isa);
}

/// oneDNN's inner product with the layouts it prefers.
void run_onednn(benchmark::State& state, const Layer& layer, int images) {
  using dnnl::memory;
  using tag = memory::format_tag;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto any = [](const memory::dims& dims) {
    return memory::desc(dims, memory::data_type::f32, tag::any);
  };
  const auto inputs = static_cast<memory::dim>(features(layer));
  const dnnl::inner_product_forward::desc forward(dnnl::prop_kind::forward_inference, any({images, inputs}),
                                                  any({layer.outputs, inputs}), any({layer.outputs}),
                                                  any({images, layer.outputs}));
  dnnl::post_ops relu;
  relu.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(relu);
  const dnnl::inner_product_forward::primitive_desc primitive(forward, attributes, engine);
  const auto filled = [&](const memory::desc& desc) {
    memory m(desc, engine);
    std::fill_n(static_cast<float*>(m.get_data_handle()), desc.get_size() / sizeof(float), 0.01f);
    return m;
  };
  std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, filled(primitive.src_desc())},
                                               {DNNL_ARG_WEIGHTS, filled(primitive.weights_desc())},
                                               {DNNL_ARG_BIAS, filled(primitive.bias_desc())},
                                               {DNNL_ARG_DST, filled(primitive.dst_desc())}};
  dnnl::inner_product_forward product(primitive);
  omp_set_num_threads(1);
  for (auto _ : state) {
    product.execute(stream, arguments);
    stream.wait();
  }
  set_counters(state, layer, images, describe_machine().best_isa);
}

const bool registered = [] {
  std::vector<test::Variant> variants;
#ifdef OCTET_X86
  variants = test::usable({{Isa::kAvx2, fully_connected_f32_avx2_cost, fully_connected_f32_avx2},
                           {Isa::kAvx512, fully_connected_f32_avx512_cost, fully_connected_f32_avx512}});
#endif
  for (const Layer& layer : kLayers)
    for (const int images : kBatches) {
      const std::string name = std::string(layer.name) + "/batch" + std::to_string(images) + "/";
      for (const test::Variant& variant : variants)
        benchmark::RegisterBenchmark(
            (name + to_string(variant.isa)).c_str(),
            [=, &layer](benchmark::State& s) { run_octet(s, layer, images, variant); });
      benchmark::RegisterBenchmark((name + "onednn").c_str(),
                                   [=, &layer](benchmark::State& s) { run_onednn(s, layer, images); });
    }
  return true;
}();

}  // namespace
}  // namespace octet::kernels
