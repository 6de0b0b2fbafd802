// Fully connected layers of the study's networks on one thread, oneDNN's INT8 beside them in the same run.
// Counters: GOPS, bytes a second (weights, mostly) and the share of this machine's peak, of bandwidth for
// small batches and of compute for large ones. "pack": the packing of the weights.
//
//   fully_connected_dot_bench --benchmark_filter=batch1/
#include <benchmark/benchmark.h>
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <random>
#include <string>

#include "kernels/families.h"
#include "kernels/fully_connected_dot/test_entries.h"
#include "octet/machine.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

struct Layer {
  const char* name;
  std::int64_t channels, size, outputs;

  std::size_t features() const { return static_cast<std::size_t>(channels * size * size); }
  std::size_t weights() const { return features() * static_cast<std::size_t>(outputs); }
};
const Layer kLayers[] = {
    {"alexnet_fc6", 256, 6, 4096},    {"alexnet_fc7", 4096, 1, 4096}, {"alexnet_fc8", 4096, 1, 1000},
    {"resnet_fc1000", 2048, 1, 1000}, {"vgg_fc6", 512, 7, 4096},
};
constexpr int kBatches[] = {1, 2, 8, 16, 32, 128};

FullyConnectedDesc describe(const Layer& layer, DataType type) {
  FullyConnectedDesc desc;
  const auto map = [&](std::int64_t channels, std::int64_t size) {
    FeatureMap m{.channels = channels, .height = size, .width = size, .layout = Layout::kNhwc, .type = type};
    if (type != DataType::kBFloat16) m.quantization = {0.02f, 0, type == DataType::kInt16 ? 900 : 0};
    return m;
  };
  desc.input = map(layer.channels, layer.size);
  desc.output = map(layer.outputs, 1);
  desc.has_bias = true;
  desc.relu = ReluDesc{};
  return desc;
}

/// Weights of a trained layer's kind: a bell whose largest is 127. Real ones are the same over 127.
struct Weights {
  explicit Weights(const Layer& layer) : integers(layer.weights()) {
    std::mt19937 engine(1);
    // A table, since 100 million calls of std::normal_distribution take seconds.
    std::normal_distribution<float> bell(0, 30);
    std::vector<std::int8_t> table(1 << 16);
    for (std::int8_t& w : table) w = static_cast<std::int8_t>(std::clamp(bell(engine), -127.0f, 127.0f));
    for (std::int8_t& w : integers) w = table[engine() & 0xffff];
    bias.assign(static_cast<std::size_t>(layer.outputs), 100);
    multipliers.assign(bias.size(), 1e-4f);
  }
  std::vector<float> reals() const {
    std::vector<float> values;
    for (const std::int8_t w : integers) values.push_back(static_cast<float>(w) / 127);
    return values;
  }
  IntegerWeights view() const { return {integers, bias, multipliers, {}}; }

  std::vector<std::int8_t> integers;
  std::vector<std::int32_t> bias;
  std::vector<float> multipliers;
};

/// Weights of the layer asked for last: the largest has 100 million.
const Weights& weights_of(const Layer& layer) {
  static const Layer* current = nullptr;
  static std::unique_ptr<Weights> weights;
  if (current != &layer) weights = std::make_unique<Weights>(layer);
  current = &layer;
  return *weights;
}

test::KernelRunner make_runner(const Layer& layer, const Named& entry) {
  const FullyConnectedDesc desc = describe(layer, entry.type);
  const Weights& weights = weights_of(layer);
  if (entry.type != DataType::kBFloat16) return {entry.variant.create(desc), weights.view()};
  const std::vector<std::vector<float>> reals = {weights.reals(),
                                                 std::vector<float>(weights.bias.size(), 0.1f)};
  return test::KernelRunner(entry.variant.create(desc), reals);
}

