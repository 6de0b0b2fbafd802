// Every way in which an ONNX file can be wrong that we know of: each gives an error that names the node or
// tensor, and what was expected. At the end, files damaged at random: an error or a network, never a crash.
#include <limits>
#include <random>

#include "import/onnx/test_models.h"
#include "tests/support/temporary_directory.h"

namespace octet::onnx {
namespace {

/// One node that reads "x" of {batch, 4, 8, 8}; `words` beside file, node and operator must be in the
/// message.
void node_refused(const std::function<Node&(ModelBuilder&)>& add, ErrorCode code,
                  std::vector<std::string> words, std::int64_t opset = 13) {
  ModelBuilder model(opset);
  model.input("x", {kBatch, 4, 8, 8}).output("y");
  const Node& node = add(model);
  words.push_back("net.onnx: node 'node_y' (" + node.op_type() + ", opset " + std::to_string(opset) + ")");
  expect_refused(model, code, words);
}
void operator_refused(const std::string& op, ErrorCode code, const std::vector<std::string>& words,
                      std::int64_t opset = 13) {
  node_refused([&](ModelBuilder& m) -> Node& { return m.node(op, {"x"}, {"y"}); }, code, words, opset);
}

// ---- the file

TEST(BadOnnx, NotAModel) {
  const auto refused = [](const std::string& bytes, const std::vector<std::string>& words) {
    expect_refused([&] { import_onnx("net.onnx", std::as_bytes(std::span(bytes))); }, ErrorCode::kParse,
                   words);
  };
  refused("", {"net.onnx", "empty"});
  refused("this is no protobuf", {"net.onnx", "byte"});
  refused(std::string("\x08\x08", 2), {"no graph in it"});
  const std::string whole = ModelBuilder().input("x", {kBatch, 2}).output("x").bytes();
  refused(whole.substr(0, whole.size() - 3), {"cut off or damaged"});
}

TEST(BadOnnx, AFileThatIsNotThere) {
  const test::TemporaryDirectory directory;
  expect_refused([&] { import_onnx(directory.path() / "net.onnx"); }, ErrorCode::kNotFound, {"no such file"});
}

TEST(BadOnnx, OperatorSets) {
  for (const std::int64_t opset : {0, 6, 28}) {
    ModelBuilder model(opset);
    expect_refused(model.input("x", {kBatch, 2}).output("x"), ErrorCode::kUnsupported,
                   {"operator set " + std::to_string(opset), "7 to 27"});
  }
  ModelBuilder none;
  none.input("x", {kBatch, 2}).output("x").model().clear_opset_import();
  expect_refused(none, ErrorCode::kInvalidNetwork, {"net.onnx", "opset_import"});
}

// ---- structure

TEST(BadOnnx, CyclesAreNamed) {
  ModelBuilder model;
  model.input("x", {kBatch, 2}).output("y");
  model.node("Add", {"x", "b"}, {"a"});
  model.node("Relu", {"a"}, {"b"});
  model.node("Relu", {"b"}, {"y"});
  expect_refused(model, ErrorCode::kInvalidNetwork,
                 {"cycle of 2 nodes", "node 'node_a' reads node 'node_b' reads node 'node_a'"});
  ModelBuilder itself;
  itself.input("x", {kBatch, 2}).output("y");
  itself.node("Add", {"x", "y"}, {"y"});
  expect_refused(itself, ErrorCode::kInvalidNetwork, {"cycle of 1 nodes"});
}

TEST(BadOnnx, NamesMadeTwiceOrByNothing) {
  ModelBuilder twice;
  twice.input("x", {kBatch, 2}).output("y");
  twice.node("Relu", {"x"}, {"y"});
  twice.node("Identity", {"x"}, {"y"});
  expect_refused(twice, ErrorCode::kInvalidNetwork, {"(Identity)", "'y' is made twice", "node 'node_y'"});
  ModelBuilder input;
  input.input("x", {kBatch, 2}).output("x");
  input.node("Relu", {"x"}, {"x"});
  expect_refused(input, ErrorCode::kInvalidNetwork, {"output 'x' is an input or initializer already"});
  ModelBuilder nothing;
  nothing.input("x", {kBatch, 2}).output("y");
  nothing.node("Relu", {"z"}, {"y"});
  expect_refused(nothing, ErrorCode::kInvalidNetwork, {"node 'node_y' (Relu)", "'z' is made by no node"});
  ModelBuilder output;
  output.input("x", {kBatch, 2}).output("y");
  expect_refused(output, ErrorCode::kInvalidNetwork, {"output 'y' is made by no node"});
  ModelBuilder initializers;
  initializers.input("x", {kBatch, 2}).output("x").counted("w", {2}).counted("w", {2});
  expect_refused(initializers, ErrorCode::kInvalidNetwork, {"initializer 'w' is there twice"});
}

TEST(BadOnnx, NothingToCompute) {
  ModelBuilder model;
  model.input("x", {kBatch, 2});
  expect_refused(model, ErrorCode::kInvalidNetwork, {"no output"});
  ModelBuilder constant;
  constant.output("y").counted("w", {1, 2});
  constant.node("Identity", {"w"}, {"y"});
  expect_refused(constant, ErrorCode::kUnsupported, {"'y' does not depend on the network's inputs"});
}

TEST(BadOnnx, Inputs) {
  const auto refused = [](const std::vector<std::int64_t>& dims, ErrorCode code,
                          const std::vector<std::string>& words, ElementType type = ElementType::kFloat) {
    ModelBuilder model;
    expect_refused(model.input("x", dims, type).output("x"), code, words);
  };
  refused({kBatch, 3, kBatch, 8}, ErrorCode::kUnsupported, {"input 'x'", "dimension 2 is 'N'"});
  refused({kBatch, 0, 8, 8}, ErrorCode::kInvalidNetwork, {"input 'x'", "dimension 1 is 0"});
  refused({kBatch, 3, -8, 8}, ErrorCode::kInvalidNetwork, {"dimension 2 is -8"});
  refused({kBatch, std::int64_t{1} << 40}, ErrorCode::kInvalidNetwork, {"dimension 1 is 1099511627776"});
  refused({kBatch, 1 << 24, 1 << 24}, ErrorCode::kInvalidNetwork, {"limit"});
  refused({}, ErrorCode::kInvalidNetwork, {"input 'x'", "no shape"});
  refused({kBatch, 2}, ErrorCode::kUnsupported, {"input 'x'", "uint8", "float"}, ElementType::kUint8);
}

// ---- operators and attributes

TEST(BadOnnx, UnknownOperators) {
  operator_refused("GridSample", ErrorCode::kUnsupported, {"'GridSample' is not supported", "Conv", "Relu"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        Node& node = m.node("Gelu", {"x"}, {"y"});
        node.set_domain("com.microsoft");
        return node;
      },
      ErrorCode::kUnsupported, {"domain 'com.microsoft'"});
}

TEST(BadOnnx, UnknownAndWrongAttributes) {
  const auto relu_with = [](auto value) {
    return
        [value](ModelBuilder& m) -> Node& { return with(m.node("LeakyRelu", {"x"}, {"y"}), "alpha", value); };
  };
  node_refused(relu_with(std::int64_t{1}), ErrorCode::kInvalidNetwork,
               {"attribute 'alpha' is an integer, expected a float"});
  node_refused([](ModelBuilder& m) -> Node& { return with(m.node("Relu", {"x"}, {"y"}), "fast", 1.0f); },
               ErrorCode::kUnsupported, {"attribute 'fast' is not known for Relu"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        return with(with(m.node("LeakyRelu", {"x"}, {"y"}), "alpha", 1.0f), "alpha", 2.0f);
      },
      ErrorCode::kInvalidNetwork, {"attribute 'alpha' is there twice"});
  node_refused([](ModelBuilder& m) -> Node& { return with(m.node("Clip", {"x"}, {"y"}), "min", 0.0f); },
               ErrorCode::kInvalidNetwork, {"attribute 'min'", "7 to 10"}, 11);
}

TEST(BadOnnx, NumbersOfInputsAndOutputs) {
  node_refused(
      [](ModelBuilder& m) -> Node& {
        return m.node("Relu", {"x", "x"}, {"y"});
      },
      ErrorCode::kInvalidNetwork, {"2 input(s), expected 1"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        Node& node = m.node("Dropout", {"x"}, {"y", "mask"});
        m.output("mask");
        return node;
      },
      ErrorCode::kUnsupported, {"output 1 'mask' is used"});
}

TEST(BadOnnx, Convolution) {
  const auto refused = [](
                           const std::vector<std::int64_t>& weights, const std::string& words,
                           const std::function<void(Node&)>& change = [](Node&) {}) {
    node_refused(
        [&](ModelBuilder& m) -> Node& {
          m.counted("w", weights);
          Node& node = m.node("Conv", {"x", "w"}, {"y"});
          change(node);
          return node;
        },
        ErrorCode::kInvalidNetwork, {words});
  };
  const auto ints = [](const char* name, const std::vector<std::int64_t>& values) {
    return [=](Node& node) { with(node, name, values); };
  };
  refused({2, 3, 1, 1}, "which 4 channels in 1 group(s) do not fit");
  refused({2, 4, 3}, "weights of 2x4x3 for a window over 2 dimension(s)");
  refused({2, 4, 3, 3}, "kernel_shape is 5x5", ints("kernel_shape", {5, 5}));
  refused({2, 4, 3, 3}, "'strides' holds 0", ints("strides", {0, 1}));
  refused({2, 4, 3, 3}, "'pads' holds -1", ints("pads", {0, 0, -1, 0}));
  refused({2, 4, 3, 3}, "'pads' has 2 values, expected 4", ints("pads", {1, 1}));
  refused({2, 4, 3, 3}, "'dilations' has 3 values", ints("dilations", {1, 1, 1}));
  refused({2, 4, 3, 3}, "auto_pad is 'MAYBE'", [](Node& n) { with(n, "auto_pad", std::string("MAYBE")); });
  refused({2, 4, 3, 3}, "group(s) do not fit", [](Node& n) { with(n, "group", std::int64_t{0}); });
}

TEST(BadOnnx, AWindowLargerThanItsInput) {
  ModelBuilder model;
  model.input("x", {kBatch, 1, 2, 2}).output("y").counted("w", {1, 1, 3, 3});
  model.node("Conv", {"x", "w"}, {"y"});
  expect_refused(model, ErrorCode::kInvalidNetwork,
                 {"net.onnx: layer 'node_y'", "larger than the padded input"});
}

TEST(BadOnnx, WhatTheGraphCannotSay) {
  node_refused(
      [](ModelBuilder& m) -> Node& {
        return with(m.node("Transpose", {"x"}, {"y"}), "perm", std::vector<std::int64_t>{1, 0, 2, 3});
      },
      ErrorCode::kUnsupported, {"moves the batch of 1x4x8x8"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.integers("sizes", {1, 2});
        return with(m.node("Split", {"x", "sizes"}, {"y", "z"}), "axis", std::int64_t{1});
      },
      ErrorCode::kInvalidNetwork, {"2 parts with a sum of 3 for 2 outputs of 4"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        return with(m.node("Split", {"x"}, {"y", "z"}), "axis", std::int64_t{0});
      },
      ErrorCode::kUnsupported, {"splits the batch of 1x4x8x8"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.integers("from", {1}).integers("to", {3}).integers("axes", {0});
        return m.node("Slice", {"x", "from", "to", "axes"}, {"y"});
      },
      ErrorCode::kUnsupported, {"a part of dimension 0 of 1x4x8x8"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.integers("from", {3}).integers("to", {3}).integers("axes", {2});
        return m.node("Slice", {"x", "from", "to", "axes"}, {"y"});
      },
      ErrorCode::kUnsupported, {"nothing of dimension 2 of 1x4x8x8"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.integers("from", {1}).integers("to", {8}).integers("axes", {2}).integers("steps", {5});
        return m.node("Slice", {"x", "from", "to", "axes", "steps"}, {"y"});
      },
      ErrorCode::kUnsupported, {"every 5th of 8 from 1 on"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.integers("places", {0, 4});
        return with(m.node("Gather", {"x", "places"}, {"y"}), "axis", std::int64_t{1});
      },
      ErrorCode::kInvalidNetwork, {"index 4 of 4"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.integers("places", std::vector<std::int64_t>(100, 3));
        return with(m.node("Gather", {"x", "places"}, {"y"}), "axis", std::int64_t{1});
      },
      ErrorCode::kUnsupported, {"more than 64 runs of neighbours along dimension 1"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.integers("pads", {0, 0, 8, 0, 0, 0, 0, 0});
        return with(m.node("Pad", {"x", "pads"}, {"y"}), "mode", std::string("reflect"));
      },
      ErrorCode::kUnsupported, {"mode 'reflect' with 8 and 0 around 8"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.integers("pads", {0, 0, -4, 0, 0, 0, -4, 0});
        return m.node("Pad", {"x", "pads"}, {"y"});
      },
      ErrorCode::kUnsupported, {"padding of -4 and -4 of dimension 2 of 1x4x8x8"});
  node_refused([](ModelBuilder& m) -> Node& { return m.node("ReduceMean", {"x"}, {"y"}); },
               ErrorCode::kUnsupported, {"a mean over axis 0, the batch"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        return with(m.node("Concat", {"x", "x"}, {"y"}), "axis", std::int64_t{0});
      },
      ErrorCode::kUnsupported, {"joins batches of 1x4x8x8"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.input("rows", {kBatch, 4, 1, 8});
        return m.node("Mul", {"x", "rows"}, {"y"});
      },
      ErrorCode::kUnsupported, {"1x4x8x8 and 1x4x1x8"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.reals("limits", {4, 1, 1}, {0, 1, 2, 3});
        return m.node("Min", {"x", "limits"}, {"y"});
      },
      ErrorCode::kUnsupported, {"4x1x1 with values that differ"});
  node_refused(
      [](ModelBuilder& m) -> Node& {
        m.counted("batches", {2, 4, 8, 8});
        return m.node("Add", {"x", "batches"}, {"y"});
      },
      ErrorCode::kUnsupported, {"a tensor of 1x4x8x8 and a constant of 2x4x8x8"});
}

TEST(BadOnnx, ReshapesThatDoNotFitOrMixImages) {
  const auto refused = [](const std::vector<std::int64_t>& shape, ErrorCode code, const std::string& words) {
    node_refused(
        [&](ModelBuilder& m) -> Node& {
          m.integers("shape", shape);
          return m.node("Reshape", {"x", "shape"}, {"y"});
        },
        code, {words});
  };
  refused({0, 5, -1}, ErrorCode::kInvalidNetwork, "cannot reshape 1x4x8x8 (one image) to 0x5x-1");
  refused({0, -1, -1}, ErrorCode::kInvalidNetwork, "cannot reshape");
  refused({-1, 64}, ErrorCode::kInvalidNetwork, "cannot reshape");
  refused({0, std::numeric_limits<std::int64_t>::max(), 4}, ErrorCode::kInvalidNetwork, "cannot reshape");
  refused({1, -1}, ErrorCode::kUnsupported, "a first dimension that stays the batch");
  refused({}, ErrorCode::kUnsupported, "a first dimension that stays the batch");
}

// ---- tensors

TEST(BadOnnx, TensorsThatDoNotHoldWhatTheySay) {
  const auto refused = [](const std::function<void(ModelBuilder&)>& add, ErrorCode code,
                          std::vector<std::string> words) {
    ModelBuilder model;
    model.input("x", {kBatch, 2}).output("y");
    add(model);
    model.node("Mul", {"x", "w"}, {"y"});
    words.emplace_back("net.onnx: initializer 'w'");
    expect_refused(model, code, words);
  };
  refused([](ModelBuilder& m) { m.reals("w", {2}, {1}); }, ErrorCode::kParse,
          {"4 bytes of data, expected 8 for 2 of float"});
  refused([](ModelBuilder& m) { m.tensor("w", {2}, ElementType::kFloat).add_float_data(1); },
          ErrorCode::kParse, {"1 values of data, expected 2"});
  refused([](ModelBuilder& m) { m.tensor("w", {2}, ElementType::kFloat).add_int64_data(1); },
          ErrorCode::kParse, {"data of another type than its float"});
  refused(
      [](ModelBuilder& m) {
        m.reals("w", {2}, {1, 2});
        m.graph().mutable_initializer(0)->add_float_data(1);
      },
      ErrorCode::kParse, {"twice"});
  refused([](ModelBuilder& m) { m.tensor("w", {-2}, ElementType::kFloat); }, ErrorCode::kInvalidNetwork,
          {"shape is -2"});
  refused(
      [](ModelBuilder& m) {
        m.tensor("w", {2, 0}, ElementType::kFloat);
      },
      ErrorCode::kInvalidNetwork, {"shape is 2x0"});
  refused(
      [](ModelBuilder& m) {
        m.tensor("w", {1 << 30, 1 << 30, 1 << 30}, ElementType::kFloat);
      },
      ErrorCode::kInvalidNetwork, {"limit"});
  refused(
      [](ModelBuilder& m) {
        m.tensor("w", {1 << 30, 4}, ElementType::kFloat);
      },
      ErrorCode::kParse, {"expected"});
  refused([](ModelBuilder& m) { m.tensor("w", {2}, ElementType::kString); }, ErrorCode::kUnsupported,
          {"string"});
  refused([](ModelBuilder& m) { m.tensor("w", {2}, static_cast<ElementType>(99)); }, ErrorCode::kUnsupported,
          {"element type 99"});
  refused([](ModelBuilder& m) { m.tensor("w", {1 << 20}, ElementType::kInt8); }, ErrorCode::kUnsupported,
          {"1048576 values of int8"});
}

TEST(BadOnnx, WeightsThatAreNotFinite) {
  ModelBuilder model;
  model.input("x", {kBatch, 2}).output("y");
  model.reals("w", {2}, {1, std::numeric_limits<float>::quiet_NaN()});
  model.node("Mul", {"x", "w"}, {"y"});
  expect_refused(model, ErrorCode::kInvalidNetwork, {"node_y", "nan at element 1"});
}

TEST(BadOnnx, AFewBytesThatAskForManyGibibytes) {
  ModelBuilder model;
  model.input("x", {kBatch, 2}).output("y").integers("shape", {1 << 20, 1 << 20});
  model.node("ConstantOfShape", {"shape"}, {"w"});
  model.node("Mul", {"x", "w"}, {"y"});
  expect_refused(model, ErrorCode::kMemoryLimit, {"'node_w' (ConstantOfShape", "1048576x1048576"});
}

// ---- damaged at random

TEST(BadOnnx, DamagedFilesGiveAnErrorOrANetworkNeverACrash) {
  ModelBuilder model;
  model.input("x", {kBatch, 2, 6, 6}).output("y").counted("w", {3, 2, 3, 3}).counted("fc", {4, 3});
  model.integers("shape", {0, -1});
  with(model.node("Conv", {"x", "w"}, {"c"}), "pads", std::vector<std::int64_t>{1, 1, 1, 1});
  model.node("GlobalAveragePool", {"c"}, {"p"});
  model.node("Reshape", {"p", "shape"}, {"r"});
  with(model.node("Gemm", {"r", "fc"}, {"y"}), "transB", std::int64_t{1});
  const std::string whole = model.bytes();
  constexpr std::uint32_t kSeed = 20261128;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = whole;
    for (auto flips = 1 + random() % 3; flips > 0; --flips)
      damaged[random() % damaged.size()] ^= static_cast<char>(1u << random() % 8);
    if (i % 4 == 0) damaged.resize(random() % damaged.size());
    try {
      import_onnx("net.onnx", std::as_bytes(std::span(damaged)));
    } catch (const Error& error) {
      EXPECT_NE(static_cast<int>(error.code()), static_cast<int>(ErrorCode::kInternal)) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace octet::onnx
