#include "octet/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "graph/describe.h"
#include "octet/error.h"
#include "octet/network.h"
#include "quantize/base64.h"
#include "tests/support/graph_builder.h"
#include "tests/support/temporary_directory.h"

namespace octet {
namespace {

using testing::HasSubstr;

Calibration example() {
  Calibration c;
  c.source = {.network = "tiny \"quoted\" network",
              .network_hash = "0123456789abcdef",
              .data = "pictures, 100 of them",
              .data_hash = "fedcba9876543210",
              .images = 100,
              .batches = 4,
              .batch = 25,
              .pictures = {"00 a.jpg", "01 b.jpg"},
              .preprocessing = "caffe-squash",
              .preprocessing_hash = "00ff00ff00ff00ff"};
  c.method = CalibrationMethod::kPercentile;
  c.percentile = 99.99;
  c.scheme = QuantizationScheme::kSymmetricInt8;
  c.weight_rounding = WeightRounding::kAdaptive;
  c.bias_correction = true;
  c.forced = {"another network"};
  TensorCalibration data;
  data.name = "data";
  data.pixel_mean = {104, 117.25f, 0.1f};
  TensorCalibration conv;
  conv.name = "conv1";
  conv.scale = 0.1f;
  conv.zero_point = 128;
  conv.method = CalibrationMethod::kMse;
  conv.threshold = 12.7f;
  conv.minimum = -3.3e-20f;
  conv.maximum = 1e30f;
  conv.clipped = 0.1;
  conv.histogram = {0, 1, 18446744073709551615u};
  conv.zeros = 17;
  TensorCalibration pool = conv;
  pool.name = "pool1";
  pool.tied_to = "conv1";
  pool.scale = 0.3f;
  c.tensors = {data, conv, pool};
  LayerCalibration layer;
  layer.name = "conv1";
  layer.sqnr_db = 38.123456789;
  layer.sensitivity = -0.25;
  layer.bias_correction = {0.1f, -1e-8f};
  layer.rounding_bits = {0, 255, 17, 4};
  LayerCalibration last;
  last.name = "fc";
  last.precision = Precision::kFloat32;
  last.reason = "its sums do not fit";
  c.layers = {layer, last};
  return c;
}

/// `text` with its only occurrence of `from` replaced.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  EXPECT_EQ(text.find(from, at + 1), std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_refused(const std::string& text, ErrorCode code, const std::string& words) {
  try {
    Calibration::from_json(text, "net.calib");
    ADD_FAILURE() << "read without error; expected: " << words;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("net.calib"));
    EXPECT_THAT(error.what(), HasSubstr(words));
  }
}

TEST(CalibrationFile, ReadsBackAsItWasWritten) {
  const Calibration c = example();
  const test::TemporaryDirectory folder;
  c.save(folder.path() / "net.calib");
  const Calibration r = Calibration::load(folder.path() / "net.calib");
  EXPECT_EQ(r.to_json(), c.to_json());
  EXPECT_EQ(r.hash(), c.hash());
  EXPECT_EQ(r.source.network, c.source.network);
  EXPECT_EQ(r.source.pictures, c.source.pictures);
  EXPECT_EQ(r.source.batch, 25);
  EXPECT_EQ(r.method, c.method);
  EXPECT_EQ(r.percentile, c.percentile);
  EXPECT_EQ(r.scheme, c.scheme);
  EXPECT_EQ(r.weight_rounding, c.weight_rounding);
  EXPECT_TRUE(r.bias_correction);
  EXPECT_EQ(r.forced, c.forced);
  EXPECT_EQ(r.find_tensor("data")->pixel_mean, c.tensors[0].pixel_mean);
  const TensorCalibration& conv = *r.find_tensor("conv1");
  EXPECT_EQ(conv.scale, 0.1f);
  EXPECT_EQ(conv.zero_point, 128);
  EXPECT_EQ(conv.method, CalibrationMethod::kMse);
  EXPECT_EQ(conv.minimum, -3.3e-20f);
  EXPECT_EQ(conv.maximum, 1e30f);
  EXPECT_EQ(conv.clipped, 0.1);
  EXPECT_EQ(conv.histogram, c.tensors[1].histogram);
  EXPECT_EQ(conv.zeros, 17u);
  EXPECT_EQ(r.find_tensor("pool1")->tied_to, "conv1");
  EXPECT_EQ(r.find_layer("conv1")->rounding_bits, c.layers[0].rounding_bits);
  EXPECT_EQ(r.find_layer("conv1")->bias_correction, c.layers[0].bias_correction);
  EXPECT_EQ(r.find_layer("fc")->precision, Precision::kFloat32);
  EXPECT_EQ(r.find_layer("fc")->reason, c.layers[1].reason);
  EXPECT_EQ(r.find_tensor("none"), nullptr);
  EXPECT_EQ(r.find_layer("none"), nullptr);
}

