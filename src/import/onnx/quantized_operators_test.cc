// QuantizeLinear and DequantizeLinear: what becomes of pairs around tensors and around constants, and what is
// refused.
#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <limits>

#include "import/onnx/test_models.h"

namespace octet::onnx {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

/// Integers of 8 bits as they lie in a file; `Byte` is std::uint8_t or std::int8_t.
template <typename Byte>
void add_bytes(ModelBuilder& m, const std::string& name, const std::vector<std::int64_t>& dims,
               const std::vector<int>& values) {
  std::string raw;
  for (const int value : values) raw.push_back(static_cast<char>(static_cast<Byte>(value)));
  const ElementType type = std::is_signed_v<Byte> ? ElementType::kInt8 : ElementType::kUint8;
  m.tensor(name, dims, type).set_raw_data(raw);
}

/// x -> QuantizeLinear -> DequantizeLinear -> y, with scale 0.5 and this zero point.
template <typename Byte>
ModelBuilder pair(int zero_point, std::int64_t opset = 13) {
  ModelBuilder m(opset);
  m.input("x", {kBatch, 2, 3, 3}).output("y").reals("s", {}, {0.5f});
  add_bytes<Byte>(m, "z", {}, {zero_point});
  m.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  m.node("DequantizeLinear", {"q", "s", "z"}, {"y"});
  return m;
}

/// x -> Conv of 4 channels with the weights "w" (4 x 2 x 1 x 1) -> y.
ModelBuilder convolution() {
  ModelBuilder m;
  m.input("x", {kBatch, 2, 3, 3}).output("y");
  return m;
}

TEST(QuantizedOperators, APairAroundATensorIsARounding) {
  for (const std::int64_t opset : {10, 13, 19, 21}) {
    const graph::Graph graph = pair<std::uint8_t>(3, opset).imported();
    EXPECT_EQ(op_names(graph), "Input Rounding");
    const auto& op = op_of<graph::Activation>(graph);
    EXPECT_EQ(op.a, 0.5f);
    EXPECT_EQ(op.b, 3.0f);
    EXPECT_EQ(graph.tensors.back().name, "y");
  }
}

TEST(QuantizedOperators, SignedIntegersAreUnsignedOnesOf128More) {
  EXPECT_EQ(op_of<graph::Activation>(pair<std::int8_t>(-128).imported()).b, 0.0f);
  EXPECT_EQ(op_of<graph::Activation>(pair<std::int8_t>(0).imported()).b, 128.0f);
  EXPECT_EQ(op_of<graph::Activation>(pair<std::int8_t>(127).imported()).b, 255.0f);
}

TEST(QuantizedOperators, WithoutZeroPointItIsZeroOfUint8) {
  ModelBuilder m;
  m.input("x", {kBatch, 2, 3, 3}).output("y").reals("s", {1}, {0.5f});
  m.node("QuantizeLinear", {"x", "s"}, {"q"});
  m.node("DequantizeLinear", {"q", "s"}, {"y"});
  EXPECT_EQ(op_of<graph::Activation>(m.imported()).b, 0.0f);
}

TEST(QuantizedOperators, SeveralReadersOfOneQuantisedTensorShareItsRounding) {
  ModelBuilder m = pair<std::uint8_t>(3);
  m.node("DequantizeLinear", {"q", "s", "z"}, {"y2"});
  m.node("Add", {"y", "y2"}, {"sum"});
  m.graph().mutable_output(0)->set_name("sum");
  EXPECT_EQ(op_names(m.imported()), "Input Rounding Eltwise");
}

TEST(QuantizedOperators, WeightsKeepTheScaleOfEachChannel) {
  ModelBuilder m = convolution();
  m.reals("s", {4}, {1, 2, 0.25f, 4});
  add_bytes<std::int8_t>(m, "q", {4, 2, 1, 1}, {1, -128, 3, 4, -5, 6, 127, 0});
  with(m.node("DequantizeLinear", {"q", "s"}, {"w"}), "axis", std::int64_t{0});
  m.node("Conv", {"x", "w"}, {"y"});
  const graph::Graph graph = m.imported();
  const graph::Weights& weights = node_of<graph::Convolution>(graph).weights[0];
  EXPECT_THAT(values_of(weights), ElementsAre(1, -128, 6, 8, -1.25f, 1.5f, 508, 0));
  EXPECT_THAT(weights.scales(), ElementsAre(1, 2, 0.25f, 4));
}

TEST(QuantizedOperators, WeightsQuantisedByTheFileItselfAreRounded) {
  ModelBuilder m = convolution();
  m.reals("w", {4, 2, 1, 1}, {1.2f, -1.4f, 2.5f, 3.5f, 1000, -1000, 0, 0.6f}).reals("s", {}, {1});
  add_bytes<std::int8_t>(m, "z", {}, {0});
  m.node("QuantizeLinear", {"w", "s", "z"}, {"q"});
  m.node("DequantizeLinear", {"q", "s", "z"}, {"r"});
  m.node("Conv", {"x", "r"}, {"y"});
  const graph::Graph graph = m.imported();
  const graph::Weights& weights = node_of<graph::Convolution>(graph).weights[0];
  EXPECT_THAT(values_of(weights), ElementsAre(1, -1, 2, 4, 127, -128, 0, 1)) << "to even, and within 8 bits";
  EXPECT_THAT(weights.scales(), ElementsAre(1, 1, 1, 1));
}

TEST(QuantizedOperators, UnsignedWeightsAreTakenLessTheirZeroPoint) {
  ModelBuilder m = convolution();
  m.reals("s", {4}, {1, 2, 3, 4});
  add_bytes<std::uint8_t>(m, "q", {4, 2, 1, 1}, {0, 128, 129, 255, 1, 2, 3, 4});
  add_bytes<std::uint8_t>(m, "z", {4}, {128, 128, 2, 4});
  with(m.node("DequantizeLinear", {"q", "s", "z"}, {"w"}), "axis", std::int64_t{-4});
  m.node("Conv", {"x", "w"}, {"y"});
  const graph::Graph graph = m.imported();
  EXPECT_THAT(values_of(node_of<graph::Convolution>(graph).weights[0]),
              ElementsAre(-128, 0, 2, 254, -3, 0, -4, 0));
}

TEST(QuantizedOperators, AMatrixKeepsTheScalesOfItsOutputs) {
  const auto weights = [](std::int64_t axis, const std::vector<float>& scales) {
    ModelBuilder m;
    m.input("x", {kBatch, 2}).output("y");
    m.reals("s", {static_cast<std::int64_t>(scales.size())}, scales);
    add_bytes<std::int8_t>(m, "q", {2, 3}, {1, 2, 3, 4, 5, 6});
    with(m.node("DequantizeLinear", {"q", "s"}, {"w"}), "axis", axis);
    m.node("MatMul", {"x", "w"}, {"y"});
    return node_of<graph::InnerProduct>(m.imported()).weights[0];
  };
  const graph::Weights by_output = weights(1, {1, 2, 3});
  EXPECT_THAT(values_of(by_output), ElementsAre(1, 4, 4, 10, 9, 18));
  EXPECT_THAT(by_output.scales(), ElementsAre(1, 2, 3));
  EXPECT_THAT(weights(0, {1, 2}).scales(), ElementsAre()) << "no scale an output: rounded anew";
}

TEST(QuantizedOperators, TransposingWeightsTurnsTheirScales) {
  ModelBuilder m;
  m.input("x", {kBatch, 2}).output("y").reals("s", {3}, {1, 2, 3});
  add_bytes<std::int8_t>(m, "q", {3, 2}, {1, 2, 3, 4, 5, 6});
  with(m.node("DequantizeLinear", {"q", "s"}, {"w"}), "axis", std::int64_t{0});
  with(m.node("Transpose", {"w"}, {"t"}), "perm", std::vector<std::int64_t>{1, 0});
  m.node("MatMul", {"x", "t"}, {"y"});
  const graph::Graph graph = m.imported();
  EXPECT_THAT(node_of<graph::InnerProduct>(graph).weights[0].scales(), ElementsAre(1, 2, 3));
}

TEST(QuantizedOperators, BiasesOf32BitsAreReal) {
  ModelBuilder m = convolution();
  m.counted("w", {4, 2, 1, 1}).reals("s", {4}, {1, 0.5f, 2, 1});
  Tensor& bias = m.tensor("q", {4}, ElementType::kInt32);
  for (const int value : {1 << 20, -3, 7, 0}) bias.add_int32_data(value);
  with(m.node("DequantizeLinear", {"q", "s"}, {"b"}), "axis", std::int64_t{0});
  m.node("Conv", {"x", "w", "b"}, {"y"});
  const graph::Graph graph = m.imported();
  EXPECT_THAT(values_of(node_of<graph::Convolution>(graph).weights[1]), ElementsAre(1 << 20, -1.5f, 14, 0));
}

TEST(QuantizedOperators, ReadsMoreIntegersThanAShapeHas) {
  constexpr std::int64_t kMany = 100'000;
  ModelBuilder m;
  m.input("x", {kBatch, kMany}).output("y").reals("s", {}, {0.5f});
  add_bytes<std::int8_t>(m, "q", {1, kMany}, std::vector<int>(kMany, -2));
  m.node("DequantizeLinear", {"q", "s"}, {"w"});
  with(m.node("Gemm", {"x", "w"}, {"y"}), "transB", std::int64_t{1});
  EXPECT_THAT(values_of(node_of<graph::InnerProduct>(m.imported()).weights[0]), Each(-1));
}

TEST(QuantizedOperators, ZeroPointsMayComeFromConstantNodes) {
  ModelBuilder m;
  m.input("x", {kBatch, 2, 3, 3}).output("y").reals("s", {}, {0.5f});
  Tensor& value = *add_attribute(m.node("Constant", {}, {"z"}), "value", Attribute::TENSOR).mutable_t();
  value.set_data_type(static_cast<int>(ElementType::kInt8));
  value.set_raw_data(std::string(1, '\xfd'));
  m.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  m.node("DequantizeLinear", {"q", "s", "z"}, {"y"});
  EXPECT_EQ(op_of<graph::Activation>(m.imported()).b, 125.0f);
}

// ---- what is refused

void expect_pair_refused(const std::function<void(ModelBuilder&)>& change, ErrorCode code,
                         const std::vector<std::string>& words, std::int64_t opset = 13) {
  ModelBuilder m = pair<std::uint8_t>(3, opset);
  change(m);
  std::vector<std::string> all = {"net.onnx", "Linear"};
  all.insert(all.end(), words.begin(), words.end());
  expect_refused(m, code, all);
}
void set_scale(ModelBuilder& m, std::vector<float> scales) {
  Tensor& tensor = *m.graph().mutable_initializer(0);
  tensor.clear_dims();
  if (scales.size() != 1) tensor.add_dims(static_cast<std::int64_t>(scales.size()));
  tensor.set_raw_data(scales.data(), scales.size() * sizeof(float));
}

TEST(BadQuantizedOperators, ScalesThatAreNoScales) {
  for (const float scale : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::nanf("")})
    expect_pair_refused([&](ModelBuilder& m) { set_scale(m, {scale}); }, ErrorCode::kInvalidNetwork,
                        {"node_q", "scale", fmt::format("{}", scale), "above 0"});
  expect_pair_refused([](ModelBuilder& m) { m.graph().mutable_node(0)->set_input(1, ""); },
                      ErrorCode::kInvalidNetwork, {"scale", "missing"});
  expect_pair_refused([](ModelBuilder& m) { m.graph().mutable_node(0)->set_input(1, "x"); },
                      ErrorCode::kUnsupported, {"scale", "computed"});
  expect_pair_refused([](ModelBuilder& m) { m.graph().mutable_node(0)->set_input(1, "z"); },
                      ErrorCode::kInvalidNetwork, {"scale", "integers"});
}

