// A network of the operators that mobile networks are made of, from an ONNX file to results in every
// precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "import/onnx/test_models.h"
#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/simple_calibration.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

using onnx::with;
using Integers = std::vector<std::int64_t>;

constexpr int kPictures = 5;

class MobileNetwork {
 public:
  /// A block of MobileNet v3, a shuffle, a border of its own and a head.
  Network build() {
    model_.input("x", {onnx::kBatch, 3, 16, 16}).output("scores").output("logits");
    convolution("x", "c1", {24, 3, 3, 3}, 1, 1);
    model_.node("HardSwish", {"c1"}, {"h1"});
    convolution("h1", "c2", {24, 1, 3, 3}, 1, 24);
    model_.reals("zero", {}, {0}).reals("six", {}, {6});
    model_.node("Clip", {"c2", "zero", "six"}, {"r2"});
    squeeze_and_excite("r2", "se");
    split_and_shuffle("se", "sh");
    model_.integers("border", {0, 0, 0, 0, 0, 0, 1, 1});
    model_.node("Pad", {"sh", "border"}, {"bordered"});
    onnx::Node& pool = model_.node("MaxPool", {"bordered"}, {"pooled"});
    with(with(pool, "kernel_shape", Integers{3, 3}), "strides", Integers{2, 2});
    model_.node("Tanh", {"pooled"}, {"bent"});
    model_.node("Sub", {"pooled", "bent"}, {"rest"});
    model_.node("Min", {"rest", "pooled"}, {"least"});
    with(with(model_.node("ReduceMean", {"least"}, {"means"}), "axes", Integers{2, 3}), "keepdims",
         std::int64_t{0});
    weights("fc", {10, 24}, 3);
    with(model_.node("Gemm", {"means", "fc"}, {"logits"}), "transB", std::int64_t{1});
    model_.node("LogSoftmax", {"logits"}, {"scores"});
    return Network(std::make_shared<const graph::Graph>(model_.imported()));
  }

 private:
  void weights(const std::string& name, const Integers& dims, float size) {
    std::int64_t elements = 1;
    for (const std::int64_t dim : dims) elements *= dim;
    const std::int64_t taps_each = elements / dims[0];
    const auto taps = static_cast<float>(taps_each);
    const float largest = size / std::sqrt(taps);
    model_.reals(name, dims,
                 test::random_floats(static_cast<std::size_t>(elements), seed_++, -largest, largest));
  }
  void convolution(const std::string& from, const std::string& to, const Integers& dims, std::int64_t pad,
                   std::int64_t groups) {
    weights(to + ".w", dims, 2);
    onnx::Node& node = model_.node("Conv", {from, to + ".w"}, {to});
    with(with(node, "pads", Integers{pad, pad, pad, pad}), "group", groups);
  }
  void squeeze_and_excite(const std::string& from, const std::string& to) {
    model_.node("GlobalAveragePool", {from}, {"squeezed"});
    convolution("squeezed", "fewer", {8, 24, 1, 1}, 0, 1);
    model_.node("Relu", {"fewer"}, {"rectified"});
    convolution("rectified", "more", {24, 8, 1, 1}, 0, 1);
    model_.node("HardSigmoid", {"more"}, {"gate"});
    model_.node("Mul", {from, "gate"}, {to});
  }
  void split_and_shuffle(const std::string& from, const std::string& to) {
    model_.integers("parts", {8, 16});
    with(model_.node("Split", {from, "parts"}, {"a", "b"}), "axis", std::int64_t{1});
    model_.node("Sigmoid", {"a"}, {"a1"});
    model_.reals("slopes", {16, 1, 1}, test::random_floats(16, 7, 0, 0.5f));
    model_.node("PRelu", {"b", "slopes"}, {"b1"});
    with(model_.node("Concat", {"b1", "a1"}, {"joined"}), "axis", std::int64_t{1});
    model_.integers("grouped", {0, 3, 8, 16, 16}).integers("flat", {0, 24, 16, 16});
    model_.node("Reshape", {"joined", "grouped"}, {"g"});
    with(model_.node("Transpose", {"g"}, {"t"}), "perm", Integers{0, 2, 1, 3, 4});
    model_.node("Reshape", {"t", "flat"}, {to});
  }

