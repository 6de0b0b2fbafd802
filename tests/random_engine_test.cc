// Random small networks through the whole engine (passes, lowering, planning, kernels, threads) against the
// reference interpreter, on every instruction set of the machine, for several batches and thread counts.
#include <gtest/gtest.h>

#include <memory>

#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/graph_builder.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

using graph::TensorId;
using test::GraphBuilder;
using test::square_window;

/// Maps of any channel count and size: block tails, parts of concatenations that begin inside a block,
/// tensors read by several layers, flattened maps, more than one input and output.
class RandomNetwork {
 public:
  explicit RandomNetwork(std::uint32_t seed) : builder_(seed) {}

  Network build() {
    size_ = pick(5, 12);
    maps_.push_back(builder_.input({1, pick(1, 4), size_, size_}, "x"));
    if (pick(0, 2) == 0) maps_.push_back(builder_.input({1, channels(), size_, size_}, "y"));
    const int layers = pick(3, 14);
    for (int i = 0; i < layers; ++i) maps_.push_back(layer());
    std::vector<TensorId> outputs = {maps_.back()};
    if (pick(0, 1) == 0) outputs.push_back(head(any()));
    if (const TensorId extra = any(); pick(0, 2) == 0 && extra != outputs[0] && extra > 1)
      outputs.push_back(extra);
    return Network(std::make_shared<graph::Graph>(builder_.finish(std::move(outputs))));
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(builder_.random()); }
  std::int64_t channels() {
    constexpr std::int64_t kCounts[] = {1, 3, 16, 20, 32, 48};
    return kCounts[pick(0, 5)];
  }
  TensorId any() { return maps_[static_cast<std::size_t>(pick(0, static_cast<int>(maps_.size()) - 1))]; }
  TensorId source() { return pick(0, 3) == 0 ? any() : maps_.back(); }
  std::int64_t channels_of(TensorId t) { return builder_.graph().shape(t)[1]; }

  TensorId convolution(TensorId in, std::int64_t out) {
    const std::int64_t kernel = pick(0, 2) == 0 ? 1 : pick(1, 2) * 2 + 1;
    const std::int64_t groups = channels_of(in) % 2 == 0 && out % 2 == 0 && pick(0, 4) == 0 ? 2 : 1;
    TensorId t =
        builder_.convolution(in, {square_window(kernel, 1, kernel / 2), out, groups, {}}, pick(0, 1) == 0);
    if (pick(0, 1) == 0) t = builder_.relu(t, pick(0, 2) == 0 ? 0.25f : 0.0f);
    return t;
  }
  TensorId layer() {
    const TensorId in = source();
    switch (pick(0, 10)) {
      case 0:
      case 1:
        return convolution(in, channels());
      case 2:
        return builder_.relu(builder_.affine(builder_.batch_norm(convolution(in, channels()))));
      case 3:
        return builder_.sum({in, convolution(in, channels_of(in))});
      case 4:
        return builder_.relu(builder_.sum({convolution(in, channels_of(in)), in}));
      case 5:
        return builder_.node(graph::Pooling{.window = square_window(3, 1, 1)}, {in});
      case 6:
        return builder_.node(
            graph::Pooling{.kind = graph::PoolKind::kAverage, .window = square_window(3, 1, 1)}, {in});
      case 7:
        return builder_.node(graph::Lrn{.size = 3, .alpha = 0.1f}, {in});
      case 8:
        return builder_.affine(in, pick(0, 1) == 0);
      case 9:
        return builder_.node(graph::Eltwise{.kind = graph::EltwiseKind::kMax}, {in, builder_.relu(in, 0.5f)});
      default: {
        std::vector<TensorId> parts = {convolution(in, channels()), any(), convolution(in, channels())};
        if (pick(0, 1) == 0) std::swap(parts[0], parts[1]);
        if (pick(0, 2) == 0) parts.push_back(parts[0]);
        return builder_.node(graph::Concat{}, std::move(parts));
      }
    }
  }
  TensorId head(TensorId in) {
    switch (pick(0, 3)) {
      case 0:
        in = builder_.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .global = true}, {in});
        break;
      case 1:
        in = builder_.node(graph::Flatten{}, {in});
        break;
      case 2:
        in = builder_.relu(builder_.node(graph::Flatten{}, {in}), 0.1f);
        break;
      default:
        break;
    }
    if (pick(0, 3) > 0) in = builder_.relu(builder_.inner_product(in, pick(1, 40)));
    if (pick(0, 1) == 0) in = builder_.inner_product(in, pick(1, 40), false);
    return builder_.node(graph::Softmax{}, {in});
  }

  GraphBuilder builder_;
  std::vector<TensorId> maps_;
  std::int64_t size_ = 8;
};

struct Variant {
  int batch;
  int threads;
};