TEST(BadQuantizedOperators, SeveralScalesForATensorThatIsComputed) {
  const auto two = [](ModelBuilder& m) {
    set_scale(m, {1, 2});
    m.graph().mutable_node(0)->mutable_input()->RemoveLast();
  };
  expect_pair_refused(two, ErrorCode::kUnsupported, {"2 scales", "expected one"});
  expect_pair_refused(
      [&](ModelBuilder& m) {
        two(m);
        with(*m.graph().mutable_node(0), "axis", std::int64_t{2});
      },
      ErrorCode::kInvalidNetwork, {"2 scales", "axis 2", "1x2x3x3", "expected 3"});
  expect_pair_refused(
      [&](ModelBuilder& m) {
        two(m);
        with(*m.graph().mutable_node(0), "axis", std::int64_t{4});
      },
      ErrorCode::kInvalidNetwork, {"axis 4", "4 dimensions"});
}

TEST(BadQuantizedOperators, ZeroPointsThatDoNotFit) {
  expect_pair_refused(
      [](ModelBuilder& m) {
        add_bytes<std::int8_t>(m, "other", {}, {3});
        m.graph().mutable_node(1)->set_input(2, "other");
      },
      ErrorCode::kInvalidNetwork, {"node_y", "int8", "uint8"});
  expect_pair_refused(
      [](ModelBuilder& m) {
        add_bytes<std::uint8_t>(m, "other", {2}, {3, 3});
        m.graph().mutable_node(0)->set_input(2, "other");
      },
      ErrorCode::kInvalidNetwork, {"zero point is 2", "scale a scalar"});
  expect_pair_refused(
      [](ModelBuilder& m) {
        Tensor& other = m.tensor("other", {}, ElementType::kUint8);
        other.add_int32_data(256);
        m.graph().mutable_node(0)->set_input(2, "other");
      },
      ErrorCode::kInvalidNetwork, {"zero point", "256", "0 to 255"});
  expect_pair_refused(
      [](ModelBuilder& m) {
        m.reals("other", {}, {3});
        m.graph().mutable_node(0)->set_input(2, "other");
      },
      ErrorCode::kInvalidNetwork, {"zero point", "floats"});
  for (const ElementType type : {ElementType::kInt16, ElementType::kUint16, ElementType::kInt32})
    expect_pair_refused(
        [&](ModelBuilder& m) {
          m.tensor("other", {}, type).add_int32_data(0);
          m.graph().mutable_node(0)->set_input(2, "other");
        },
        ErrorCode::kUnsupported, {"node_q", to_string(type), "uint8 and int8"});
}

