// The numbers of tensors in every form that the format has: raw, typed, external.
#include <filesystem>

#include "import/onnx/test_models.h"
#include "tests/support/temporary_directory.h"

namespace octet::onnx {
namespace {

using ::testing::ElementsAre;

/// y = x * "w" by channel, where "w" of {2} is filled by the test.
class TensorData : public testing::Test {
 protected:
  Tensor& weights(ElementType type) {
    model_.input("x", {kBatch, 2}).output("y");
    model_.node("Mul", {"x", "w"}, {"y"});
    return model_.tensor("w", {2}, type);
  }
  std::vector<float> imported() const { return values_of(model_.imported().nodes.at(1).weights.at(0)); }

  ModelBuilder model_;
};

TEST_F(TensorData, FloatsRawAndTyped) {
  Tensor& w = weights(ElementType::kFloat);
  w.add_float_data(1.5f);
  w.add_float_data(-2);
  EXPECT_THAT(imported(), ElementsAre(1.5f, -2));
  w.clear_float_data();
  const float raw[] = {3, 4};
  w.set_raw_data(raw, sizeof raw);
  EXPECT_THAT(imported(), ElementsAre(3, 4));
}

TEST_F(TensorData, DoublesBecomeFloats) {
  Tensor& w = weights(ElementType::kDouble);
  w.add_double_data(0.1);
  w.add_double_data(1e10);
  EXPECT_THAT(imported(), ElementsAre(0.1f, 1e10f));
}

TEST_F(TensorData, HalfPrecisionIsWidenedExactly) {
  Tensor& w = weights(ElementType::kFloat16);
  w.set_raw_data(std::string("\x00\xc0\x01\x00", 4));  // -2 and the smallest subnormal
  EXPECT_THAT(imported(), ElementsAre(-2.0f, 0x1p-24f));
  w.clear_raw_data();
  w.add_int32_data(0x3555);  // 0.333251953125
  w.add_int32_data(0x7bff);  // 65504, the largest
  EXPECT_THAT(imported(), ElementsAre(0.333251953125f, 65504.0f));
  w.set_data_type(static_cast<int>(ElementType::kBFloat16));
  w.set_int32_data(0, 0x3fc0);
  w.set_int32_data(1, 0xc000);
  EXPECT_THAT(imported(), ElementsAre(1.5f, -2.0f));
}

TEST(IntegerData, OfEveryTypeIsAShape) {
  const auto reshaped = [](ElementType type, const std::string& raw) {
    ModelBuilder model;
    model.input("x", {kBatch, 4, 1, 1}).output("y");
    model.tensor("shape", {2}, type).set_raw_data(raw);
    model.node("Reshape", {"x", "shape"}, {"y"});
    return output_shape(model.imported());
  };
  const Shape expected{1, 4};
  EXPECT_EQ(reshaped(ElementType::kInt8, "\xff\x04"), expected);
  EXPECT_EQ(reshaped(ElementType::kInt16, std::string("\xff\xff\x04\x00", 4)), expected);
  EXPECT_EQ(reshaped(ElementType::kInt32, std::string("\xff\xff\xff\xff\x04\x00\x00\x00", 8)), expected);
}

class ExternalTensorData : public testing::Test {
 protected:
  /// Two floats, 3 and 4, at byte 8 of "weights.bin", and a model that reads them from `location`.
  void write(const std::string& location, const std::string& offset = "8", const std::string& length = "8") {
    const float numbers[] = {1, 2, 3, 4};
    directory_.write("weights.bin", {reinterpret_cast<const char*>(numbers), sizeof numbers});
    ModelBuilder model;
    model.input("x", {kBatch, 2}).output("y");
    model.node("Mul", {"x", "w"}, {"y"});
    Tensor& w = model.tensor("w", {2}, ElementType::kFloat);
    w.set_data_location(Tensor::EXTERNAL);
    const auto entry = [&](const char* key, const std::string& value) {
      StringStringEntry& added = *w.add_external_data();
      added.set_key(key);
      added.set_value(value);
    };
    entry("location", location);
    entry("offset", offset);
    if (!length.empty()) entry("length", length);
    directory_.write("net.onnx", model.bytes());
  }
  graph::Graph imported() const { return import_onnx(directory_.path() / "net.onnx"); }
  void refused(ErrorCode code, const std::vector<std::string>& words) const {
    expect_refused([&] { imported(); }, code, words);
  }

  const test::TemporaryDirectory directory_;
};

TEST_F(ExternalTensorData, IsReadFromTheModelsFolder) {
  for (const char* length : {"8", ""}) {
    write("weights.bin", "8", length);
    EXPECT_THAT(values_of(imported().nodes.at(1).weights.at(0)), ElementsAre(3, 4));
  }
}

TEST_F(ExternalTensorData, MustNotLieOutsideTheFolder) {
  std::filesystem::create_directory(directory_.path() / "sub");
  for (const std::string location :
       {"../weights.bin", "sub/../../weights.bin", "/etc/hostname", "", "sub/../weights.bin"}) {
    write(location);
    refused(ErrorCode::kInvalidNetwork,
            {"initializer 'w'", "'" + location + "'", "inside the model's folder"});
  }
  const test::TemporaryDirectory elsewhere;
  elsewhere.write("secret", std::string(16, 'x'));
  std::filesystem::create_symlink(elsewhere.path() / "secret", directory_.path() / "link");
  write("link");
  refused(ErrorCode::kInvalidNetwork, {"'link'", "inside the model's folder"});
}

TEST_F(ExternalTensorData, MustLieInsideItsFile) {
  write("weights.bin", "12");
  refused(ErrorCode::kParse, {"initializer 'w'", "bytes 12 to 20", "has 16 bytes"});
  write("weights.bin", "18446744073709551615");
  refused(ErrorCode::kParse, {"initializer 'w'", "has 16 bytes"});
  write("weights.bin", "8", "4");
  refused(ErrorCode::kParse, {"4 bytes of data, expected 8 for 2 of float"});
  write("weights.bin", "-1");
  refused(ErrorCode::kParse, {"offset", "'-1'", "expected a number"});
  write("missing.bin");
  refused(ErrorCode::kNotFound, {"missing.bin"});
}

}  // namespace
}  // namespace octet::onnx
