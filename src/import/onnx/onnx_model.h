// An ONNX file as a table of what it holds: nodes with their attributes, inputs, outputs, and for each tensor
// its dimensions and where its numbers lie. Opening it reads everything but those numbers (tensor_data.h
// reads them), so a network of gigabytes costs no memory before its weights are wanted, and none twice.
//
// The messages are walked on the wire, not parsed by protobuf, whose parser stops at 2 GiB. Field numbers:
// onnx.proto. Every count is limited, since a table is made before anything in it is known to make sense.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "import/wire/wire_reader.h"

namespace octet::onnx {

/// The format's numbers of element types (TensorProto.DataType); others may stand in a file.
enum class ElementType : std::int32_t {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBFloat16 = 16,
};
std::string to_string(ElementType type);  // "float16", "element type 23"
/// float, float16, bfloat16 and double: what is read as FP32.
bool is_real(ElementType type);

/// Numbers that lie in another file.
struct ExternalData {
  std::string location;  // as written: relative to the model's folder
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

struct TensorEntry {
  std::string name;
  ElementType type = {};
  std::vector<std::int64_t> dims;    // none: a scalar
  std::uint64_t begin = 0, end = 0;  // the Tensor message in the model's file
  std::optional<ExternalData> external;
};

struct AttributeEntry {
  /// The format's numbers; others may stand in a file.
  enum class Kind : std::int32_t {
    kReal = 1,
    kInteger = 2,
    kText = 3,
    kTensor = 4,
    kGraph = 5,
    kReals = 6,
    kIntegers = 7,
    kTexts = 8,
  };
  std::string name;
  Kind kind = {};
  float real = 0;
  std::int64_t integer = 0;
  std::string text;
  std::optional<TensorEntry> tensor;
  std::vector<float> reals;
  std::vector<std::int64_t> integers;
};

struct NodeEntry {
  std::string name;  // may be empty
  std::string op_type, domain;
  std::vector<std::string> inputs, outputs;  // "": an optional one that is left out
  std::vector<AttributeEntry> attributes;

  std::string label() const;  // "node 'conv1'", "node of output 'x'"
};

struct DimensionEntry {
  std::optional<std::int64_t> value;
  std::string parameter;  // "batch_size"; empty if neither is given

  std::string to_string() const;
};

/// A declared input or output of the network.
struct ValueEntry {
  std::string name;
  std::optional<ElementType> type;  // none: no tensor
  std::vector<DimensionEntry> dims;
};

struct ModelEntry {
  std::string graph_name;
  std::map<std::string, std::int64_t> opsets;  // by domain; "" is ONNX's own
  std::vector<NodeEntry> nodes;
  std::vector<TensorEntry> initializers;
  std::vector<ValueEntry> inputs, outputs;
  /// Of a file that Octet wrote: tensors that Octet itself writes in FP32.
  std::vector<std::string> written_in_fp32;
};

class ModelFile {
 public:
  /// Throws Error (kNotFound, kIo, kParse, kUnsupported).
  explicit ModelFile(const std::filesystem::path& path);
  /// One in memory, which must outlive it, without external data; `name` is for messages.
  ModelFile(const std::string& name, std::span<const std::byte> bytes);

  const std::string& name() const { return file_.name(); }
  const ModelEntry& model() const { return model_; }
  wire::FileWindow& window() { return window_; }
  /// Where external data lies; none for a model in memory.
  const std::optional<std::filesystem::path>& folder() const { return folder_; }

 private:
  std::optional<std::filesystem::path> folder_;
  wire::InputFile file_;
  wire::FileWindow window_;
  ModelEntry model_;
};

}  // namespace octet::onnx
