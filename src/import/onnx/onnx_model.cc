#include "import/onnx/onnx_model.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <string_view>

#include "import/onnx/fail.h"

namespace octet::onnx {
namespace {

using wire::Field;
using wire::FileWindow;
using wire::WireReader;
using wire::WireType;

// Limits on nonsense: what the table of a damaged file may cost, far above any real network.
constexpr std::size_t kMostNodes = 100'000;
constexpr std::size_t kMostInitializers = 100'000;
constexpr std::size_t kMostValues = 100'000;  // declared inputs or outputs
constexpr std::size_t kMostNodeValues = 10'000;
constexpr std::size_t kMostAttributes = 64;
constexpr std::size_t kMostAttributeNumbers = 1 << 16;
constexpr std::size_t kMostAxes = 32;
constexpr std::size_t kMostOpsets = 64;
constexpr std::size_t kMostExternalEntries = 16;
constexpr std::size_t kLongestText = 64 << 10;

/// Of the exporter (export/onnx_builder.h).
constexpr std::string_view kWrittenInFp32 = "octet.written_in_fp32";

// Field numbers of ONNX's messages.
constexpr std::uint32_t kModelGraph = 7, kModelOpsetImport = 8, kModelMetadata = 14;
constexpr std::uint32_t kOpsetDomain = 1, kOpsetVersion = 2;
constexpr std::uint32_t kGraphNode = 1, kGraphName = 2, kGraphInitializer = 5, kGraphInput = 11,
                        kGraphOutput = 12, kGraphSparseInitializer = 15;
constexpr std::uint32_t kNodeInput = 1, kNodeOutput = 2, kNodeName = 3, kNodeOpType = 4, kNodeAttribute = 5,
                        kNodeDomain = 7;
constexpr std::uint32_t kAttributeName = 1, kAttributeFloat = 2, kAttributeInt = 3, kAttributeString = 4,
                        kAttributeTensor = 5, kAttributeFloats = 7, kAttributeInts = 8, kAttributeType = 20;
constexpr std::uint32_t kTensorDims = 1, kTensorDataType = 2, kTensorSegment = 3, kTensorName = 8,
                        kTensorExternalData = 13, kTensorDataLocation = 14;
constexpr std::uint32_t kEntryKey = 1, kEntryValue = 2;
constexpr std::uint32_t kValueName = 1, kValueType = 2;
constexpr std::uint32_t kTypeTensor = 1, kTensorTypeElement = 1, kTensorTypeShape = 2, kShapeDim = 1,
                        kDimValue = 1, kDimParam = 2;

/// Reads the messages of one file.
class Indexer {
 public:
  explicit Indexer(FileWindow& window) : window_(window) {}

  ModelEntry model() {
    ModelEntry model;
    bool has_graph = false;
    WireReader reader(window_, 0, window_.file().size());
    while (const auto field = reader.next()) {
      if (field->number == kModelOpsetImport) {
        add_opset(message(*field, "an operator set"), model, field->begin);
      } else if (field->number == kModelMetadata) {
        read_metadata(message(*field, "metadata"), model, *field);
      } else if (field->number == kModelGraph) {
        if (has_graph) fail_here(*field, "a second graph");
        has_graph = true;
        read_graph(message(*field, "a graph"), model);
      }
    }
    if (!has_graph) {
      fail(ErrorCode::kParse, window_.file().name(), "no graph in it: is it an ONNX file?");
    }
    return model;
  }

 private:
  [[noreturn]] void fail_here(const Field& field, std::string_view what) const {
    wire::fail_at(window_.file(), field.begin, what);
  }
  void require(const Field& field, WireType type, const char* what) const {
    if (field.type != type) fail_here(field, fmt::format("{} was expected", what));
  }
  WireReader message(const Field& field, const char* what) {
    require(field, WireType::kBytes, what);
    return {window_, field};
  }
  std::int64_t integer(const Field& field) const {
    require(field, WireType::kVarint, "an integer");
    return static_cast<std::int64_t>(field.value);
  }
  std::string text(const Field& field) { return WireReader::read_text(window_, field, kLongestText); }
  template <typename Entries>
  void check_room(const Entries& entries, std::size_t limit, const Field& field, const char* what) const {
    if (entries.size() >= limit) fail_here(field, fmt::format("more than {} {}", limit, what));
  }

  void add_opset(WireReader reader, ModelEntry& model, std::uint64_t at) {
    std::string domain;
    std::int64_t version = 0;
    while (const auto field = reader.next()) {
      if (field->number == kOpsetDomain) domain = text(*field);
      if (field->number == kOpsetVersion) version = integer(*field);
    }
    if (domain == "ai.onnx") domain.clear();
    if (model.opsets.size() >= kMostOpsets || !model.opsets.emplace(domain, version).second) {
      wire::fail_at(window_.file(), at, fmt::format("operator set '{}' is imported again", domain));
    }
  }

