// An ONNX model while it is put together: nodes, attributes and initializers, in the words of the format.
#pragma once

#include <import/onnx/onnx.pb.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "octet/types.h"

namespace octet::exporting {

/// The first operator set in which QuantizeLinear and DequantizeLinear have an axis, which one scale a
/// channel needs. Nothing written here needs a later one, and every engine reads this one.
inline constexpr int kOpset = 13;

/// TensorProto's data types.
inline constexpr int kFloat = 1, kUInt8 = 2, kInt8 = 3, kInt32 = 6, kInt64 = 7;

/// Keys of a model's metadata that begin so have as values tensors which Octet writes in FP32, although the
/// file quantises them, for engines that cannot. The importer has the word too (import/onnx/onnx_model.cc).
inline constexpr const char* kWrittenInFp32 = "octet.written_in_fp32";

void set(onnx::Node& node, const char* name, std::int64_t value);
void set(onnx::Node& node, const char* name, float value);
void set(onnx::Node& node, const char* name, const std::vector<std::int64_t>& values);

class OnnxBuilder {
 public:
  explicit OnnxBuilder(const std::string& name);

  onnx::Graph& graph() { return graph_; }
  onnx::Model take() { return std::move(model_); }

  /// Notes that Octet itself writes this tensor in FP32 (onnx::kWrittenInFp32).
  void note_written_in_fp32(const std::string& tensor);

  /// A node of one output, named like it.
  onnx::Node& add(const char* op, std::vector<std::string> inputs, const std::string& result);

  /// Constants; they return the name. Throw Error(kUnsupported) where all of them together no longer fit into
  /// one file.
  std::string initializer(const std::string& name, const Shape& shape, std::span<const float> values);
  std::string initializer(const std::string& name, const Shape& shape, std::span<const std::uint8_t> values);
  std::string initializer(const std::string& name, const Shape& shape, std::span<const std::int8_t> values);
  std::string initializer(const std::string& name, const Shape& shape, std::span<const std::int32_t> values);
  /// A vector, as operators take sizes and paddings.
  std::string integers(const std::string& name, std::span<const std::int64_t> values);

 private:
  std::string raw(const std::string& name, const Shape& shape, int type, std::span<const std::byte> bytes);

  onnx::Model model_;
  onnx::Graph& graph_;
  std::int64_t bytes_ = 0;
};

}  // namespace octet::exporting