TEST(CalibrationFile, EveryFloatReadsBackToTheSameBits) {
  const std::uint32_t seed = 3;
  std::mt19937 random(seed);
  Calibration c = example();
  for (int i = 0; i < 1000; ++i) {
    std::vector<float> values;
    while (values.size() < 20) {
      const std::uint32_t bits = static_cast<std::uint32_t>(random());
      const float value = std::bit_cast<float>(bits);
      if (std::isfinite(value)) values.push_back(value);
    }
    c.layers[0].bias_correction = values;
    const Calibration r = Calibration::from_json(c.to_json(), "memory");
    for (std::size_t v = 0; v < values.size(); ++v)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(r.layers[0].bias_correction[v]),
                std::bit_cast<std::uint32_t>(values[v]))
          << values[v] << " seed " << seed;
  }
}

TEST(CalibrationFile, HasOneLineATensorAndALayer) {
  const std::string text = example().to_json();
  EXPECT_THAT(text, HasSubstr("\n    {\"name\":\"conv1\",\"scale\":0.100000001,\"zero_point\":128,"));
  EXPECT_THAT(text, HasSubstr("\"maximum\":1.00000002e+30"));
  EXPECT_THAT(text, HasSubstr("\n    {\"name\":\"fc\",\"precision\":\"fp32\",\"reason\":"));
}

TEST(CalibrationFile, WhiteSpaceMayChangeAndContentMayNot) {
  const std::string text = example().to_json();
  std::string airy;
  for (const char c : text) {
    airy += c;
    if (c == '{' || c == '}') airy += "\n \t";
  }
  EXPECT_EQ(Calibration::from_json(airy, "memory").hash(), example().hash());
  const std::string edits[][2] = {{"\"scale\":0.300000012", "\"scale\":0.300000042"},
                                  {"pictures, 100", "pictures, 200"},
                                  {"\"bias_correction\": true", "\"bias_correction\": false"},
                                  {"AP8RBA==", "AP8RBQ=="},
                                  {"0123456789abcdef", "0123456789abcdee"}};
  for (const auto& [from, to] : edits)
    expect_refused(replaced(text, from, to), ErrorCode::kMismatch, "edited by hand");
}

TEST(CalibrationFile, ACutFileIsRefusedAtEveryLength) {
  const std::string text = example().to_json();
  for (std::size_t length = 0; length + 2 < text.size(); ++length)
    EXPECT_THROW(Calibration::from_json(std::string_view(text).substr(0, length), "cut"), Error) << length;
}

