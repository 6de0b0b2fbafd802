#include "quantize/integer_layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "octet/error.h"
#include "quantize/weight_integers.h"

namespace octet::quantize {
namespace {

using testing::HasSubstr;

std::vector<float> random_values(std::size_t count, std::uint32_t seed, float low = -1, float high = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(count);
  for (float& v : values) v = distribution(random);
  return values;
}

/// A fully connected layer of `out` channels with `taps` weights each.
IntegerLayerSpec spec_of(const std::vector<float>& weights, const std::vector<float>& bias,
                         std::int64_t out) {
  IntegerLayerSpec spec;
  spec.where = "net.prototxt:7: layer 'fc'";
  spec.weights = weights;
  spec.bias = bias;
  spec.out_channels = out;
  spec.input = {.scale = 0.05f, .zero_point = 0};
  spec.output = {.scale = 0.1f, .zero_point = 0};
  return spec;
}

void expect_error(const IntegerLayerSpec& spec, ErrorCode code, const std::string& text) {
  try {
    make_integer_layer(spec);
    ADD_FAILURE() << "no error; expected one with: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(text));
    EXPECT_THAT(error.what(), HasSubstr(spec.where));
  }
}

TEST(IntegerLayer, SumsTimesMultiplierAreTheRealOutputWithinRounding) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const std::int64_t out = 7, taps = 53;
    const auto weights = random_values(out * taps, seed);
    const auto bias = random_values(out, seed + 100, -3, 3);
    IntegerLayerSpec spec = spec_of(weights, bias, out);
    spec.input.zero_point = static_cast<int>(seed * 37 % 256);
    const IntegerLayer layer = make_integer_layer(spec);
    std::mt19937 random(seed);
    for (std::int64_t k = 0; k < out; ++k) {
      std::int64_t sum = layer.bias[k];
      double real = bias[k], reach = 0;
      for (std::int64_t i = 0; i < taps; ++i) {
        const int q = static_cast<int>(random() % 256);
        sum += std::int64_t{layer.weights[k * taps + i]} * q;
        const double x = double{spec.input.scale} * (q - spec.input.zero_point);
        real += double{weights[k * taps + i]} * x;
        reach += std::abs(x);
      }
      const double scale = layer.weight_scales[k];
      const double bound = 0.5 * scale * reach + 0.5 * scale * spec.input.scale;
      EXPECT_NEAR(static_cast<double>(sum) * layer.multipliers[k] * spec.output.scale, real, bound * 1.0001);
    }
  }
}

TEST(IntegerLayer, LargestWeightOfEachChannelBecomes127) {
  const std::vector<float> weights = {0.5f, -2.0f, 1.0f, 0.0f, 3e-9f, -1e-9f};
  const IntegerLayer layer = make_integer_layer(spec_of(weights, {}, 2));
  EXPECT_THAT(layer.weights, testing::ElementsAre(32, -127, 64, 0, 127, -42));
  EXPECT_FLOAT_EQ(layer.weight_scales[0], 2.0f / 127);
  EXPECT_FLOAT_EQ(layer.weight_scales[1], 3e-9f / 127);
  EXPECT_FLOAT_EQ(layer.multipliers[0], 2.0f / 127 * 0.05f / 0.1f);
}

TEST(IntegerLayer, TiesRoundToEven) {
  const std::vector<float> weights = {127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f};
  EXPECT_THAT(make_integer_layer(spec_of(weights, {}, 1)).weights, testing::ElementsAre(127, 0, 2, 2, 0, -2));
}

TEST(IntegerLayer, Fp32OutputGetsMultipliersToReals) {
  const std::vector<float> weights = {1.27f, 0.5f};
  IntegerLayerSpec spec = spec_of(weights, {}, 1);
  spec.output_type = DataType::kFloat32;
  spec.output.scale = 0;  // not read
  EXPECT_FLOAT_EQ(make_integer_layer(spec).multipliers[0], 0.01f * 0.05f);
}

