// Reading an exported model back, and asking what is in it.
#pragma once

#include <gtest/gtest.h>
#include <import/onnx/onnx.pb.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace octet::test {

inline std::vector<std::int64_t> ints(const onnx::Node& node, const std::string& name) {
  for (const onnx::Attribute& a : node.attribute())
    if (a.name() == name && a.type() == onnx::Attribute::INTS) return {a.ints().begin(), a.ints().end()};
  return {};
}
inline std::optional<std::int64_t> integer(const onnx::Node& node, const std::string& name) {
  for (const onnx::Attribute& a : node.attribute())
    if (a.name() == name && a.type() == onnx::Attribute::INT) return a.i();
  return std::nullopt;
}
inline std::optional<float> real(const onnx::Node& node, const std::string& name) {
  for (const onnx::Attribute& a : node.attribute())
    if (a.name() == name && a.type() == onnx::Attribute::FLOAT) return a.f();
  return std::nullopt;
}
inline std::vector<std::string> inputs(const onnx::Node& node) {
  return {node.input().begin(), node.input().end()};
}
inline std::vector<std::string> operators(const onnx::Model& model) {
  std::vector<std::string> types;
  for (const onnx::Node& node : model.graph().node()) types.push_back(node.op_type());
  return types;
}
inline const onnx::Tensor& initializer(const onnx::Model& model, const std::string& name) {
  for (const onnx::Tensor& tensor : model.graph().initializer())
    if (tensor.name() == name) return tensor;
  throw std::runtime_error("no initializer " + name);
}
inline std::vector<std::int64_t> dims(const onnx::Tensor& tensor) {
  return {tensor.dims().begin(), tensor.dims().end()};
}
inline std::vector<float> values(const onnx::Tensor& tensor) {
  std::vector<float> result(tensor.raw_data().size() / sizeof(float));
  std::memcpy(result.data(), tensor.raw_data().data(), tensor.raw_data().size());
  return result;
}

/// The file, after the promises that hold for every one: each name that a node reads was defined before, no
/// name is defined twice, every output is defined.
inline onnx::Model read_model(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  onnx::Model model;
  EXPECT_TRUE(model.ParseFromIstream(&file));
  std::map<std::string, int> defined;
  for (const onnx::ValueInfo& input : model.graph().input()) ++defined[input.name()];
  for (const onnx::Tensor& tensor : model.graph().initializer()) ++defined[tensor.name()];
  for (const onnx::Node& node : model.graph().node()) {
    for (const std::string& input : node.input())
      EXPECT_TRUE(input.empty() || defined.contains(input)) << node.name() << " reads " << input;
    for (const std::string& output : node.output()) ++defined[output];
  }
  for (const auto& [name, times] : defined) EXPECT_EQ(times, 1) << name;
  for (const onnx::ValueInfo& output : model.graph().output())
    EXPECT_TRUE(defined.contains(output.name())) << output.name();
  return model;
}

}  // namespace octet::test