void expect_engine_equals_reference(const Network& network, Isa isa, const Variant& variant, bool passes) {
  std::vector<std::vector<float>> inputs, outputs;
  for (const TensorInfo& t : network.inputs()) {
    inputs.push_back(
        test::random_floats(static_cast<std::size_t>(t.shape.elements_per_image() * variant.batch), 3));
  }
  for (const TensorInfo& t : network.outputs()) {
    outputs.emplace_back(static_cast<std::size_t>(t.shape.elements_per_image() * variant.batch));
  }
  const std::vector<std::span<const float>> in(inputs.begin(), inputs.end());
  const std::vector<std::span<float>> out(outputs.begin(), outputs.end());
  const auto expected = run_reference(network, variant.batch, in, 1);
  BuildOptions options;
  options.max_batch = variant.batch;
  options.threads = variant.threads;
  options.isa = isa;
  if (!passes) {
    for (const PassInfo& pass : list_passes()) options.disabled_passes.push_back(pass.name);
  }
  const Engine engine = Engine::build(network, options);
  Context context = engine.create_context();
  for (int run = 0; run < 2; ++run) {  // the second finds the first one's leavings in the arena
    context.run(variant.batch, in, out);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto difference = test::compare(outputs[i], expected[i]);
      ASSERT_LE(difference.max_error, 1e-4) << "output " << i << " run " << run << ": " << difference.text;
    }
  }
}

TEST(RandomNetworks, EngineEqualsReferenceOnEveryInstructionSet) {
  constexpr std::uint32_t kFirstSeed = 500;
  constexpr Variant kVariants[] = {{1, 1}, {1, 2}, {3, 2}, {4, 2}, {5, 3}, {9, 2}};
  const std::vector<Isa> isas = test::usable_isas();
  for (std::uint32_t seed = kFirstSeed; seed < kFirstSeed + 150; ++seed) {
    const Network network = RandomNetwork(seed).build();
    const Isa isa = isas[seed % isas.size()];
    const Variant& variant = kVariants[(seed / isas.size()) % std::size(kVariants)];
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", " << to_string(isa) << ", batch "
                                    << variant.batch << ", " << variant.threads << " threads");
    expect_engine_equals_reference(network, isa, variant, seed % 5 != 0);
    if (HasFailure()) return;
  }
}

TEST(RandomNetworks, ASmallerBatchThanBuiltForGivesTheSame) {
  const Network network = Network::zoo("squeezenet-1.0", 3);
  BuildOptions options;
  options.max_batch = 7;
  options.threads = 2;
  options.winograd = false;
  const Engine engine = Engine::build(network, options);
  Context context = engine.create_context();
  const auto image = static_cast<std::size_t>(network.inputs()[0].shape.elements_per_image());
  const auto input = test::random_floats(image * 7, 4);
  std::vector<float> all(7 * 1000), one(1000);
  context.run(7, input, all);
  for (std::size_t i = 0; i < 7; ++i) {
    context.run(1, std::span(input).subspan(i * image, image), one);
    EXPECT_TRUE(std::equal(one.begin(), one.end(), all.begin() + static_cast<std::ptrdiff_t>(i * 1000)))
        << "image " << i;
  }
}

TEST(Context, WrongArgumentsAreRefusedBeforeAnythingIsWritten) {
  const Network network = Network::zoo("squeezenet-1.0", 3);
  BuildOptions options;
  options.max_batch = 2;
  const Engine engine = Engine::build(network, options);
  Context context = engine.create_context();
  const auto image = static_cast<std::size_t>(network.inputs()[0].shape.elements_per_image());
  const std::vector<float> input(image * 2, 0.5f);
  std::vector<float> output(2000, -7.0f);
  EXPECT_THROW(context.run(0, std::span(input).first(0), std::span(output).first(0)), Error);
  EXPECT_THROW(context.run(3, input, output), Error);
  EXPECT_THROW(context.run(1, input, std::span(output).first(1000)), Error);
  EXPECT_THROW(context.run(2, input, std::span(output).first(1000)), Error);
  for (float v : output) ASSERT_EQ(v, -7.0f);
}

TEST(Engine, RefusesWhatItCannotBuild) {
  const Network network = Network::zoo("squeezenet-1.0", 3);
  const auto refused = [&](auto change, ErrorCode code) {
    BuildOptions options;
    change(options);
    try {
      Engine::build(network, options);
      ADD_FAILURE() << "built";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
    }
  };
  refused([](BuildOptions& o) { o.max_batch = 0; }, ErrorCode::kInvalidArgument);
  refused([](BuildOptions& o) { o.threads = -1; }, ErrorCode::kInvalidArgument);
  refused([](BuildOptions& o) { o.cpus = {100000}; }, ErrorCode::kInvalidArgument);
  refused([](BuildOptions& o) { o.disabled_passes = {"fuse_everything"}; }, ErrorCode::kInvalidArgument);
  refused([](BuildOptions& o) { o.memory_limit = 1 << 20; }, ErrorCode::kMemoryLimit);
  refused([](BuildOptions& o) { o.precision = Precision::kBFloat16; }, ErrorCode::kUnsupported);
  for (const IsaStatus& status : describe_machine().isas) {
    if (!status.usable) refused([&](BuildOptions& o) { o.isa = status.isa; }, ErrorCode::kUnsupported);
  }
}

}  // namespace
}  // namespace octet