TEST(BadQuantizedOperators, PairsThatAreNoPairs) {
  expect_pair_refused(
      [](ModelBuilder& m) {
        m.reals("other", {}, {0.25f});
        m.graph().mutable_node(1)->set_input(1, "other");
      },
      ErrorCode::kUnsupported, {"node_y", "0.25", "0.5"});
  ModelBuilder behind = pair<std::uint8_t>(3);
  behind.graph().mutable_node(1)->set_op_type("Relu");
  behind.graph().mutable_node(1)->mutable_input()->DeleteSubrange(1, 2);
  expect_refused(behind, ErrorCode::kUnsupported, {"node_y", "Relu", "quantised", "DequantizeLinear"});
  ModelBuilder output = pair<std::uint8_t>(3);
  output.graph().mutable_output(0)->set_name("q");
  expect_refused(output, ErrorCode::kUnsupported, {"'q'", "integers", "DequantizeLinear"});
  ModelBuilder input;
  input.input("x", {kBatch, 2}, ElementType::kUint8).output("y").reals("s", {}, {1});
  input.node("DequantizeLinear", {"x", "s"}, {"y"});
  expect_refused(input, ErrorCode::kUnsupported, {"input 'x'", "uint8"});
  ModelBuilder weights = convolution();
  add_bytes<std::int8_t>(weights, "q", {4, 2, 1, 1}, std::vector<int>(8, 1));
  weights.node("ConvInteger", {"x", "q"}, {"y"});
  expect_refused(weights, ErrorCode::kUnsupported, {"ConvInteger"});
}

