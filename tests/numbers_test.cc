// What engines make of NaN, infinities and denormals (docs/reliability.md, Numbers): each kind of layer, then
// random networks, on every instruction set of the machine, against the reference interpreter, which computes
// each value from what its definition names and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/graph_builder.h"
#include "tests/support/random_network.h"
#include "tests/support/simple_calibration.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

using graph::TensorId;
using test::GraphBuilder;
using test::square_window;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr int kBatch = 3;
constexpr int kSpoilt = 1;  // the image of the batch that gets such values

using Values = test::Tensors;

std::size_t per_image(const TensorInfo& tensor) {
  return static_cast<std::size_t>(tensor.shape.elements_per_image());
}

Values ordinary_inputs(const Network& network, std::uint32_t seed) {
  Values inputs;
  for (const TensorInfo& t : network.inputs())
    inputs.push_back(test::random_floats(per_image(t) * kBatch, seed));
  return inputs;
}

/// `value` at `count` places of the spoilt image of each input.
Values spoilt_inputs(const Network& network, Values inputs, float value, std::size_t count) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::size_t size = per_image(network.inputs()[i]);
    for (std::size_t k = 0; k < count; ++k) inputs[i][kSpoilt * size + (37 + k * k * 101) % size] = value;
  }
  return inputs;
}

std::vector<std::span<const float>> spans_of(const Values& values) { return {values.begin(), values.end()}; }

Values run(const Engine& engine, const Values& inputs) {
  return test::run_engine(engine, kBatch, spans_of(inputs));
}

Engine build(const Network& network, Precision precision, Isa isa, int threads,
             std::shared_ptr<const Calibration> calibration = nullptr) {
  BuildOptions options;
  options.precision = precision;
  options.isa = isa;
  options.threads = threads;
  options.max_batch = kBatch;
  options.calibration = std::move(calibration);
  return Engine::build(network, options);
}

/// A value that the definition makes NaN is NaN, one that it makes infinite is not finite, and the other
/// images' bits are those of a run without it.
void expect_nothing_lost_nor_spread(const Network& network, Precision precision, Isa isa, int threads,
                                    float value, std::size_t count) {
  const Engine engine = build(network, precision, isa, threads);
  const Values usual = ordinary_inputs(network, 7), spoilt = spoilt_inputs(network, usual, value, count);
  const Values clean = run(engine, usual), got = run(engine, spoilt);
  const Values defined = run_reference(network, kBatch, spans_of(spoilt), 1);
  for (std::size_t o = 0; o < got.size(); ++o) {
    const std::size_t size = per_image(network.outputs()[o]);
    for (std::size_t i = 0; i < got[o].size(); ++i) {
      if (i / size != kSpoilt) {
        ASSERT_EQ(got[o][i], clean[o][i]) << "another image's output " << o << " at " << i;
      } else if (std::isnan(defined[o][i])) {
        ASSERT_TRUE(std::isnan(got[o][i]))
            << "a NaN is lost at " << i << " of output " << o << ": " << got[o][i];
      } else if (!std::isfinite(defined[o][i])) {
        ASSERT_FALSE(std::isfinite(got[o][i])) << "an infinity is lost at " << i << " of output " << o;
      }
    }
  }
}

struct Layer {
  const char* name;
  std::function<TensorId(GraphBuilder&, TensorId)> add;
};

graph::Pooling pooling(graph::PoolKind kind, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  return {.kind = kind, .window = square_window(kernel, stride, pad)};
}