TEST(IntegerLayer, RoundingBitsDecideUpOrDown) {
  const std::vector<float> weights = {127, 0.5f, 0.9f, -0.1f, -126.5f, 3, 0.2f, 0.2f, 1.7f, 127};
  LayerCalibration calibration;
  calibration.rounding_bits = {0b01010110, 0b01};  // of weights 1, 2, 4, 6 and 8
  IntegerLayerSpec spec = spec_of(weights, {}, 1);
  spec.calibration = &calibration;
  EXPECT_THAT(make_integer_layer(spec).weights, testing::ElementsAre(127, 1, 1, -1, -126, 3, 1, 0, 2, 127));
  calibration.rounding_bits.push_back(0);
  expect_error(spec, ErrorCode::kMismatch, "expected 2 bytes for 10 weights");
}

TEST(IntegerLayer, BiasCorrectionIsAddedBeforeRounding) {
  const std::vector<float> weights = {127, 127}, bias = {1, 1};
  LayerCalibration calibration;
  calibration.bias_correction = {0.5f, -2};
  IntegerLayerSpec spec = spec_of(weights, bias, 2);
  spec.input.scale = 0.25f;
  spec.calibration = &calibration;
  EXPECT_THAT(make_integer_layer(spec).bias, testing::ElementsAre(6, -4));
  calibration.bias_correction = {1};
  expect_error(spec, ErrorCode::kMismatch, "corrects 1 biases, the layer has 2");
  calibration.bias_correction = {0, std::nanf("")};
  expect_error(spec, ErrorCode::kInvalidNetwork, "output channel 1: the bias is not finite");
}

TEST(IntegerLayer, DeadChannelsKeepTheirBias) {
  const std::vector<float> weights(12, 0.0f), bias = {0, 0.3f, -4e6f};
  const IntegerLayer layer = make_integer_layer(spec_of(weights, bias, 3));
  EXPECT_EQ(layer.weight_scales[0], 1);
  EXPECT_EQ(layer.bias[0], 0);
  for (int k = 1; k < 3; ++k)
    EXPECT_NEAR(static_cast<double>(layer.bias[k]) * layer.multipliers[k] * 0.1f, bias[k],
                std::abs(bias[k]) * 1e-6);
}

TEST(IntegerLayer, DenormalWeightsAreTakenForDead) {
  const std::vector<float> weights = {1e-42f, -3e-45f};
  const IntegerLayer layer = make_integer_layer(spec_of(weights, {}, 1));
  EXPECT_THAT(layer.weights, testing::ElementsAre(0, 0));
  EXPECT_GT(layer.weight_scales[0], 0);
}

TEST(IntegerLayer, AHugeBiasMakesTheChannelCoarserAndTheBoundHolds) {
  // What folding a BatchNorm of a nearly dead channel leaves.
  const std::vector<float> weights = {1e-7f, -2e-7f, 1.5e-7f, 0.5f, 0.25f, 1.0f}, bias = {25.0f, 0.5f};
  const IntegerLayer layer = make_integer_layer(spec_of(weights, bias, 2));
  EXPECT_GT(layer.weight_scales[0], 2e-7f / 127);
  EXPECT_EQ(layer.weight_scales[1], 1.0f / 127);
  for (int k = 0; k < 2; ++k) {
    double reach = std::abs(double(layer.bias[k]));
    for (int i = 0; i < 3; ++i) reach += 255.0 * std::abs(layer.weights[k * 3 + i]);
    EXPECT_LE(reach, 2147483647.0);
    EXPECT_NEAR(layer.bias[k] * double{layer.multipliers[k]} * 0.1f, bias[k], bias[k] * 1e-4);
  }
}

TEST(IntegerLayer, SumsOfVeryManyWeightsStillFit) {
  const std::vector<float> weights(100000, 1.0f);
  const IntegerLayer layer = make_integer_layer(spec_of(weights, {}, 1));
  double sum = 0;
  for (const std::int8_t w : layer.weights) sum += 255.0 * w;
  EXPECT_LE(sum, 2147483647.0);
  EXPECT_GT(sum, 2147483647.0 / 4);
}