  onnx::ModelBuilder model_{14};
  std::uint32_t seed_ = 1;
};

struct MobileRun {
  Network network = MobileNetwork().build();
  std::vector<float> input =
      test::random_floats(static_cast<std::size_t>(kPictures * network.inputs()[0].shape.elements()), 4);
  std::span<const float> in{input};
  std::vector<std::vector<float>> expected = run_reference(network, kPictures, std::span(&in, 1), 1);

  std::vector<std::vector<float>> on(Isa isa, Precision precision) const {
    BuildOptions options;
    options.precision = precision;
    if (precision == Precision::kInt8 || precision == Precision::kInt16)
      options.calibration = test::simple_calibration(network, kPictures, std::span(&in, 1));
    options.isa = isa;
    options.max_batch = kPictures;
    options.threads = 2;
    return test::run_engine(Engine::build(network, options), kPictures, input);
  }
};

/// 10 log10 of the signal's square over the difference's.
double decibels(const std::vector<float>& expected, const std::vector<float>& got) {
  double signal = 0, noise = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    signal += double{expected[i]} * double{expected[i]};
    noise += std::pow(double{expected[i]} - double{got[i]}, 2);
  }
  return 10 * std::log10(signal / noise);
}

TEST(OnnxOperators, RunInFp32AsTheReferenceSaysOnEveryInstructionSet) {
  const MobileRun net;
  for (const Isa isa : test::usable_isas()) {
    const auto outputs = net.on(isa, Precision::kFloat32);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto difference = test::compare(outputs[i], net.expected[i]);
      EXPECT_LE(difference.max_error, 1e-5) << to_string(isa) << " output " << i << ": " << difference.text;
    }
  }
}

TEST(OnnxOperators, RunInIntegersWithTheSameBytesOnEveryInstructionSet) {
  const MobileRun net;
  std::vector<std::vector<float>> first;
  for (const Isa isa : test::usable_isas()) {
    const auto outputs = net.on(isa, Precision::kInt8);
    if (first.empty()) first = outputs;
    EXPECT_TRUE(outputs == first) << to_string(isa);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      EXPECT_GT(decibels(net.expected[i], outputs[i]), 15) << to_string(isa) << " output " << i;
  }
}

TEST(OnnxOperators, RunInBfloat16AndInt16NearTheReference) {
  const MobileRun net;
  for (const Precision precision : {Precision::kBFloat16, Precision::kInt16})
    for (const Isa isa : test::usable_isas()) {
      const auto outputs = net.on(isa, precision);
      for (std::size_t i = 0; i < outputs.size(); ++i)
        EXPECT_GT(decibels(net.expected[i], outputs[i]), 25)
            << to_string(precision) << " " << to_string(isa) << " output " << i;
    }
}

TEST(OnnxOperators, ComeBackFromAnExportedFile) {
  const MobileRun net;
  const test::TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "net.onnx";
  export_onnx(net.network, file);
  BuildOptions options;
  options.max_batch = kPictures;
  const auto outputs = test::run_engine(Engine::build(Network::open(file), options), kPictures, net.input);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto difference = test::compare(outputs[i], net.expected[i]);
    EXPECT_LE(difference.max_error, 1e-5) << "output " << i << ": " << difference.text;
  }
}

/// An image of 2 channels, 3 rows and 4 columns, whose values are their places 0 to 23, and what a node
/// makes of it on the engine.
class Rearrangement {
 public:
  Rearrangement() { model_.input("x", {onnx::kBatch, 2, 3, 4}).output("y"); }
  onnx::ModelBuilder& model() { return model_; }
  std::vector<float> run() {
    std::vector<float> image(24);
    std::iota(image.begin(), image.end(), 0.0f);
    const Network network(std::make_shared<const graph::Graph>(model_.imported()));
    return test::run_engine(Engine::build(network, {}), 1, image).at(0);
  }