std::vector<Layer> layers() {
  using namespace graph;
  const auto op = [](const Op& made) {
    return [made](GraphBuilder& b, TensorId in) { return b.node(made, {in}); };
  };
  const auto convolution = [](Window window, std::int64_t channels, std::int64_t groups) {
    return [=](GraphBuilder& b, TensorId in) { return b.convolution(in, {window, channels, groups, {}}); };
  };
  const auto eltwise = [](EltwiseKind kind, bool second) {
    return [=](GraphBuilder& b, TensorId in) {
      const TensorId other = b.affine(b.node(ChannelShuffle{4}, {in}));
      return b.node(Eltwise{.kind = kind}, {second ? other : in, second ? in : other});
    };
  };
  const auto activation = [&](ActivationFunction function, float a = 0, float b = 0) {
    return op(Activation{function, a, b});
  };
  return {
      {"Pointwise", convolution(square_window(1), 24, 1)},
      {"Strided", convolution(square_window(3, 2, 1), 24, 1)},
      {"Winograd3", convolution(square_window(3, 1, 1), 32, 1)},
      {"Winograd5", convolution(square_window(5, 1, 2), 32, 1)},
      {"Grouped", convolution(square_window(3, 1, 1), 20, 2)},
      {"Depthwise", convolution(square_window(3, 1, 1), 20, 20)},
      {"FullyConnected", [](GraphBuilder& b, TensorId in) { return b.inner_product(in, 33); }},
      {"MaxPooling3", op(pooling(PoolKind::kMax, 3, 2, 1))},
      {"MaxPooling2", op(pooling(PoolKind::kMax, 2, 2, 0))},
      {"MaxPooling5", op(pooling(PoolKind::kMax, 5, 1, 2))},
      {"MaxPoolingGlobal", op(Pooling{.kind = PoolKind::kMax, .global = true})},
      {"AveragePooling", op(pooling(PoolKind::kAverage, 3, 1, 1))},
      {"Relu", op(Relu{})},
      {"LeakyRelu", op(Relu{0.1f})},
      {"Relu6", op(Relu{0, 6})},
      {"LrnAcross", op(Lrn{.alpha = 0.1f})},
      {"LrnAcrossOtherPower", op(Lrn{.alpha = 0.1f, .beta = 0.6f})},
      {"LrnWithin", op(Lrn{.region = LrnRegion::kWithinChannel, .size = 3})},
      {"LrnWithinOtherPower", op(Lrn{.region = LrnRegion::kWithinChannel, .size = 3, .beta = 0.6f})},
      {"BatchNorm", [](GraphBuilder& b, TensorId in) { return b.batch_norm(in); }},
      {"Affine", [](GraphBuilder& b, TensorId in) { return b.affine(in); }},
      {"Sum", eltwise(EltwiseKind::kSum, false)},
      {"Product", eltwise(EltwiseKind::kProduct, false)},
      {"MaximumFirst", eltwise(EltwiseKind::kMax, false)},
      {"MaximumSecond", eltwise(EltwiseKind::kMax, true)},
      {"MinimumFirst", eltwise(EltwiseKind::kMin, false)},
      {"MinimumSecond", eltwise(EltwiseKind::kMin, true)},
      {"Quotient", eltwise(EltwiseKind::kQuotient, false)},
      {"Softmax", op(Softmax{})},
      {"LogSoftmax", op(Softmax{.logarithm = true})},
      {"Sigmoid", activation(ActivationFunction::kSigmoid)},
      {"Tanh", activation(ActivationFunction::kTanh)},
      {"HardSigmoid", activation(ActivationFunction::kHardSigmoid, 0.2f, 0.5f)},
      {"HardSwish", activation(ActivationFunction::kHardSwish)},
      {"Clip", activation(ActivationFunction::kClip, -0.5f, 0.5f)},
      {"Rounding", activation(ActivationFunction::kRounding, 0.01f, 128)},
      {"Slice", op(Slice{3, 9})},
      {"Shuffle", op(ChannelShuffle{4})},
      {"Pad", op(Pad{1, 2, 0, 1, 0.5f})},
      {"Concat",
       [](GraphBuilder& b, TensorId in) {
         return b.node(Concat{}, {b.node(Slice{0, 7}, {in}), in});
       }},
  };
}

class Numbers : public testing::TestWithParam<Layer> {};

TEST_P(Numbers, NoNaNIsLostAndNoOtherImageTouchedOnAnyInstructionSet) {
  GraphBuilder builder(3);
  const TensorId in = builder.input({1, 20, 9, 11});
  const Network network(std::make_shared<graph::Graph>(builder.finish({GetParam().add(builder, in)})));
  for (const Isa isa : test::usable_isas())
    for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16})
      for (const float value : {kNaN, -kNaN, kInfinity, -kInfinity})
        for (const std::size_t count : {std::size_t{1}, std::size_t{40}}) {
          SCOPED_TRACE(testing::Message()
                       << to_string(isa) << " " << to_string(precision) << " " << count << " x " << value);
          expect_nothing_lost_nor_spread(network, precision, isa, 1, value, count);
          if (HasFatalFailure()) return;
        }
}