TEST(IntegerLayer, SixteenBitInputUsesItsLimitInTheBound) {
  const std::vector<float> weights(512, 1.0f);
  IntegerLayerSpec spec = spec_of(weights, {}, 1);
  spec.input_type = DataType::kInt16;
  spec.input.limit = 33000;  // 512 * 127 * 33000 < 2^31
  EXPECT_EQ(make_integer_layer(spec).weights[0], 127);
  spec.input.limit = 33100;  // and this is not
  EXPECT_LT(make_integer_layer(spec).weights[0], 127);
}

TEST(IntegerLayer, NonsenseIsNamed) {
  std::vector<float> weights = {1, 2, std::nanf(""), 4}, bias = {1, 2};
  expect_error(spec_of(weights, bias, 2), ErrorCode::kInvalidNetwork,
               "output channel 1: a weight is NaN or infinite");
  weights[2] = -std::numeric_limits<float>::infinity();
  expect_error(spec_of(weights, bias, 2), ErrorCode::kInvalidNetwork,
               "output channel 1: a weight is NaN or infinite");
  weights[2] = 3;
  expect_error(spec_of(weights, bias, 3), ErrorCode::kInvalidNetwork, "3 output channels");
  expect_error(spec_of(weights, bias, 4), ErrorCode::kMismatch, "expected 4 biases, got 2");
  IntegerLayerSpec spec = spec_of(weights, bias, 2);
  spec.input.scale = 0;
  expect_error(spec, ErrorCode::kMismatch, "scale of the input");
  spec.input.scale = 1;
  spec.output.scale = std::nanf("");
  expect_error(spec, ErrorCode::kMismatch, "scale of the output");
  spec.output.scale = 1e-42f;
  expect_error(spec, ErrorCode::kUnsupported, "levels of the output");
}

// ---- pictures' bytes

struct PixelCase {
  std::int64_t channels, height, width, out, groups, kernel, stride, pad, dilation;
};

/// The convolution of (picture - mean) with the layer's own dequantised weights, zero outside, in double.
double expected_output(const PixelCase& c, const IntegerLayer& layer,
                       const std::vector<std::uint8_t>& picture, const std::vector<float>& mean,
                       std::int64_t k, std::int64_t oy, std::int64_t ox, bool* touches_border) {
  const std::int64_t group_channels = c.channels / c.groups, first = k / (c.out / c.groups) * group_channels;
  double sum = 0;
  *touches_border = false;
  for (std::int64_t i = 0; i < group_channels; ++i)
    for (std::int64_t ky = 0; ky < c.kernel; ++ky)
      for (std::int64_t kx = 0; kx < c.kernel; ++kx) {
        const std::int64_t y = oy * c.stride - c.pad + ky * c.dilation,
                           x = ox * c.stride - c.pad + kx * c.dilation;
        if (y < 0 || y >= c.height || x < 0 || x >= c.width) {
          *touches_border = true;
          continue;
        }
        const auto at = static_cast<std::size_t>(((first + i) * c.height + y) * c.width + x);
        const double m = mean.size() == picture.size() ? mean[at] : mean[static_cast<std::size_t>(first + i)];
        sum += layer.weights[static_cast<std::size_t>(((k * group_channels + i) * c.kernel + ky) * c.kernel +
                                                      kx)] *
               (picture[at] - m);
      }
  return sum;
}

/// What a kernel sums: bytes times integers, the halo as pixel_halo() says.
std::int64_t integer_sum(const PixelCase& c, const IntegerLayer& layer,
                         const std::vector<std::uint8_t>& picture, const std::vector<std::uint8_t>& halo,
                         std::int64_t k, std::int64_t oy, std::int64_t ox) {
  const std::int64_t group_channels = c.channels / c.groups, first = k / (c.out / c.groups) * group_channels;
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < group_channels; ++i)
    for (std::int64_t ky = 0; ky < c.kernel; ++ky)
      for (std::int64_t kx = 0; kx < c.kernel; ++kx) {
        const std::int64_t y = oy * c.stride - c.pad + ky * c.dilation,
                           x = ox * c.stride - c.pad + kx * c.dilation;
        const bool inside = y >= 0 && y < c.height && x >= 0 && x < c.width;
        const int value = inside
                              ? picture[static_cast<std::size_t>(((first + i) * c.height + y) * c.width + x)]
                              : halo[static_cast<std::size_t>(first + i)];
        sum += value * layer.weights[static_cast<std::size_t>(
                           ((k * group_channels + i) * c.kernel + ky) * c.kernel + kx)];
      }
  return sum;
}