 private:
  onnx::ModelBuilder model_{18};
};

TEST(OnnxRearrangement, TransposesAnyDimensionsBehindTheBatch) {
  const std::int64_t sizes[] = {2, 3, 4}, steps[] = {12, 4, 1};
  std::vector<std::int64_t> order = {0, 1, 2};
  do {
    Rearrangement net;
    with(net.model().node("Transpose", {"x"}, {"y"}), "perm",
         Integers{0, order[0] + 1, order[1] + 1, order[2] + 1});
    std::vector<float> expected;
    for (std::int64_t i = 0; i < sizes[order[0]]; ++i)
      for (std::int64_t j = 0; j < sizes[order[1]]; ++j)
        for (std::int64_t k = 0; k < sizes[order[2]]; ++k)
          expected.push_back(
              static_cast<float>(i * steps[order[0]] + j * steps[order[1]] + k * steps[order[2]]));
    EXPECT_EQ(net.run(), expected) << order[0] << order[1] << order[2];
  } while (std::next_permutation(order.begin(), order.end()));
}

/// The columns of all rows.
std::vector<float> columns(const std::vector<int>& places) {
  std::vector<float> values;
  for (int row = 0; row < 6; ++row)
    for (const int place : places) values.push_back(static_cast<float>(4 * row + place));
  return values;
}

TEST(OnnxRearrangement, SlicesColumnsInSteps) {
  const auto sliced = [](std::int64_t from, std::int64_t to, std::int64_t step) {
    Rearrangement net;
    net.model().integers("from", {from}).integers("to", {to}).integers("axes", {3}).integers("steps", {step});
    net.model().node("Slice", {"x", "from", "to", "axes", "steps"}, {"y"});
    return net.run();
  };
  EXPECT_EQ(sliced(1, 3, 1), columns({1, 2}));
  EXPECT_EQ(sliced(0, 4, 2), columns({0, 2}));
  EXPECT_EQ(sliced(1, 4, 2), columns({1, 3}));
  EXPECT_EQ(sliced(3, -5, -1), columns({3, 2, 1, 0}));
}

TEST(OnnxRearrangement, GathersAndPadsWithItsOwnValues) {
  Rearrangement gathered;
  gathered.model().integers("places", {3, 0, 1, -2});
  with(gathered.model().node("Gather", {"x", "places"}, {"y"}), "axis", std::int64_t{3});
  EXPECT_EQ(gathered.run(), columns({3, 0, 1, 2}));
  const auto padded = [](const char* mode, std::int64_t before, std::int64_t behind) {
    Rearrangement net;
    net.model().integers("pads", {0, 0, 0, before, 0, 0, 0, behind});
    with(net.model().node("Pad", {"x", "pads"}, {"y"}), "mode", std::string(mode));
    return net.run();
  };
  EXPECT_EQ(padded("reflect", 2, 1), columns({2, 1, 0, 1, 2, 3, 2}));
  EXPECT_EQ(padded("edge", 1, 2), columns({0, 0, 1, 2, 3, 3, 3}));
  EXPECT_EQ(padded("wrap", 2, 1), columns({2, 3, 0, 1, 2, 3, 0}));
  EXPECT_EQ(padded("constant", -1, -2), columns({1}));
}

TEST(OnnxRearrangement, AveragesChannels) {
  Rearrangement net;
  net.model().integers("axes", {1});
  net.model().node("ReduceMean", {"x", "axes"}, {"y"});
  std::vector<float> expected(12);
  std::iota(expected.begin(), expected.end(), 6.0f);
  EXPECT_EQ(net.run(), expected);
}

TEST(OnnxRearrangement, AddsAConstantToEachElement) {
  Rearrangement net;
  net.model().reals("places", {4}, {0, 10, 20, 30});
  net.model().node("Add", {"x", "places"}, {"y"});
  std::vector<float> expected = columns({0, 1, 2, 3});
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += static_cast<float>(i % 4 * 10);
  EXPECT_EQ(net.run(), expected);
}

}  // namespace
}  // namespace octet