INSTANTIATE_TEST_SUITE_P(Layers, Numbers, testing::ValuesIn(layers()),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(NumbersOfNetworks, NoNaNIsLostAndNoOtherImageTouched) {
  const std::vector<Isa> isas = test::usable_isas();
  for (std::uint32_t seed = 3000; seed < 3060; ++seed) {
    const Network network = test::RandomNetwork(seed).build();
    const Isa isa = isas[seed % isas.size()];
    const Precision precision = seed / isas.size() % 2 == 0 ? Precision::kFloat32 : Precision::kBFloat16;
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", " << to_string(isa) << " "
                                    << to_string(precision));
    for (const float value : {kNaN, kInfinity, -kInfinity}) {
      expect_nothing_lost_nor_spread(network, precision, isa, 2, value, 5);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(NumbersOfNetworks, DenormalsAreTakenAsTheyAreOrAsZero) {
  constexpr float kDenormal = std::numeric_limits<float>::denorm_min() * 1000;
  for (const Isa isa : test::usable_isas())
    for (const Layer& layer : layers()) {
      if (std::string(layer.name) == "Quotient") continue;  // 0 / 0 is no number near that of two denormals
      GraphBuilder builder(3);
      const TensorId in = builder.input({1, 20, 9, 11});
      const Network network(std::make_shared<graph::Graph>(builder.finish({layer.add(builder, in)})));
      const Values inputs = {std::vector<float>(per_image(network.inputs()[0]) * kBatch, kDenormal)};
      const Values got = run(build(network, Precision::kFloat32, isa, 1), inputs);
      const Values defined = run_reference(network, kBatch, spans_of(inputs), 1);
      for (std::size_t i = 0; i < got[0].size(); ++i)
        ASSERT_NEAR(got[0][i], defined[0][i], 1e-5) << layer.name << " " << to_string(isa) << " at " << i;
    }
}

/// A NaN is the lowest integer, infinities are the ends: the same bits as for numbers beyond both ends.
void expect_integers_of_the_ends(const Network& network, Precision precision,
                                 const std::shared_ptr<const Calibration>& calibration) {
  const Values usual = ordinary_inputs(network, 7);
  const auto with = [&](float first, float second, float third) {
    return spoilt_inputs(network, spoilt_inputs(network, spoilt_inputs(network, usual, first, 9), second, 5),
                         third, 3);
  };
  const Values strange = with(kNaN, kInfinity, -kInfinity), plain = with(-1e30f, 1e30f, -1e30f);
  const std::vector<Isa> isas = test::usable_isas();
  const Values expected = run(build(network, precision, isas.back(), 1, calibration), plain);
  for (const Isa isa : isas)
    for (const int threads : {1, 2}) {
      const Values got = run(build(network, precision, isa, threads, calibration), strange);
      ASSERT_TRUE(got == expected) << to_string(isa) << ", " << threads << " threads";
    }
}

class IntegerNumbers : public testing::TestWithParam<Precision> {};

TEST_P(IntegerNumbers, OfStrangeInputsAreThoseOfTheEndsOnEveryInstructionSet) {
  int compared = 0;
  for (std::uint32_t seed = 900; seed < 980; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Network network = test::RandomNetwork(seed).build();
    const Values usual = ordinary_inputs(network, seed);
    const auto calibration = test::simple_calibration(network, kBatch, spans_of(usual));
    const Isa isa = test::usable_isas().back();
    if (!test::computes_in_integers(build(network, GetParam(), isa, 1, calibration))) continue;
    expect_integers_of_the_ends(network, GetParam(), calibration);
    if (HasFatalFailure()) return;
    ++compared;
  }
  EXPECT_GT(compared, 10);  // networks without a layer that runs in FP32
}

INSTANTIATE_TEST_SUITE_P(Precisions, IntegerNumbers, testing::Values(Precision::kInt8, Precision::kInt16),
                         [](const auto& instance) { return std::string(to_string(instance.param)); });

}  // namespace
}  // namespace octet
