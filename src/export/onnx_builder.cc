#include "export/onnx_builder.h"

#include <fmt/format.h>

#include "octet/error.h"
#include "octet/version.h"

namespace octet::exporting {
namespace {

constexpr int kIrVersion = 7;
constexpr std::int64_t kLargestMessage = std::int64_t{2000} << 20;  // protobuf's own limit is 2 GiB

onnx::Attribute& attribute(onnx::Node& node, const char* name, onnx::Attribute::Type type) {
  onnx::Attribute& a = *node.add_attribute();
  a.set_name(name);
  a.set_type(type);
  return a;
}

}  // namespace

void set(onnx::Node& node, const char* name, std::int64_t value) {
  attribute(node, name, onnx::Attribute::INT).set_i(value);
}
void set(onnx::Node& node, const char* name, float value) {
  attribute(node, name, onnx::Attribute::FLOAT).set_f(value);
}
void set(onnx::Node& node, const char* name, const std::vector<std::int64_t>& values) {
  onnx::Attribute& a = attribute(node, name, onnx::Attribute::INTS);
  for (std::int64_t v : values) a.add_ints(v);
}

OnnxBuilder::OnnxBuilder(const std::string& name) : graph_(*model_.mutable_graph()) {
  model_.set_ir_version(kIrVersion);
  model_.set_producer_name("octet");
  model_.set_producer_version(kVersion);
  onnx::OperatorSet& opset = *model_.add_opset_import();
  opset.set_domain("");
  opset.set_version(kOpset);
  graph_.set_name(name);
}

void OnnxBuilder::note_written_in_fp32(const std::string& tensor) {
  // Keys have to differ.
  const int number = model_.metadata_props_size();
  onnx::StringStringEntry& note = *model_.add_metadata_props();
  note.set_key(fmt::format("{}.{}", kWrittenInFp32, number));
  note.set_value(tensor);
}

onnx::Node& OnnxBuilder::add(const char* op, std::vector<std::string> inputs, const std::string& result) {
  onnx::Node& node = *graph_.add_node();
  node.set_op_type(op);
  node.set_name(result);
  for (std::string& i : inputs) node.add_input(std::move(i));
  node.add_output(result);
  return node;
}

std::string OnnxBuilder::initializer(const std::string& name, const Shape& shape,
                                     std::span<const float> values) {
  return raw(name, shape, kFloat, std::as_bytes(values));
}
std::string OnnxBuilder::initializer(const std::string& name, const Shape& shape,
                                     std::span<const std::uint8_t> values) {
  return raw(name, shape, kUInt8, std::as_bytes(values));
}
std::string OnnxBuilder::initializer(const std::string& name, const Shape& shape,
                                     std::span<const std::int8_t> values) {
  return raw(name, shape, kInt8, std::as_bytes(values));
}
std::string OnnxBuilder::initializer(const std::string& name, const Shape& shape,
                                     std::span<const std::int32_t> values) {
  return raw(name, shape, kInt32, std::as_bytes(values));
}

std::string OnnxBuilder::integers(const std::string& name, std::span<const std::int64_t> values) {
  onnx::Tensor& tensor = *graph_.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(kInt64);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  for (std::int64_t v : values) tensor.add_int64_data(v);
  return name;
}

std::string OnnxBuilder::raw(const std::string& name, const Shape& shape, int type,
                             std::span<const std::byte> bytes) {
  bytes_ += static_cast<std::int64_t>(bytes.size());
  if (bytes_ > kLargestMessage)
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{}: the network's weights are larger than an ONNX file without external data can "
                    "hold",
                    name));
  onnx::Tensor& tensor = *graph_.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (std::int64_t d : shape.dims()) tensor.add_dims(d);
  tensor.set_raw_data(bytes.data(), bytes.size());
  return name;
}

}  // namespace octet::exporting