TEST(CalibrationFile, WhatIsWrongIsNamed) {
  const std::string text = example().to_json();
  expect_refused("", ErrorCode::kParse, "not JSON");
  expect_refused("TRT-2100-EntropyCalibration\ndata: 3c010a14\n", ErrorCode::kParse, "not JSON");
  expect_refused("[1, 2]", ErrorCode::kParse, "expected an object, got [1,2]");
  expect_refused("{}", ErrorCode::kParse, "field 'format' is missing");
  expect_refused(replaced(text, "octet-calibration", "something"), ErrorCode::kParse, "got 'something'");
  expect_refused(replaced(text, "\"version\": 1", "\"version\": 2"), ErrorCode::kMismatch,
                 "version 2: this program reads version 1");
  expect_refused(replaced(text, "\"version\": 1,", ""), ErrorCode::kParse, "field 'version' is missing");
  expect_refused(replaced(text, "\"network\":", "\"work\":"), ErrorCode::kParse,
                 "source: field 'network' is missing");
  expect_refused(replaced(text, "\"method\": \"percentile\"", "\"method\": \"guess\""), ErrorCode::kParse,
                 "expected one of entropy, minmax, percentile, mse, file, got 'guess'");
  expect_refused(replaced(text, "\"batch\":25", "\"batch\":25.5"), ErrorCode::kParse,
                 "field 'batch': expected an integer, got 25.5");
  expect_refused(replaced(text, "\"batch\":25", "\"batch\":99999999999"), ErrorCode::kParse, "its range");
  expect_refused(replaced(text, "\"AP8RBA==\"", "\"A?8RBA==\""), ErrorCode::kParse, "expected base64");
  const std::string scale = "\"scale\":1.0";  // of 'data'
  for (const char* bad : {"0", "-1", "0.0", "-0.5", "1e60", "1e-60"})
    expect_refused(replaced(text, scale, std::string("\"scale\":") + bad), ErrorCode::kMismatch,
                   "tensor 'data': scale: expected a finite number above 0");
  expect_refused(replaced(text, scale, "\"scale\":NaN"), ErrorCode::kParse, "not JSON");
  expect_refused(replaced(text, scale, "\"scale\":null"), ErrorCode::kParse,
                 "tensors[0] 'data': field 'scale': expected a number, got null");
  expect_refused(replaced(text, scale + ",", ""), ErrorCode::kParse,
                 "tensors[0] 'data': field 'scale' is missing");
  for (const char* bad : {"-1", "256"})
    expect_refused(replaced(text, scale + ",\"zero_point\":0", scale + ",\"zero_point\":" + bad),
                   ErrorCode::kMismatch, "tensor 'data': zero_point: expected 0 to 255");
  expect_refused(replaced(text, "\"name\":\"pool1\"", "\"name\":\"data\""), ErrorCode::kMismatch,
                 "tensor 'data' stands there twice");
  expect_refused(replaced(text, "\"name\":\"fc\"", "\"name\":\"conv1\""), ErrorCode::kMismatch,
                 "layer 'conv1' stands there twice");
  expect_refused(replaced(text, "\"tied_to\":\"conv1\"", "\"tied_to\":\"conv7\""), ErrorCode::kMismatch,
                 "tied to 'conv7', which is not there");
}

TEST(CalibrationFile, NestingWithoutEndIsRefused) {
  EXPECT_THROW(Calibration::from_json(std::string(1000000, '['), "deep"), Error);
}