class PixelLayer : public testing::TestWithParam<PixelCase> {};

void check_pixels(const PixelCase& c, bool mean_image) {
  const std::uint32_t seed = 11;
  const std::int64_t out_h = (c.height + 2 * c.pad - (c.kernel - 1) * c.dilation - 1) / c.stride + 1;
  const std::int64_t out_w = (c.width + 2 * c.pad - (c.kernel - 1) * c.dilation - 1) / c.stride + 1;
  const auto taps = static_cast<std::size_t>(c.channels / c.groups * c.kernel * c.kernel);
  const auto weights = random_values(static_cast<std::size_t>(c.out) * taps, seed);
  const auto mean = random_values(
      static_cast<std::size_t>(mean_image ? c.channels * c.height * c.width : c.channels), seed + 1, 90, 130);
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(c.channels * c.height * c.width));
  std::mt19937 random(seed + 2);
  for (auto& byte : picture) byte = static_cast<std::uint8_t>(random());

  IntegerLayerSpec spec = spec_of(weights, {}, c.out);
  spec.input = {.scale = 1, .zero_point = 0};
  spec.pixel_mean = mean;
  spec.in_channels = c.channels, spec.in_height = c.height, spec.in_width = c.width;
  spec.out_height = out_h, spec.out_width = out_w;
  spec.window = {.kernel_h = c.kernel,
                 .kernel_w = c.kernel,
                 .stride_h = c.stride,
                 .stride_w = c.stride,
                 .pad_top = c.pad,
                 .pad_left = c.pad,
                 .pad_bottom = c.pad,
                 .pad_right = c.pad,
                 .dilation_h = c.dilation,
                 .dilation_w = c.dilation};
  const IntegerLayer layer = make_integer_layer(spec);
  const auto halo = pixel_halo(mean, c.channels);
  EXPECT_EQ(layer.bias_map.empty(), !mean_image);
  EXPECT_EQ(layer.bias.empty(), mean_image);
  for (std::int64_t k = 0; k < c.out; ++k)
    for (std::int64_t y = 0; y < out_h; ++y)
      for (std::int64_t x = 0; x < out_w; ++x) {
        bool border = false;
        const double expected = expected_output(c, layer, picture, mean, k, y, x, &border);
        const std::int64_t bias = mean_image
                                      ? layer.bias_map[static_cast<std::size_t>((k * out_h + y) * out_w + x)]
                                      : layer.bias[static_cast<std::size_t>(k)];
        const auto got = static_cast<double>(bias + integer_sum(c, layer, picture, halo, k, y, x));
        double bound = 0.5 + 1e-6;
        if (border && !mean_image)  // a rounded mean in the halo
          for (std::size_t i = 0; i < taps; ++i)
            bound += 0.5 * std::abs(layer.weights[static_cast<std::size_t>(k) * taps + i]);
        ASSERT_NEAR(got, expected, bound) << "k " << k << " y " << y << " x " << x << " seed " << seed;
      }
}

TEST_P(PixelLayer, ChannelMeansFoldIntoTheBias) { check_pixels(GetParam(), false); }
TEST_P(PixelLayer, AMeanImageBecomesABiasMap) { check_pixels(GetParam(), true); }