TEST(BadQuantizedOperators, BlocksAndOtherTypesOfOutput) {
  expect_pair_refused(
      [](ModelBuilder& m) { with(*m.graph().mutable_node(0), "block_size", std::int64_t{16}); },
      ErrorCode::kUnsupported, {"block_size 16"}, 21);
  expect_pair_refused(
      [](ModelBuilder& m) { with(*m.graph().mutable_node(0), "output_dtype", std::int64_t{3}); },
      ErrorCode::kInvalidNetwork, {"int8", "uint8"}, 21);
  expect_pair_refused(
      [](ModelBuilder& m) {
        m.graph().mutable_node(0)->mutable_input()->RemoveLast();
        with(*m.graph().mutable_node(0), "output_dtype", std::int64_t{5});
      },
      ErrorCode::kUnsupported, {"int16"}, 21);
  expect_pair_refused(
      [](ModelBuilder& m) { with(*m.graph().mutable_node(0), "block_size", std::int64_t{0}); },
      ErrorCode::kInvalidNetwork, {"block_size", "21"}, 13);
}

TEST(BadQuantizedOperators, WeightsWhoseScalesDoNotFit) {
  const auto refused = [](const std::vector<float>& scales, std::int64_t axis, ErrorCode code,
                          const std::vector<std::string>& words) {
    ModelBuilder m = convolution();
    m.reals("s", {static_cast<std::int64_t>(scales.size())}, scales);
    add_bytes<std::int8_t>(m, "q", {4, 2, 1, 1}, std::vector<int>(8, 1));
    with(m.node("DequantizeLinear", {"q", "s"}, {"w"}), "axis", axis);
    m.node("Conv", {"x", "w"}, {"y"});
    expect_refused(m, code, words);
  };
  refused({1, 2, 3}, 0, ErrorCode::kInvalidNetwork,
          {"node_w", "3 scales", "axis 0", "4x2x1x1", "expected 4"});
  refused({1, 2, 3, 0}, 0, ErrorCode::kInvalidNetwork, {"node_w", "scale of 0"});
  refused({1, 2, 3, 4}, -5, ErrorCode::kInvalidNetwork, {"axis -5"});
}

}  // namespace
}  // namespace octet::onnx