TEST(CalibrationFile, NothingIsWrittenThatCouldNotBeRead) {
  const test::TemporaryDirectory folder;
  for (const float scale : {0.0f, -1.0f, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    Calibration c = example();
    c.tensors[1].scale = scale;
    EXPECT_THROW(c.save(folder.path() / "bad"), Error);
  }
  Calibration c = example();
  c.tensors[1].name = "\xff\xfe";
  EXPECT_THROW(c.save(folder.path() / "bad"), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(CalibrationFile, AMissingFileIsNotFound) {
  const test::TemporaryDirectory folder;
  for (const auto& path : {folder.path() / "none", folder.path()}) {
    try {
      Calibration::load(path);
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kNotFound);
      EXPECT_THAT(error.what(), HasSubstr(path.string()));
    }
  }
}

TEST(Calibration, HashFollowsWhatDecidesTheBits) {
  const std::string hash = example().hash();
  const auto changed = [&](auto change) {
    Calibration c = example();
    change(c);
    return c.hash() != hash;
  };
  EXPECT_TRUE(changed([](Calibration& c) { c.tensors[1].scale *= 1.0000001f; }));
  EXPECT_TRUE(changed([](Calibration& c) { c.tensors[1].zero_point = 127; }));
  EXPECT_TRUE(changed([](Calibration& c) { c.tensors[0].pixel_mean[2] = 0; }));
  EXPECT_TRUE(changed([](Calibration& c) { c.layers[0].rounding_bits[3] ^= 1; }));
  EXPECT_TRUE(changed([](Calibration& c) { c.layers[0].bias_correction.clear(); }));
  EXPECT_TRUE(changed([](Calibration& c) { c.layers[1].precision = Precision::kInt8; }));
  EXPECT_FALSE(changed([](Calibration& c) { c.source.data = "elsewhere"; }));
  EXPECT_FALSE(changed([](Calibration& c) { c.tensors[1].histogram.clear(); }));
}

Network tiny_network() {
  test::GraphBuilder build;
  const auto in = build.input({1, 2, 4, 4});
  const auto out = build.node(graph::InnerProduct{3, {}}, {in}, {build.random_weights({3, 32})}, "fc");
  return Network(std::make_shared<graph::Graph>(build.finish({out})));
}

Calibration calibration_for(const Network& network) {
  Calibration c;
  c.source.network = "tiny";
  c.source.network_hash = network.graph().name.empty() ? "" : graph::hash(network.graph());
  c.source.preprocessing = "squash";
  c.source.preprocessing_hash = "1111111111111111";
  c.tensors.resize(2);
  c.tensors[0].name = "data";
  c.tensors[1].name = "fc";
  c.layers.resize(1);
  c.layers[0].name = "fc";
  return c;
}

TEST(Calibration, FitsItsNetworkAndItsPreprocessing) {
  const Network network = tiny_network();
  Calibration c = calibration_for(network);
  c.check(network, "1111111111111111", false);
  c.check(network, "", false);
  EXPECT_TRUE(c.forced.empty());
}

void expect_mismatch(Calibration c, std::string_view preprocessing_hash, const std::string& words) {
  const Network network = tiny_network();
  try {
    c.check(network, preprocessing_hash, false);
    ADD_FAILURE() << "fitted; expected: " << words;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMismatch);
    EXPECT_THAT(error.what(), HasSubstr(words));
  }
  c.check(network, preprocessing_hash, true);
  ASSERT_EQ(c.forced.size(), 1u);
  EXPECT_THAT(c.forced[0], HasSubstr(words));
}

TEST(Calibration, AMismatchSaysWhichAndForceRecordsIt) {
  const Calibration fitting = calibration_for(tiny_network());
  Calibration c = fitting;
  c.source.network_hash = "aaaaaaaaaaaaaaaa";
  expect_mismatch(c, "", "for network 'tiny' with hash aaaaaaaaaaaaaaaa, not for 'test'");
  expect_mismatch(fitting, "2222222222222222", "prepared as 'squash' (hash 1111111111111111)");
  c = fitting;
  c.tensors[1].name = "conv9";
  expect_mismatch(c, "", "a tensor 'conv9' that network 'test' has not");
  c = fitting;
  c.layers[0].name = "conv9";
  expect_mismatch(c, "", "a layer 'conv9' that network 'test' has not");
}

TEST(Calibration, WordsRoundTrip) {
  for (const char* word : {"entropy", "minmax", "percentile", "mse"})
    EXPECT_STREQ(to_string(parse_calibration_method(word)), word);
  for (const char* word : {"u8", "symmetric-s8"})
    EXPECT_STREQ(to_string(parse_quantization_scheme(word)), word);
  for (const char* word : {"nearest", "adaptive"}) EXPECT_STREQ(to_string(parse_weight_rounding(word)), word);
  EXPECT_THROW(parse_calibration_method("kl"), Error);
  EXPECT_THROW(parse_quantization_scheme(""), Error);
  EXPECT_THROW(parse_weight_rounding("up"), Error);
}

TEST(Base64, RoundTripsAndRefusesTheRest) {
  const std::string expected[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  const std::string source = "foobar";
  for (std::size_t n = 0; n <= 6; ++n) {
    const std::vector<std::uint8_t> bytes(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_EQ(quantize::encode_base64(bytes), expected[n]);
    EXPECT_EQ(quantize::decode_base64(expected[n]), bytes);
  }
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zh==", "Zm9=", "Zm 9", "Zm9\xff"})
    EXPECT_FALSE(quantize::decode_base64(bad).has_value()) << bad;
}

}  // namespace
}  // namespace octet