INSTANTIATE_TEST_SUITE_P(
    Shapes, PixelLayer,
    testing::Values(PixelCase{3, 9, 8, 4, 1, 3, 1, 1, 1}, PixelCase{3, 15, 13, 2, 1, 7, 2, 3, 1},
                    PixelCase{3, 17, 17, 2, 1, 11, 4, 0, 1}, PixelCase{4, 8, 8, 6, 2, 3, 2, 1, 1},
                    PixelCase{1, 9, 9, 3, 1, 3, 1, 2, 2}, PixelCase{3, 4, 4, 2, 1, 4, 1, 0, 1}));

TEST(PixelLayer, FullyConnectedLayersTakePicturesToo) {
  const std::int64_t channels = 3, height = 2, width = 2, taps = 12;
  const auto weights = random_values(2 * taps, 5);
  for (const std::size_t means : {3u, 12u}) {
    const auto mean = random_values(means, 6, 100, 120);
    IntegerLayerSpec spec = spec_of(weights, {}, 2);
    spec.input = {.scale = 1};
    spec.pixel_mean = mean;
    spec.in_channels = channels, spec.in_height = height, spec.in_width = width;
    const IntegerLayer layer = make_integer_layer(spec);
    for (std::size_t k = 0; k < 2; ++k) {
      double expected = 0;
      for (std::size_t i = 0; i < taps; ++i)
        expected -= layer.weights[k * taps + i] * double{mean[means == 3 ? i / 4 : i]};
      EXPECT_NEAR(means == 3 ? layer.bias[k] : layer.bias_map[k], expected, 0.5);
    }
  }
}

TEST(PixelLayer, HaloIsTheRoundedMeanAndZeroForAMeanImage) {
  EXPECT_THAT(pixel_halo(std::vector<float>{103.939f, 116.5f, 300.0f}, 3),
              testing::ElementsAre(104, 116, 255));
  EXPECT_THAT(pixel_halo(std::vector<float>(12, 100.0f), 3), testing::ElementsAre(0, 0, 0));
}

TEST(PixelLayer, AMeanOfAnotherSizeIsAnError) {
  const auto weights = random_values(27, 1), mean = random_values(5, 1);
  IntegerLayerSpec spec = spec_of(weights, {}, 1);
  spec.pixel_mean = mean;
  spec.in_channels = 3, spec.in_height = 3, spec.in_width = 3;
  spec.window = {.kernel_h = 3, .kernel_w = 3};
  expect_error(spec, ErrorCode::kMismatch, "expected 3 values or 27, got 5");
}

// ---- 16-bit activations

TEST(Int16Limit, KeepsEverySumWithin32BitsAndIsTheLargestThatDoes) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const std::int64_t out = 3, taps = 100 * seed;
    const auto weights = random_values(static_cast<std::size_t>(out * taps), seed);
    const auto bias = random_values(3, seed, -1, 1);
    const float largest = 4.0f;
    const std::int32_t limit = int16_limit(weights, bias, out, largest);
    ASSERT_GE(limit, 1);
    IntegerLayerSpec spec = spec_of(weights, bias, out);
    spec.input_type = DataType::kInt16;
    spec.input = {.scale = largest / static_cast<float>(limit), .zero_point = 0, .limit = limit};
    const IntegerLayer layer = make_integer_layer(spec);
    double most = 0;
    for (std::int64_t k = 0; k < out; ++k) {
      double sum = 0;
      for (std::int64_t i = 0; i < taps; ++i)
        sum += std::abs(layer.weights[static_cast<std::size_t>(k * taps + i)]);
      const double reach = limit * sum + std::abs(double(layer.bias[static_cast<std::size_t>(k)]));
      EXPECT_LE(reach, 2147483647.0);
      most = std::max(most, reach);
    }
    // Weights count as if all were rounded up, which costs the limit about 1 % here.
    EXPECT_TRUE(limit == 32767 || most > 0.97 * 2147483647.0) << limit << " " << most;
  }
}

TEST(Int16Limit, OneNearlyDeadChannelDoesNotCoarsenTheTensor) {
  const std::vector<float> weights = {1, 1, 1e-8f, 1e-8f}, bias = {0, 10};
  EXPECT_EQ(int16_limit(weights, bias, 2, 1.0f), 32767);
}

}  // namespace
}  // namespace octet::quantize