void set_counters(benchmark::State& state, const Layer& layer, int images, DataType type, Isa isa) {
  const FullyConnectedDesc desc = describe(layer, type);
  const auto weight_bytes = static_cast<std::int64_t>(layer.weights() * (type == DataType::kUInt8 ? 1 : 2));
  const double operations = 2 * static_cast<double>(layer.weights()) * images;
  test::report(state, {weight_bytes + desc.input.bytes() * images, desc.output.bytes() * images, operations,
                       test::peak_gops(type, isa)});
  state.counters["GOPS"] =
      benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void run_octet(benchmark::State& state, const Layer& layer, int images, const Named& entry) {
  const FullyConnectedDesc desc = describe(layer, entry.type);
  test::KernelRunner runner = make_runner(layer, entry);
  runner.poison_scratch = false;
  test::NhwcTensor input(desc.input, images), output(desc.output, images);
  input.fill_random(1);
  const Operand inputs[] = {input.operand()};
  for (auto _ : state) runner.run(inputs, output.operand(), images);
  set_counters(state, layer, images, entry.type, entry.variant.isa);
}

void run_pack(benchmark::State& state, const Layer& layer, const Named& entry) {
  const FullyConnectedDesc desc = describe(layer, entry.type);
  const auto kernel = entry.variant.create(desc);
  base::AlignedBuffer packed(kernel->packed_bytes());
  const IntegerWeights weights = weights_of(layer).view();
  for (auto _ : state) kernel->pack_integer(weights, {packed.data(), packed.size()});
  // Reads the weights and writes them in another order.
  const auto bytes = static_cast<std::int64_t>(layer.weights());
  test::report(state, {bytes, bytes});
}

/// oneDNN's inner product of u8 and s8 with the layouts it prefers.
void run_onednn(benchmark::State& state, const Layer& layer, int images) {
  using dnnl::memory;
  omp_set_num_threads(1);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto any = [](const memory::dims& dims, memory::data_type type) {
    return memory::desc(dims, type, memory::format_tag::any);
  };
  const auto inputs = static_cast<memory::dim>(layer.features());
  const dnnl::inner_product_forward::desc forward(
      dnnl::prop_kind::forward_inference, any({images, inputs}, memory::data_type::u8),
      any({layer.outputs, inputs}, memory::data_type::s8), any({layer.outputs}, memory::data_type::s32),
      any({images, layer.outputs}, memory::data_type::u8));
  dnnl::post_ops relu;
  relu.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(relu);
  attributes.set_output_scales(0, {1e-4f});
  const dnnl::inner_product_forward::primitive_desc primitive(forward, attributes, engine);
  const auto filled = [&](const memory::desc& desc) {
    memory m(desc, engine);
    std::fill_n(static_cast<std::uint8_t*>(m.get_data_handle()), desc.get_size(), std::uint8_t{1});
    return m;
  };
  std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, filled(primitive.src_desc())},
                                               {DNNL_ARG_WEIGHTS, filled(primitive.weights_desc())},
                                               {DNNL_ARG_BIAS, filled(primitive.bias_desc())},
                                               {DNNL_ARG_DST, filled(primitive.dst_desc())}};
  dnnl::inner_product_forward product(primitive);
  for (auto _ : state) {
    product.execute(stream, arguments);
    stream.wait();
  }
  set_counters(state, layer, images, DataType::kUInt8, describe_machine().best_isa);
}

/// Those worth timing here: not the plain loops, and nothing that this machine would have to emulate.
std::vector<Named> entries() {
  std::vector<Named> all = fully_connected_dot_entries();
  const MachineInfo machine = describe_machine();
  std::erase_if(all, [&](const Named& e) {
    const Isa isa = e.variant.isa;
    return isa == Isa::kGeneric || !machine.isas[static_cast<std::size_t>(isa)].usable;
  });
  return all;
}

const bool registered = [] {
  for (const Layer& layer : kLayers) {
    const auto name = [&](int images) {
      return std::string(layer.name) + "/batch" + std::to_string(images) + "/";
    };
    for (const Named& entry : entries()) {
      for (const int images : kBatches)
        benchmark::RegisterBenchmark((name(images) + entry.name).c_str(), [=, &layer](benchmark::State& s) {
          run_octet(s, layer, images, entry);
        });
      if (entry.type == DataType::kUInt8)
        benchmark::RegisterBenchmark((std::string(layer.name) + "/pack/" + entry.name).c_str(),
                                     [=, &layer](benchmark::State& s) { run_pack(s, layer, entry); });
    }
    for (const int images : kBatches)
      benchmark::RegisterBenchmark((name(images) + "onednn").c_str(),
                                   [=, &layer](benchmark::State& s) { run_onednn(s, layer, images); });
  }
  return true;
}();

}  // namespace
}  // namespace octet::kernels
