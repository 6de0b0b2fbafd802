// Random small networks through the whole engine (passes, lowering, planning, kernels, threads) against the
// reference interpreter, on every instruction set of the machine, for several batches and thread counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/random_network.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

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
    const Network network = test::RandomNetwork(seed).build();
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

// More threads than this machine has, in teams of all sizes: alone, in pairs, all on one image.
TEST(Threads, GiveTheSameBitsHoweverManyThereAreAndHoweverTheyShare) {
  constexpr int kBatch = 9;
  const Network network = Network::zoo("squeezenet-1.0", 3);
  const auto image = static_cast<std::size_t>(network.inputs()[0].shape.elements_per_image());
  const auto input = test::random_floats(image * kBatch, 4);
  std::vector<float> first;
  for (const int threads : {1, 2, 3, 4, 7, 16}) {
    BuildOptions options;
    options.max_batch = kBatch;
    options.threads = threads;
    options.winograd = false;
    const Engine engine = Engine::build(network, options);
    Context context = engine.create_context();
    std::vector<float> output(kBatch * 1000);
    context.run(kBatch, input, output);
    if (first.empty()) first = output;
    EXPECT_TRUE(output == first) << threads << " threads";
    for (const int batch : {1, 2, 5}) {
      std::vector<float> fewer(static_cast<std::size_t>(batch) * 1000);
      context.run(batch, std::span(input).first(image * static_cast<std::size_t>(batch)), fewer);
      EXPECT_TRUE(std::equal(fewer.begin(), fewer.end(), first.begin()))
          << threads << " threads, batch " << batch;
    }
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
  refused([](BuildOptions& o) { o.precision = Precision::kInt8; }, ErrorCode::kInvalidArgument);
  refused([](BuildOptions& o) { o.pixel_input = true; }, ErrorCode::kInvalidArgument);
  for (const IsaStatus& status : describe_machine().isas) {
    if (!status.usable) refused([&](BuildOptions& o) { o.isa = status.isa; }, ErrorCode::kUnsupported);
  }
}

}  // namespace
}  // namespace octet
