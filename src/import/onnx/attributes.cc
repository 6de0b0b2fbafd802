#include "import/onnx/attributes.h"

#include <fmt/format.h>

#include <unordered_set>

#include "import/onnx/fail.h"

namespace octet::onnx {
namespace {

using Kind = AttributeEntry::Kind;

std::string kind_name(Kind kind) {
  switch (kind) {
    case Kind::kReal:
      return "a float";
    case Kind::kInteger:
      return "an integer";
    case Kind::kText:
      return "a string";
    case Kind::kTensor:
      return "a tensor";
    case Kind::kGraph:
      return "a graph";
    case Kind::kReals:
      return "a list of floats";
    case Kind::kIntegers:
      return "a list of integers";
    case Kind::kTexts:
      return "a list of strings";
  }
  return fmt::format("of type {}", static_cast<std::int32_t>(kind));
}

}  // namespace

Attributes::Attributes(const NodeEntry& node, const std::string& where) : node_(node), where_(where) {
  std::unordered_set<std::string_view> names;
  for (const AttributeEntry& attribute : node.attributes) {
    if (names.insert(attribute.name).second) continue;
    fail(ErrorCode::kInvalidNetwork, where_, "attribute '{}' is there twice", attribute.name);
  }
}

const AttributeEntry* Attributes::find(std::string_view name) const {
  for (const AttributeEntry& attribute : node_.attributes) {
    if (attribute.name == name) return &attribute;
  }
  return nullptr;
}

const AttributeEntry* Attributes::find(std::string_view name, Kind kind) const {
  const AttributeEntry* attribute = find(name);
  if (attribute != nullptr && attribute->kind != kind) {
    fail(ErrorCode::kInvalidNetwork, where_, "attribute '{}' is {}, expected {}", name,
         kind_name(attribute->kind), kind_name(kind));
  }
  return attribute;
}

std::optional<std::int64_t> Attributes::integer(std::string_view name) const {
  const AttributeEntry* attribute = find(name, Kind::kInteger);
  return attribute == nullptr ? std::nullopt : std::optional(attribute->integer);
}

std::int64_t Attributes::integer(std::string_view name, std::int64_t otherwise) const {
  return integer(name).value_or(otherwise);
}

bool Attributes::flag(std::string_view name, bool otherwise) const {
  const std::int64_t value = integer(name, otherwise ? 1 : 0);
  if (value != 0 && value != 1) {
    fail(ErrorCode::kInvalidNetwork, where_, "attribute '{}' is {}, expected 0 or 1", name, value);
  }
  return value == 1;
}

float Attributes::real(std::string_view name, float otherwise) const {
  const AttributeEntry* attribute = find(name, Kind::kReal);
  return attribute == nullptr ? otherwise : attribute->real;
}

std::string Attributes::text(std::string_view name, const std::string& otherwise) const {
  const AttributeEntry* attribute = find(name, Kind::kText);
  return attribute == nullptr ? otherwise : attribute->text;
}

std::optional<std::vector<std::int64_t>> Attributes::integers(std::string_view name) const {
  const AttributeEntry* attribute = find(name, Kind::kIntegers);
  return attribute == nullptr ? std::nullopt : std::optional(attribute->integers);
}

std::optional<std::vector<float>> Attributes::reals(std::string_view name) const {
  const AttributeEntry* attribute = find(name, Kind::kReals);
  return attribute == nullptr ? std::nullopt : std::optional(attribute->reals);
}

const TensorEntry* Attributes::tensor(std::string_view name) const {
  const AttributeEntry* attribute = find(name, Kind::kTensor);
  if (attribute == nullptr) return nullptr;
  if (!attribute->tensor) fail(ErrorCode::kInvalidNetwork, where_, "attribute '{}' has no tensor", name);
  return &*attribute->tensor;
}

}  // namespace octet::onnx
