#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <set>

#include "octet/calibration.h"
#include "octet/error.h"
#include "octet/network.h"
#include "optimize/optimizer.h"
#include "tests/support/graph_builder.h"

namespace octet {
namespace {

using graph::TensorId;
using testing::HasSubstr;

constexpr std::int64_t kSize = 12;

/// Smooth pictures less a mean of 100: sums of a few waves, as correlated as real ones.
class WavePictures : public CalibrationImages {
 public:
  explicit WavePictures(int pictures) : pictures_(pictures) {}
  void rewind() override { done_ = 0; }
  int next(int most, std::span<float> images) override {
    const int got = std::min(most, pictures_ - done_);
    const auto elements = static_cast<std::size_t>(3 * kSize * kSize);
    for (int i = 0; i < got; ++i)
      draw(static_cast<std::uint32_t>(done_++),
           images.subspan(static_cast<std::size_t>(i) * elements, elements));
    return got;
  }

 private:
  static void draw(std::uint32_t number, std::span<float> image) {
    std::mt19937 random(number);
    std::uniform_real_distribution<float> uniform(0.1f, 0.9f);
    const float fx = uniform(random), fy = uniform(random), phase = 6 * uniform(random);
    std::size_t at = 0;
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < kSize; ++y)
        for (int x = 0; x < kSize; ++x) {
          const float wave = std::sin(fx * static_cast<float>(x) + fy * static_cast<float>(y) + phase +
                                      0.3f * static_cast<float>(c));
          image[at++] = std::nearbyint(128 + 100 * wave) - 100;
        }
  }
  int pictures_;
  int done_ = 0;
};

graph::TensorId convolution(test::GraphBuilder& build, TensorId in, std::int64_t out, std::int64_t kernel) {
  return build.relu(
      build.convolution(in, {.window = test::square_window(kernel, 1, kernel / 2), .out_channels = out}));
}

/// Convolutions side by side, their concatenation, pooling, a fully connected layer and a softmax.
Network small_network() {
  test::GraphBuilder build(5);
  const TensorId in = build.input({1, 3, kSize, kSize});
  const TensorId first = convolution(build, in, 8, 3);
  const TensorId left = convolution(build, first, 6, 1);
  const TensorId right = convolution(build, first, 7, 3);
  const TensorId joined = build.node(graph::Concat{}, {left, right}, {}, "joined");
  const TensorId pooled =
      build.node(graph::Pooling{.kind = graph::PoolKind::kMax, .window = test::square_window(2, 2)}, {joined},
                 {}, "pooled");
  const TensorId fc = build.inner_product(build.node(graph::Flatten{}, {pooled}, {}, "flat"), 10);
  return Network(std::make_shared<graph::Graph>(
      build.finish({build.node(graph::Softmax{}, {fc}, {}, "probabilities")})));
}

Calibration calibrate_small(const CalibrationOptions& options, int pictures = 16) {
  WavePictures images(pictures);
  return calibrate(small_network(), images, options);
}

CalibrationOptions options_of(CalibrationMethod method, WeightRounding rounding = WeightRounding::kNearest,
                              bool bias_correction = false, int threads = 2) {
  CalibrationOptions options;
  options.method = method;
  options.weight_rounding = rounding;
  options.bias_correction = bias_correction;
  options.threads = threads;
  return options;
}

TEST(Calibrate, GivesEveryTensorOfTheOptimisedGraphAScale) {
  const Network network = small_network();
  graph::Graph optimised = network.graph();
  optimize::optimize(optimised);
  const Calibration c = calibrate_small(options_of(CalibrationMethod::kEntropy));
  std::size_t tensors = 0;
  for (const graph::Node& node : optimised.nodes)
    for (const TensorId t : node.outputs) {
      const auto* tensor = c.find_tensor(optimised.tensors[static_cast<std::size_t>(t)].name);
      ASSERT_NE(tensor, nullptr) << optimised.tensors[static_cast<std::size_t>(t)].name;
      EXPECT_GT(tensor->scale, 0);
      EXPECT_EQ(tensor->histogram.size(), 128u);
      ++tensors;
    }
  EXPECT_EQ(c.tensors.size(), tensors);
  EXPECT_EQ(c.source.images, 16);
  EXPECT_EQ(c.source.network_hash, network.hash());
  EXPECT_EQ(Calibration::from_json(c.to_json(), "memory").hash(), c.hash());
}

TEST(Calibrate, TensorsThatShareIntegersShareTheirScale) {
  const Calibration c = calibrate_small(options_of(CalibrationMethod::kMse));
  const TensorCalibration& joined = *c.find_tensor("joined");
  std::vector<std::string> tied;
  for (const TensorCalibration& t : c.tensors) {
    if (t.tied_to.empty()) continue;
    tied.push_back(t.name);
    EXPECT_EQ(t.tied_to, "joined");
    EXPECT_EQ(t.scale, joined.scale);
    EXPECT_EQ(t.zero_point, joined.zero_point);
    EXPECT_LE(t.maximum, joined.maximum);
  }
  EXPECT_EQ(tied.size(), 4u);  // two convolutions, pooled, flat
  EXPECT_EQ(joined.zero_point, 0);
  EXPECT_EQ(c.find_tensor("data")->zero_point, 128);
}

TEST(Calibrate, ListsLayersAndSaysWhyOneIsNotInt8) {
  const Calibration c = calibrate_small(options_of(CalibrationMethod::kMinMax));
  ASSERT_EQ(c.layers.size(), 5u);
  for (const LayerCalibration& layer : c.layers) {
    const bool softmax = layer.name == "probabilities";
    EXPECT_EQ(layer.precision, softmax ? Precision::kFloat32 : Precision::kInt8);
    EXPECT_EQ(layer.reason.empty(), !softmax);
    if (!softmax) {
      EXPECT_GT(layer.sqnr_db, 20) << layer.name;
    }
    EXPECT_TRUE(layer.rounding_bits.empty() && layer.bias_correction.empty());
  }
}

class CalibrateTwice : public testing::TestWithParam<CalibrationMethod> {};

TEST_P(CalibrateTwice, DoesNotDependOnTheNumberOfThreads) {
  const CalibrationOptions one = options_of(GetParam(), WeightRounding::kAdaptive, true, 1);
  CalibrationOptions more = one;
  const std::string expected = calibrate_small(one).to_json();
  for (const int threads : {2, 5}) {
    more.threads = threads;
    EXPECT_EQ(calibrate_small(more).to_json(), expected) << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, CalibrateTwice,
                         testing::Values(CalibrationMethod::kEntropy, CalibrationMethod::kMinMax,
                                         CalibrationMethod::kPercentile, CalibrationMethod::kMse),
                         [](const auto& method) { return std::string(to_string(method.param)); });

TEST(Calibrate, TheSymmetricSchemePutsEveryZeroAt128) {
  CalibrationOptions options = options_of(CalibrationMethod::kEntropy);
  options.scheme = QuantizationScheme::kSymmetricInt8;
  options.pixel_mean = {100, 100, 100};
  for (const TensorCalibration& t : calibrate_small(options).tensors) {
    EXPECT_EQ(t.zero_point, 128) << t.name;
    EXPECT_TRUE(t.pixel_mean.empty());
    EXPECT_FLOAT_EQ(t.scale * 127, t.threshold);
  }
}

TEST(Calibrate, PicturesAreTakenAsTheirBytes) {
  CalibrationOptions options = options_of(CalibrationMethod::kEntropy);
  options.pixel_mean = {100, 100, 100};
  const Calibration c = calibrate_small(options);
  EXPECT_EQ(c.find_tensor("data")->scale, 1);
  EXPECT_EQ(c.find_tensor("data")->pixel_mean, options.pixel_mean);
  for (const TensorCalibration& t : c.tensors) EXPECT_EQ(t.pixel_mean.empty(), t.name != "data");
}

TEST(Calibrate, AdaptiveRoundingLeavesEveryLayerLessNoise) {
  const Calibration nearest = calibrate_small(options_of(CalibrationMethod::kMse), 32);
  const Calibration adaptive =
      calibrate_small(options_of(CalibrationMethod::kMse, WeightRounding::kAdaptive), 32);
  int rounded = 0;
  for (std::size_t i = 0; i < nearest.layers.size(); ++i) {
    EXPECT_GE(adaptive.layers[i].sqnr_db, nearest.layers[i].sqnr_db) << nearest.layers[i].name;
    if (adaptive.layers[i].rounding_bits.empty()) continue;
    EXPECT_GT(adaptive.layers[i].sqnr_db, nearest.layers[i].sqnr_db);
    ++rounded;
  }
  EXPECT_GE(rounded, 3);
}

TEST(Calibrate, BiasCorrectionIsKeptOnlyWhereItLowersTheError) {
  // Percentile 90 clips a tenth of the values, which shifts means a lot.
  CalibrationOptions options = options_of(CalibrationMethod::kPercentile);
  options.percentile = 90;
  const Calibration plain = calibrate_small(options, 32);
  options.bias_correction = true;
  const Calibration corrected = calibrate_small(options, 32);
  int kept = 0;
  for (std::size_t i = 0; i < plain.layers.size(); ++i) {
    if (corrected.layers[i].bias_correction.empty()) {
      EXPECT_EQ(corrected.layers[i].sqnr_db, plain.layers[i].sqnr_db);
    } else {
      EXPECT_GT(corrected.layers[i].sqnr_db, plain.layers[i].sqnr_db);
      ++kept;
    }
  }
  EXPECT_GE(kept, 2);
  // Nothing can be kept apart of three pictures, so nothing is corrected.
  for (const LayerCalibration& layer : calibrate_small(options, 3).layers)
    EXPECT_TRUE(layer.bias_correction.empty());
}

TEST(Calibrate, OnePictureIsEnough) {
  for (const CalibrationMethod method : {CalibrationMethod::kEntropy, CalibrationMethod::kMse})
    for (const TensorCalibration& t :
         calibrate_small(options_of(method, WeightRounding::kAdaptive, true), 1).tensors)
      EXPECT_TRUE(std::isfinite(t.scale) && t.scale > 0);
}

TEST(Calibrate, DeadTensorsGetAScale) {
  test::GraphBuilder build;
  const TensorId in = build.input({1, 3, kSize, kSize});
  const std::vector<float> zeros(2 * 3, 0.0f);
  const TensorId dead = build.relu(build.node(graph::Convolution{.out_channels = 2}, {in},
                                              {graph::Weights(Shape{2, 3, 1, 1}, zeros)}, "dead"));
  const Network network(std::make_shared<graph::Graph>(build.finish({build.inner_product(dead, 2)})));
  for (const CalibrationMethod method : {CalibrationMethod::kEntropy, CalibrationMethod::kMinMax,
                                         CalibrationMethod::kPercentile, CalibrationMethod::kMse}) {
    WavePictures images(5);
    const Calibration c = calibrate(network, images, options_of(method, WeightRounding::kAdaptive, true));
    for (const TensorCalibration& t : c.tensors) EXPECT_TRUE(std::isfinite(t.scale) && t.scale > 0) << t.name;
  }
}

TEST(Calibrate, ProgressRisesToOneAndMayStopTheWork) {
  CalibrationOptions options = options_of(CalibrationMethod::kMse, WeightRounding::kAdaptive);
  options.source.images = 16;
  double last = 0;
  options.progress = [&](double share) {
    EXPECT_GE(share, last);
    EXPECT_LE(share, 1);
    last = share;
  };
  calibrate_small(options);
  EXPECT_DOUBLE_EQ(last, 1);
  options.progress = [](double share) {
    if (share > 0.2) throw Error(ErrorCode::kInterrupted, "stopped");
  };
  EXPECT_THROW(calibrate_small(options), Error);
}

void expect_error(const Network& network, CalibrationImages& images, const CalibrationOptions& options,
                  const std::string& words) {
  try {
    calibrate(network, images, options);
    ADD_FAILURE() << "no error; expected: " << words;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(words));
  }
}

class BadPictures : public CalibrationImages {
 public:
  explicit BadPictures(float value, int got = 1) : value_(value), got_(got) {}
  void rewind() override {}
  int next(int, std::span<float> images) override {
    std::fill(images.begin(), images.end(), 1.0f);
    images[7] = value_;
    return got_;
  }