  void read_metadata(WireReader reader, ModelEntry& model, const Field& at) {
    std::string key, value;
    while (const auto field = reader.next()) {
      if (field->number == kEntryKey) key = text(*field);
      if (field->number == kEntryValue) value = text(*field);
    }
    if (!key.starts_with(kWrittenInFp32)) return;
    check_room(model.written_in_fp32, kMostNodes, at, "tensors written in FP32");
    model.written_in_fp32.push_back(std::move(value));
  }

  void read_graph(WireReader reader, ModelEntry& model) {
    while (const auto field = reader.next()) {
      switch (field->number) {
        case kGraphNode:
          check_room(model.nodes, kMostNodes, *field, "nodes");
          model.nodes.push_back(node(message(*field, "a node")));
          break;
        case kGraphName:
          model.graph_name = text(*field);
          break;
        case kGraphInitializer:
          check_room(model.initializers, kMostInitializers, *field, "initializers");
          model.initializers.push_back(tensor(*field));
          break;
        case kGraphInput:
          check_room(model.inputs, kMostValues, *field, "inputs");
          model.inputs.push_back(value(message(*field, "an input")));
          break;
        case kGraphOutput:
          check_room(model.outputs, kMostValues, *field, "outputs");
          model.outputs.push_back(value(message(*field, "an output")));
          break;
        case kGraphSparseInitializer:
          fail(ErrorCode::kUnsupported, window_.file().name(), "sparse initializers; Octet reads dense ones");
        default:
          break;
      }
    }
  }

  NodeEntry node(WireReader reader) {
    NodeEntry node;
    while (const auto field = reader.next()) {
      switch (field->number) {
        case kNodeInput:
          check_room(node.inputs, kMostNodeValues, *field, "inputs of a node");
          node.inputs.push_back(text(*field));
          break;
        case kNodeOutput:
          check_room(node.outputs, kMostNodeValues, *field, "outputs of a node");
          node.outputs.push_back(text(*field));
          break;
        case kNodeName:
          node.name = text(*field);
          break;
        case kNodeOpType:
          node.op_type = text(*field);
          break;
        case kNodeAttribute:
          check_room(node.attributes, kMostAttributes, *field, "attributes of a node");
          node.attributes.push_back(attribute(message(*field, "an attribute")));
          break;
        case kNodeDomain:
          node.domain = text(*field);
          break;
        default:
          break;
      }
    }
    if (node.domain == "ai.onnx") node.domain.clear();
    return node;
  }

  float real(std::uint64_t at) {
    float value = 0;
    std::memcpy(&value, window_.bytes(at, sizeof value).data(), sizeof value);
    return value;
  }

  AttributeEntry attribute(WireReader reader) {
    AttributeEntry attribute;
    while (const auto field = reader.next()) {
      switch (field->number) {
        case kAttributeName:
          attribute.name = text(*field);
          break;
        case kAttributeType:
          attribute.kind = static_cast<AttributeEntry::Kind>(integer(*field));
          break;
        case kAttributeFloat:
          require(*field, WireType::kFixed32, "a float");
          attribute.real = real(field->begin);
          break;
        case kAttributeInt:
          attribute.integer = integer(*field);
          break;
        case kAttributeString:
          attribute.text = text(*field);
          break;
        case kAttributeTensor:
          attribute.tensor = tensor(*field);
          break;
        case kAttributeFloats:
          add_reals(*field, attribute.reals);
          break;
        case kAttributeInts:
          WireReader::read_packed(window_, *field, kMostAttributeNumbers, attribute.integers);
          break;
        default:
          break;
      }
    }
    return attribute;
  }

  /// Floats packed into one field, or one in a field of its own.
  void add_reals(const Field& field, std::vector<float>& to) {
    const bool one = field.type == WireType::kFixed32;
    if ((!one && field.type != WireType::kBytes) || field.size() % sizeof(float) != 0) {
      fail_here(field, "floats were expected");
    }
    for (std::uint64_t at = field.begin; at < field.end; at += sizeof(float)) {
      check_room(to, kMostAttributeNumbers, field, "numbers of an attribute");
      to.push_back(real(at));
    }
  }

