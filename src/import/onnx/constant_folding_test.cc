// What is computed while a network is imported: shown by the shape that a reshape takes from it.
#include "import/onnx/test_models.h"

namespace octet::onnx {
namespace {

/// "x" of {batch, 6, 2, 2}, its shape "s", and list after list of constants; "y" is x reshaped to "target".
class ShapeArithmetic : public testing::Test {
 protected:
  ShapeArithmetic() {
    model_.input("x", {kBatch, 6, 2, 2}).output("y");
    model_.node("Shape", {"x"}, {"s"});
    for (const std::int64_t i : {-1, 0, 1, 2, 3, 4, 24}) {
      model_.integers("list" + std::to_string(i), {i});
      Tensor& scalar = model_.tensor("scalar" + std::to_string(i), {}, ElementType::kInt64);
      scalar.add_int64_data(i);
    }
  }
  void gather(const std::string& from, const std::string& index, const std::string& to) {
    with(model_.node("Gather", {from, index}, {to}), "axis", std::int64_t{0});
  }
  void concat(const std::vector<std::string>& from) {
    with(model_.node("Concat", from, {"target"}), "axis", std::int64_t{0});
  }
  Shape reshaped() {
    model_.node("Reshape", {"x", "target"}, {"y"});
    return output_shape(model_.imported());
  }
  void refused(const std::vector<std::string>& words) {
    model_.node("Reshape", {"x", "target"}, {"y"});
    expect_refused(model_, ErrorCode::kUnsupported, words);
  }

  ModelBuilder model_;
};

TEST_F(ShapeArithmetic, TheBatchOfAFeatureMapIsKept) {
  gather("s", "scalar0", "n");
  model_.node("Unsqueeze", {"n", "list0"}, {"batch"});
  concat({"batch", "list-1"});
  EXPECT_EQ(reshaped(), (Shape{1, 24}));
}

TEST_F(ShapeArithmetic, ProductsAndQuotientsOfDimensions) {
  gather("s", "list1", "c");
  gather("s", "list0", "batch");
  model_.node("Div", {"c", "list3"}, {"rest"});
  concat({"batch", "list3", "rest", "list2", "list2"});
  EXPECT_EQ(reshaped(), (Shape{1, 3, 2, 2, 2})) << "as ShuffleNet splits its channels";
}

TEST_F(ShapeArithmetic, SlicesOfShapesFromEitherEnd) {
  model_.node("Slice", {"s", "list0", "list2"}, {"front"});
  concat({"front", "list-1"});
  EXPECT_EQ(reshaped(), (Shape{1, 6, 4}));
}

TEST_F(ShapeArithmetic, AProductOverTheTrailingDimensions) {
  model_.node("Slice", {"s", "list1", "list4"}, {"rest"});
  with(model_.node("ReduceProd", {"rest"}, {"product"}), "keepdims", std::int64_t{1});
  gather("s", "list0", "batch");
  concat({"batch", "product"});
  EXPECT_EQ(reshaped(), (Shape{1, 24}));
}

TEST_F(ShapeArithmetic, CastsToFloatsAndBack) {
  gather("s", "list1", "c");
  with(model_.node("Cast", {"c"}, {"real"}), "to", std::int64_t{1});
  model_.reals("four", {1}, {4});
  model_.node("Mul", {"real", "four"}, {"product"});
  with(model_.node("Cast", {"product"}, {"integer"}), "to", std::int64_t{7});
  concat({"list-1", "integer"});
  EXPECT_EQ(reshaped(), (Shape{1, 24}));
}

TEST_F(ShapeArithmetic, ABatchTimesANumberIsNotTheBatch) {
  gather("s", "list0", "batch");
  model_.node("Mul", {"batch", "list2"}, {"more"});
  concat({"more", "list-1"});
  refused({"node_y", "2*batch", "expected a first dimension that stays the batch"});
}

TEST_F(ShapeArithmetic, WhatIsNoMultipleOfTheBatchIsRefusedWhereItIsComputed) {
  gather("s", "list0", "batch");
  model_.node("Add", {"batch", "list1"}, {"more"});
  concat({"more", "list-1"});
  refused({"'node_more' (Add, opset 13)", "batch + 1"});
}

TEST_F(ShapeArithmetic, DivisionByZeroIsAnError) {
  model_.node("Div", {"list1", "list0"}, {"target"});
  refused({"1 / 0"});
}

TEST(ConstantFolding, WeightsAreTransposedAndComputed) {
  ModelBuilder model;
  model.input("x", {kBatch, 2}).output("y").counted("w", {3, 2}).reals("half", {}, {0.5f});
  with(model.node("Transpose", {"w"}, {"t"}), "perm", std::vector<std::int64_t>{1, 0});
  model.node("Mul", {"t", "half"}, {"scaled"});
  model.node("MatMul", {"x", "scaled"}, {"y"});
  const graph::Graph graph = model.imported();
  EXPECT_THAT(values_of(node_of<graph::InnerProduct>(graph).weights[0]),
              testing::ElementsAre(0.5f, 1, 1.5f, 2, 2.5f, 3));
}

TEST(ConstantFolding, BroadcastsAsNumPyDoes) {
  ModelBuilder model;
  model.input("x", {kBatch, 2}).output("y").reals("row", {1, 2}, {1, 2}).reals("column", {2, 1}, {10, 20});
  model.node("Add", {"row", "column"}, {"w"});
  with(model.node("Gemm", {"x", "w"}, {"y"}), "transB", std::int64_t{1});
  EXPECT_THAT(values_of(node_of<graph::InnerProduct>(model.imported()).weights[0]),
              testing::ElementsAre(11, 12, 21, 22));
}

TEST(ConstantFolding, ConstantsOfEveryForm) {
  ModelBuilder model;
  model.input("x", {kBatch, 2, 1, 1}).output("y");
  with(model.node("Constant", {}, {"shape"}), "value_ints", std::vector<std::int64_t>{2, 2, 1, 1});
  Tensor& value =
      *add_attribute(model.node("ConstantOfShape", {"shape"}, {"w"}), "value", Attribute::TENSOR).mutable_t();
  value.set_data_type(static_cast<int>(ElementType::kFloat));
  value.add_dims(1);
  value.add_float_data(0.02f);
  model.node("Conv", {"x", "w"}, {"c"});
  with(model.node("Constant", {}, {"two"}), "value_float", 2.0f);
  model.node("Mul", {"c", "two"}, {"y"});
  const graph::Graph graph = model.imported();
  EXPECT_THAT(values_of(node_of<graph::Convolution>(graph).weights[0]), testing::Each(0.02f));
  EXPECT_THAT(values_of(node_of<graph::ChannelAffine>(graph).weights[0]), testing::Each(2.0f));
}

}  // namespace
}  // namespace octet::onnx