 private:
  float value_;
  int got_;
};

/// A folder from which files vanish.
class FewerEachTime : public WavePictures {
 public:
  FewerEachTime() : WavePictures(8) {}
  void rewind() override {
    WavePictures::rewind();
    most_ = 9 - ++passes_;
  }
  int next(int most, std::span<float> images) override {
    return most_-- > 0 ? WavePictures::next(most, images) : 0;
  }

 private:
  int passes_ = 0, most_ = 0;
};

TEST(Calibrate, WrongArgumentsAreNamed) {
  const Network network = small_network();
  WavePictures none(0), some(4);
  expect_error(network, none, {}, "there are no images");
  CalibrationOptions options;
  options.threads = -1;
  expect_error(network, some, options, "threads: expected 1 to 1024, got -1");
  for (const double percentile : {0.0, -1.0, 100.5, std::nan("")}) {
    options = options_of(CalibrationMethod::kPercentile);
    options.percentile = percentile;
    expect_error(network, some, options, "percentile: expected above 0");
  }
  options = {};
  options.pixel_mean = {1, 2};
  expect_error(network, some, options, "the pictures' mean: expected 3 values or 432, got 2");
  options.pixel_mean = {1, 2, 300};
  expect_error(network, some, options, "the pictures' mean: expected 0 to 255, got 300");
  BadPictures not_a_number(std::nanf("")), too_many(1, 2);
  expect_error(network, not_a_number, {}, "tensor 'data' has a value that is NaN or infinite");
  expect_error(network, too_many, {}, "asked for 1 image, got 2");
  FewerEachTime fewer;
  expect_error(network, fewer, {}, "there were 8 images at first and 7 later");

  test::GraphBuilder build;
  const TensorId a = build.input({1, 2, 4, 4}, "a"), b = build.input({1, 2, 4, 4}, "b");
  const Network two(std::make_shared<graph::Graph>(build.finish({build.sum({a, b})})));
  expect_error(two, some, {}, "has 2 inputs, expected one");
}

}  // namespace
}  // namespace octet