  TensorEntry tensor(const Field& whole) {
    TensorEntry tensor;
    tensor.begin = whole.begin;
    tensor.end = whole.end;
    ExternalData external;
    bool is_external = false;
    std::size_t entries = 0;
    WireReader reader = message(whole, "a tensor");
    while (const auto field = reader.next()) {
      if (field->number == kTensorDims) {
        WireReader::read_packed(window_, *field, kMostAxes, tensor.dims);
      } else if (field->number == kTensorDataType) {
        tensor.type = static_cast<ElementType>(integer(*field));
      } else if (field->number == kTensorName) {
        tensor.name = text(*field);
      } else if (field->number == kTensorSegment) {
        fail(ErrorCode::kUnsupported, window_.file().name(), "byte {}: a tensor in segments", field->begin);
      } else if (field->number == kTensorDataLocation) {
        is_external = integer(*field) == 1;
      } else if (field->number == kTensorExternalData) {
        if (++entries > kMostExternalEntries) fail_here(*field, "too many entries of external data");
        read_external_entry(*field, external);
      }
    }
    if (is_external) tensor.external = std::move(external);
    return tensor;
  }

  void read_external_entry(const Field& entry, ExternalData& external) {
    std::string key, value;
    WireReader reader = message(entry, "an entry of external data");
    while (const auto field = reader.next()) {
      if (field->number == kEntryKey) key = text(*field);
      if (field->number == kEntryValue) value = text(*field);
    }
    const auto number = [&] {
      std::uint64_t result = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
      if (error != std::errc() || end != value.data() + value.size()) {
        fail_here(entry, fmt::format("{} of external data is '{}', expected a number", key, value));
      }
      return result;
    };
    if (key == "location") external.location = value;
    if (key == "offset") external.offset = number();
    if (key == "length") external.length = number();
  }

  ValueEntry value(WireReader reader) {
    ValueEntry value;
    while (const auto field = reader.next()) {
      if (field->number == kValueName) value.name = text(*field);
      if (field->number != kValueType) continue;
      WireReader type = message(*field, "a type");
      while (const auto kind = type.next()) {
        if (kind->number == kTypeTensor) read_tensor_type(message(*kind, "a tensor's type"), value);
      }
    }
    return value;
  }

  void read_tensor_type(WireReader reader, ValueEntry& value) {
    value.type = ElementType{};
    while (const auto field = reader.next()) {
      if (field->number == kTensorTypeElement) value.type = static_cast<ElementType>(integer(*field));
      if (field->number != kTensorTypeShape) continue;
      WireReader shape = message(*field, "a shape");
      while (const auto dim = shape.next()) {
        if (dim->number != kShapeDim) continue;
        check_room(value.dims, kMostAxes, *dim, "dimensions");
        value.dims.push_back(dimension(message(*dim, "a dimension")));
      }
    }
  }

  DimensionEntry dimension(WireReader reader) {
    DimensionEntry dimension;
    while (const auto field = reader.next()) {
      if (field->number == kDimValue) dimension.value = integer(*field);
      if (field->number == kDimParam) dimension.parameter = text(*field);
    }
    return dimension;
  }

  FileWindow& window_;
};

ModelEntry index_file(FileWindow& window) {
  if (window.file().size() == 0) fail(ErrorCode::kParse, window.file().name(), "the file is empty");
  return Indexer(window).model();
}

}  // namespace

std::string to_string(ElementType type) {
  switch (type) {
    case ElementType::kFloat:
      return "float";
    case ElementType::kUint8:
      return "uint8";
    case ElementType::kInt8:
      return "int8";
    case ElementType::kUint16:
      return "uint16";
    case ElementType::kInt16:
      return "int16";
    case ElementType::kInt32:
      return "int32";
    case ElementType::kInt64:
      return "int64";
    case ElementType::kString:
      return "string";
    case ElementType::kBool:
      return "bool";
    case ElementType::kFloat16:
      return "float16";
    case ElementType::kDouble:
      return "double";
    case ElementType::kUint32:
      return "uint32";
    case ElementType::kUint64:
      return "uint64";
    case ElementType::kBFloat16:
      return "bfloat16";
  }
  return fmt::format("element type {}", static_cast<std::int32_t>(type));
}

bool is_real(ElementType type) {
  return type == ElementType::kFloat || type == ElementType::kFloat16 || type == ElementType::kBFloat16 ||
         type == ElementType::kDouble;
}

std::string NodeEntry::label() const {
  if (!name.empty()) return fmt::format("node '{}'", name);
  return outputs.empty() ? "node without a name" : fmt::format("node of output '{}'", outputs[0]);
}

std::string DimensionEntry::to_string() const {
  if (value) return fmt::format("{}", *value);
  return parameter.empty() ? "unknown" : fmt::format("'{}'", parameter);
}

ModelFile::ModelFile(const std::filesystem::path& path)
    : folder_(path.parent_path()), file_(path), window_(file_), model_(index_file(window_)) {}

ModelFile::ModelFile(const std::string& name, std::span<const std::byte> bytes)
    : file_(name, bytes), window_(file_), model_(index_file(window_)) {}

}  // namespace octet::onnx
