// Every way in which a file can be wrong that we know of: each gives an error that names the place, and what
// was expected. At the end, files damaged at random: an error or a network, never a crash.
#include <fmt/format.h>

#include <cmath>
#include <random>

#include "import/caffe/mean_image.h"
#include "import/caffe/test_networks.h"
#include "tests/support/caffe_layers.h"

namespace octet::caffe {
namespace {

using test::BlobToWrite;
using test::CaffemodelForm;
using test::CaffemodelWriter;

void refused(const std::string& text, ErrorCode code, const std::vector<std::string>& words) {
  SCOPED_TRACE(text);
  expect_failure([&] { graph_of(text); }, code, words);
}

/// A single layer in line 2 on an input of 1 x 4 x 8 x 8.
void layer_refused(const std::string& layer, ErrorCode code, std::vector<std::string> words) {
  words.emplace_back("net.prototxt:2");
  refused(with_input("1 4 8 8", "layer { name: 'l' bottom: 'data' top: 'l' " + layer + " }"), code, words);
}

// ---- structure

TEST(BadPrototxt, UnknownLayerType) {
  layer_refused("type: 'Deconvolution'", ErrorCode::kUnsupported,
                {"'l'", "'Deconvolution' is not supported", "Convolution"});
  layer_refused("", ErrorCode::kInvalidNetwork, {"no type"});
  layer_refused("type: 'Data'", ErrorCode::kUnsupported, {"'Data'", "deploy"});
  layer_refused("type: 'SoftmaxWithLoss'", ErrorCode::kUnsupported, {"'SoftmaxWithLoss'", "training"});
}

TEST(BadPrototxt, AnUnknownTypeIsSaidBeforeItsUnknownFields) {
  layer_refused("type: 'Fancy' fancy_param { a: 1 }", ErrorCode::kUnsupported, {"'Fancy' is not supported"});
}

TEST(BadPrototxt, MissingBottom) {
  refused(with_input("1 4 8 8", "layer {\n name: 'r' type: 'ReLU'\n bottom: 'dota'\n top: 'r' }"),
          ErrorCode::kInvalidNetwork, {"net.prototxt:4", "'r'", "bottom 'dota' is made by no layer"});
}

TEST(BadPrototxt, CycleAndSelfReference) {
  refused(with_input("1 4 8 8",
                     "layer { name: 'a' type: 'Eltwise' bottom: 'data' bottom: 'y' top: 'x' }\n"
                     "layer { name: 'b' type: 'ReLU' bottom: 'x' top: 'y' }"),
          ErrorCode::kInvalidNetwork, {"net.prototxt:2", "'a'", "bottom 'y'", "'b' in line 3", "cycle"});
  refused(with_input("1 4 8 8", "layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'x' }"),
          ErrorCode::kInvalidNetwork, {"net.prototxt:2", "by this layer itself", "cycle"});
}

TEST(BadPrototxt, BlobMadeTwice) {
  refused(with_input("1 4 8 8",
                     "layer { name: 'a' type: 'ReLU' bottom: 'data' top: 'x' }\n"
                     "layer { name: 'b' type: 'ReLU' bottom: 'data' top: 'x' }"),
          ErrorCode::kInvalidNetwork, {"net.prototxt:3", "'x' is made twice", "layer 'a'"});
  refused(with_input("1 4 8 8", "layer { name: 'a' type: 'Split' bottom: 'data' top: 'x' top: 'x' }"),
          ErrorCode::kInvalidNetwork, {"'x' is there twice"});
}

TEST(BadPrototxt, TwoLayersWithWeightsOfOneName) {
  const std::string layer =
      "layer { name: 'f' type: 'InnerProduct' bottom: 'data' inner_product_param { num_output: 2 }";
  refused(with_input("1 4", layer + " top: 'a' }\n" + layer + " top: 'b' }"), ErrorCode::kInvalidNetwork,
          {"net.prototxt:3", "second layer"});
}

TEST(BadPrototxt, NothingInIt) {
  refused("", ErrorCode::kInvalidNetwork, {"net.prototxt", "no layer"});
  refused("name: 'x'", ErrorCode::kInvalidNetwork, {"no layer"});
  refused(with_input("1 4 8 8", ""), ErrorCode::kInvalidNetwork, {"no layer"});
}

TEST(BadPrototxt, WrongNumberOfBottomsOrTops) {
  layer_refused("type: 'ReLU' bottom: 'data'", ErrorCode::kInvalidNetwork, {"2 bottom(s), expected 1"});
  layer_refused("type: 'Pooling' top: 'mask' pooling_param { kernel_size: 2 }", ErrorCode::kInvalidNetwork,
                {"2 top(s), expected 1"});
  layer_refused("type: 'Eltwise'", ErrorCode::kInvalidNetwork, {"1 bottom(s), expected at least 2"});
  layer_refused("type: 'Input'", ErrorCode::kInvalidNetwork, {"1 bottom(s), expected 0"});
}

TEST(BadPrototxt, ManyLayersOfOneNameTakeNoLongerThanOthers) {
  std::string text = with_input("1 4 8 8", "");
  for (int i = 0; i < 30'000; ++i) text += "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'data' }\n";
  EXPECT_EQ(graph_of(text).nodes.size(), 30'001u);  // a quadratic search for free names would take minutes
}

TEST(BadPrototxt, AFileFarTooLarge) {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("net.prototxt", std::string(5 << 20, ' '));
  expect_failure([&] { read_prototxt(path); }, ErrorCode::kParse, {"net.prototxt", "5242880 bytes"});
}

// ---- inputs

TEST(BadPrototxt, InputDimensions) {
  const std::string relu = "\nlayer { name: 'r' type: 'ReLU' bottom: 'data' top: 'r' }";
  for (const char* dims :
       {"1 3 -8 8", "1 3 0 8", "-1 3 8 8", "0 3 8 8", "1 3 8 99999999999", "1 99999999 8 8"}) {
    refused(with_input(dims, relu), ErrorCode::kInvalidNetwork,
            {"net.prototxt:1", "'data'", "expected 1 to"});
  }
  refused(with_input("1 16777216 16777216 16777216", relu), ErrorCode::kInvalidNetwork, {"net.prototxt:1"});
  refused(with_input("1 3 8 99999999999999999999", relu), ErrorCode::kParse,
          {"net.prototxt:1:", "out of range"});
  refused(with_input("", relu), ErrorCode::kInvalidNetwork, {"net.prototxt:1", "no dimensions"});
  refused("\nlayer { name: 'data' type: 'Input' top: 'data' }" + relu, ErrorCode::kInvalidNetwork,
          {"net.prototxt:2", "0 shape(s)"});
  refused("\ninput: 'data' input_dim: 1 input_dim: 3 input_dim: 8" + relu, ErrorCode::kInvalidNetwork,
          {"net.prototxt:2", "need 4 input_dim values, got 3"});
  refused("\ninput: 'data'" + relu, ErrorCode::kInvalidNetwork, {"net.prototxt:2", "input_dim"});
  refused("\ninput: 'data' input_dim: 1 input_dim: 3 input_dim: -8 input_dim: 8" + relu,
          ErrorCode::kInvalidNetwork, {"net.prototxt:2", "dimension -8"});
  refused("input: 'data' input_shape { dim: 1 } input_shape { dim: 1 }" + relu, ErrorCode::kInvalidNetwork,
          {"1 input(s) but 2 input_shape(s)"});
}

// ---- layers

TEST(BadPrototxt, Convolution) {
  const auto convolution = [](const std::string& parameters, const std::string& words,
                              ErrorCode code = ErrorCode::kInvalidNetwork) {
    layer_refused("type: 'Convolution' convolution_param { " + parameters + " }", code, {"'l'", words});
  };
  convolution("kernel_size: 3", "num_output is missing");
  convolution("num_output: 4", "kernel_size is missing");
  convolution("num_output: 4 kernel_h: 3", "kernel_size is missing");
  convolution("num_output: 0 kernel_size: 3", "num_output is 0");
  convolution("num_output: -4 kernel_size: 3", "num_output is -4");
  convolution("num_output: 99999999999 kernel_size: 3", "num_output is 99999999999");
  convolution("num_output: 4 kernel_size: -3", "kernel_size is -3");
  convolution("num_output: 4 kernel_size: 0", "kernel_size is 0");
  convolution("num_output: 4 kernel_size: 9", "larger than the padded input");
  convolution("num_output: 4 kernel_size: 16777216", "larger than the padded input");
  convolution("num_output: 4 kernel_size: 5 dilation: 2", "larger than the padded input");
  convolution("num_output: 4 kernel_size: 3 stride: 0", "stride is 0");
  convolution("num_output: 4 kernel_size: 3 stride_h: 2", "stride is missing");
  convolution("num_output: 4 kernel_size: 3 pad: -1", "pad is -1");
  convolution("num_output: 4 kernel_size: 3 dilation: 0", "dilation is 0");
  convolution("num_output: 4 kernel_size: 3 kernel_h: 3 kernel_w: 3", "either");
  convolution("num_output: 4 kernel_size: [3, 3, 3]", "3 values", ErrorCode::kUnsupported);
  convolution("num_output: 4 kernel_size: 3 group: 3", "groups do not divide");
  convolution("num_output: 4 kernel_size: 3 group: 0", "group is 0");
  convolution("num_output: 4 kernel_size: 3 axis: 2", "axis is 2", ErrorCode::kUnsupported);
  convolution("num_output: 16777216 kernel_size: 4194304 pad: 4194303", "limit");
}

TEST(BadPrototxt, Pooling) {
  const auto pooling = [](const std::string& parameters, const std::string& words,
                          ErrorCode code = ErrorCode::kInvalidNetwork) {
    layer_refused("type: 'Pooling' pooling_param { " + parameters + " }", code, {"'l'", words});
  };
  pooling("kernel_size: 9", "larger than the padded input");
  pooling("kernel_size: 12 pad: 1", "larger than the padded input");
  pooling("pool: MAX", "kernel_size is missing");
  pooling("kernel_size: 2 pad: 2", "must be smaller");
  pooling("kernel_size: 2 stride: -1", "stride is -1");
  pooling("kernel_size: 2 global_pooling: true", "global_pooling takes no kernel size");
  pooling("stride: 2 global_pooling: true", "global_pooling takes stride 1");
  pooling("kernel_size: 2 pool: STOCHASTIC", "stochastic", ErrorCode::kUnsupported);
}

TEST(BadPrototxt, FormsThatOctetDoesNotHave) {
  const auto unsupported = [](const std::string& layer, const std::string& words) {
    layer_refused(layer, ErrorCode::kUnsupported, {"'l'", words});
  };
  unsupported("type: 'Scale' bottom: 'data'", "two bottoms");
  unsupported("type: 'Bias' bottom: 'data'", "two bottoms");
  unsupported("type: 'Scale' scale_param { axis: 2 }", "axis is 2");
  unsupported("type: 'Scale' scale_param { num_axes: -1 }", "num_axes is -1");
  unsupported("type: 'Bias' bias_param { axis: 0 }", "axis is 0");
  unsupported("type: 'InnerProduct' inner_product_param { num_output: 2 axis: 2 }", "axis is 2");
  unsupported("type: 'BatchNorm' batch_norm_param { use_global_stats: false }", "use_global_stats");
  unsupported("type: 'Flatten' flatten_param { end_axis: 2 }", "end_axis is 2");
  unsupported("type: 'Reshape' reshape_param { axis: -1 shape { dim: 2 dim: 4 } }", "axis -1");
  unsupported("type: 'Dropout' dropout_param { scale_train: false }", "scale_train");
}

TEST(BadPrototxt, ShapesThatDoNotFit) {
  const auto invalid = [](const std::string& layer, const std::string& words) {
    layer_refused(layer, ErrorCode::kInvalidNetwork, {"'l'", words});
  };
  invalid("type: 'Reshape' reshape_param { shape { dim: 0 dim: 5 } }", "1x4x8x8");
  invalid("type: 'Reshape' reshape_param { shape { dim: 0 dim: -1 dim: -1 } }", "more than one");
  invalid("type: 'Reshape' reshape_param { shape { dim: 0 dim: -2 } }", "dimension -2");
  invalid("type: 'Reshape'", "0 dimensions");
  invalid("type: 'LRN' lrn_param { local_size: 4 }", "odd");
  invalid("type: 'LRN' lrn_param { local_size: -3 }", "-3");
  invalid("type: 'Softmax' softmax_param { axis: 4 }", "axis 4");
  invalid("type: 'Concat' concat_param { axis: 0 }", "axis 0");
  invalid("type: 'Eltwise' bottom: 'data' eltwise_param { coeff: 1 }", "1 coefficients for 2 inputs");
  invalid("type: 'Eltwise' bottom: 'data' eltwise_param { operation: MAX coeff: 1 coeff: 2 }", "only a sum");
  invalid("type: 'BatchNorm' batch_norm_param { eps: -1 }", "eps is -1");
}

// ---- caffemodels

class BadCaffemodel : public testing::Test {
 protected:
  static inline const std::string kText =
      with_input("1 1 4 4",
                 "layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'x' convolution_param { "
                 "num_output: 2 kernel_size: 2 } }\n"
                 "layer { name: 'bn' type: 'BatchNorm' bottom: 'x' top: 'x' }\n"
                 "layer { name: 'fc' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { "
                 "num_output: 3 } }\n");

  using Layers = std::vector<std::pair<std::string, std::vector<BlobToWrite>>>;

  static std::vector<float> ones(std::size_t count) { return std::vector<float>(count, 1.0f); }

  static Layers good() {
    return {{"conv", {BlobToWrite({2, 1, 2, 2}, ones(8)), BlobToWrite({2}, ones(2))}},
            {"bn", {BlobToWrite({2}, ones(2)), BlobToWrite({2}, ones(2)), BlobToWrite({1}, ones(1))}},
            {"fc", {BlobToWrite({3, 18}, ones(54)), BlobToWrite({3}, ones(3))}}};
  }

  static std::string bytes(const Layers& layers, CaffemodelForm form = {}) {
    std::ostringstream out;
    CaffemodelWriter writer(out, form);
    for (const auto& [name, blobs] : layers) writer.layer(name, blobs);
    return out.str();
  }

  graph::Graph load(const std::string& model) const {
    return import_caffe(prototxt_, directory_.write("net.caffemodel", model));
  }
  void expect_refused(const std::string& model, ErrorCode code, const std::vector<std::string>& words) const {
    expect_failure([&] { load(model); }, code, words);
  }

  const test::TemporaryDirectory directory_;
  const std::filesystem::path prototxt_ = directory_.write("net.prototxt", kText);
};

TEST_F(BadCaffemodel, TheGoodOneLoads) { EXPECT_EQ(load(bytes(good())).nodes.size(), 4u); }

TEST_F(BadCaffemodel, MissingFile) {
  expect_failure([&] { import_caffe(prototxt_, directory_.path() / "none.caffemodel"); },
                 ErrorCode::kNotFound, {"none.caffemodel", "no such file"});
}

TEST_F(BadCaffemodel, EmptyOrOfAnotherFormat) {
  expect_refused("", ErrorCode::kParse, {"net.caffemodel", "empty"});
  expect_refused("\x89PNG\r\n\x1a\n", ErrorCode::kParse, {"net.caffemodel: byte"});
  expect_refused("<html><body>404</body></html>", ErrorCode::kParse, {"net.caffemodel"});
  expect_refused(kText, ErrorCode::kParse, {"net.caffemodel"});
  expect_refused(CaffemodelWriter::text_field(1, "only a name"), ErrorCode::kParse, {"no layers"});
}

TEST_F(BadCaffemodel, CutAnywhereIsAnError) {
  for (const CaffemodelForm form : {CaffemodelForm{}, CaffemodelForm{.v1 = true, .legacy_dims = true},
                                    CaffemodelForm{.unpacked = true}, CaffemodelForm{.doubles = true}}) {
    const std::string whole = bytes(good(), form);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto failure = failure_of([&] { load(whole.substr(0, size)); });
      ASSERT_TRUE(failure) << "cut at " << size << " of " << whole.size();
      ASSERT_TRUE(failure->code == ErrorCode::kParse || failure->code == ErrorCode::kMismatch)
          << failure->message;
    }
  }
}

TEST_F(BadCaffemodel, LackingLayer) {
  Layers layers = good();
  layers.erase(layers.begin() + 2);
  expect_refused(bytes(layers), ErrorCode::kMismatch,
                 {"net.prototxt:4", "layer 'fc'", "net.caffemodel has no layer 'fc'"});
}

TEST_F(BadCaffemodel, BlobCount) {
  Layers layers = good();
  layers[0].second.pop_back();
  expect_refused(bytes(layers), ErrorCode::kMismatch,
                 {"net.prototxt:2", "'conv'", "1 blob(s)", "expected 2"});
  layers[0].second.clear();
  expect_refused(bytes(layers), ErrorCode::kMismatch, {"'conv'", "0 blob(s)", "expected 2"});
  layers = good();
  layers[1].second.pop_back();
  expect_refused(bytes(layers), ErrorCode::kMismatch, {"net.prototxt:3", "'bn'", "2 blob(s)", "expected 3"});
}

TEST_F(BadCaffemodel, OtherShape) {
  Layers layers = good();
  layers[0].second[0] = BlobToWrite({2, 1, 4, 1}, ones(8));
  expect_refused(bytes(layers), ErrorCode::kMismatch, {"'conv'", "blob 0 is 2x1x4x1", "expected 2x1x2x2"});
  layers = good();
  layers[2].second[0] = BlobToWrite({18, 3}, ones(54));
  expect_refused(bytes(layers), ErrorCode::kMismatch, {"'fc'", "blob 0 is 18x3", "expected 3x18"});
  expect_refused(bytes(layers, {.legacy_dims = true}), ErrorCode::kMismatch, {"blob 0 is 1x1x18x3"});
  layers[2].second[0] = BlobToWrite({-3, -18}, ones(54));
  expect_refused(bytes(layers), ErrorCode::kMismatch, {"blob 0 is -3x-18"});
  layers[2].second[0] = BlobToWrite({1LL << 62, 1LL << 62}, ones(54));
  expect_refused(bytes(layers), ErrorCode::kMismatch, {"expected 3x18"});
  layers[2].second[0] = BlobToWrite({}, ones(54));
  expect_refused(bytes(layers), ErrorCode::kMismatch, {"blob 0 is no shape"});
}

TEST_F(BadCaffemodel, AValueCountThatTheShapeDoesNotSay) {
  for (const std::size_t count : {0u, 53u, 55u}) {
    Layers layers = good();
    layers[2].second[0] = BlobToWrite({3, 18}, ones(count));
    expect_refused(bytes(layers), ErrorCode::kMismatch,
                   {"'fc'", "3x18 (54 values)", fmt::format("holds {} values", count)});
  }
}

TEST_F(BadCaffemodel, ValuesThatAreNotFinite) {
  for (const float value : {NAN, INFINITY, -INFINITY}) {
    Layers layers = good();
    std::vector<float> values = ones(54);
    values[17] = value;
    layers[2].second[0] = BlobToWrite({3, 18}, values);
    expect_refused(bytes(layers), ErrorCode::kInvalidNetwork, {"'fc'", "blob 0", "element 17"});
  }
  Layers layers = good();
  layers[1].second[2] = BlobToWrite({1}, std::vector<float>{NAN});
  expect_refused(bytes(layers), ErrorCode::kInvalidNetwork, {"'bn'", "blob 2", "nan"});
}

TEST_F(BadCaffemodel, OldestFormat) {
  const std::string v0_layer = CaffemodelWriter::text_field(1, CaffemodelWriter::text_field(1, "conv"));
  expect_refused(CaffemodelWriter::text_field(2, v0_layer), ErrorCode::kUnsupported,
                 {"net.caffemodel", "V0"});
}

TEST_F(BadCaffemodel, TooManyOfAnythingIsRefusedBeforeItFillsMemory) {
  std::string layers;
  for (int i = 0; i < 200'000; ++i) layers += CaffemodelWriter::text_field(100, "");
  expect_refused(layers, ErrorCode::kParse, {"more than 100000 layers"});
  std::string blobs;
  for (int i = 0; i < 1000; ++i) blobs += CaffemodelWriter::text_field(7, "");
  expect_refused(CaffemodelWriter::text_field(100, blobs), ErrorCode::kParse, {"more than 64 blobs"});
  const std::string shape =
      CaffemodelWriter::text_field(7, CaffemodelWriter::text_field(1, std::string(1000, '\1')));
  expect_refused(CaffemodelWriter::text_field(100, CaffemodelWriter::text_field(7, shape)), ErrorCode::kParse,
                 {"more than 32 values"});
  expect_refused(
      CaffemodelWriter::text_field(100, CaffemodelWriter::text_field(1, std::string(100'000, 'x'))),
      ErrorCode::kParse, {"text of at most"});
}

// ---- damage at random

/// One to four bytes of `sound` changed, removed or doubled.
std::string damage(std::string bytes, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (std::size_t i = 0, n = 1 + below(4); i < n && !bytes.empty(); ++i) {
    const std::size_t at = below(bytes.size());
    switch (below(4)) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 2:
        bytes.erase(at, 1 + below(8));
        break;
      default:
        bytes.insert(at, bytes.substr(at, 1 + below(16)));
        break;
    }
  }
  return bytes;
}

TEST_F(BadCaffemodel, RandomDamageNeverDoesWorseThanAnError) {
  constexpr std::uint32_t kSeed = 20170703;
  SCOPED_TRACE(fmt::format("seed {}", kSeed));
  std::mt19937 random(kSeed);
  const std::string sound[] = {bytes(good()), bytes(good(), {.v1 = true, .legacy_dims = true}),
                               bytes(good(), {.unpacked = true}), bytes(good(), {.doubles = true})};
  int errors = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string damaged = damage(sound[i % 4], random);
    errors += failure_of([&] { load(damaged); }).has_value();  // anything but octet::Error fails the test
  }
  EXPECT_GT(errors, 400) << "the damage is expected to be noticed often";
}

const std::string kManyLayers = test::kAllCaffeLayers;

TEST(BadPrototxt, CutAnywhereNeverDoesWorseThanAnError) {
  ASSERT_NO_THROW(graph_of(kManyLayers));
  for (std::size_t size = 0; size < kManyLayers.size(); ++size) {
    failure_of([&] { graph_of(kManyLayers.substr(0, size)); });
  }
}

TEST(BadPrototxt, RandomDamageNeverDoesWorseThanAnError) {
  constexpr std::uint32_t kSeed = 20170301;
  SCOPED_TRACE(fmt::format("seed {}", kSeed));
  std::mt19937 random(kSeed);
  int errors = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string damaged = damage(kManyLayers, random);
    errors += failure_of([&] { graph_of(damaged); }).has_value();
  }
  EXPECT_GT(errors, 400) << "the damage is expected to be noticed often";
}

}  // namespace
}  // namespace octet::caffe
