// The attributes of one node by name and type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "import/onnx/onnx_model.h"

namespace octet::onnx {

/// Each getter throws Error(kInvalidNetwork) naming node and attribute if the file gives it another type.
class Attributes {
 public:
  /// `where` names the node in errors. Throws if an attribute is given twice. Both must outlive it.
  Attributes(const NodeEntry& node, const std::string& where);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::optional<std::int64_t> integer(std::string_view name) const;
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  /// An integer that stands for a truth value. Throws unless it is 0 or 1.
  bool flag(std::string_view name, bool otherwise) const;
  float real(std::string_view name, float otherwise) const;
  std::string text(std::string_view name, const std::string& otherwise) const;
  std::optional<std::vector<std::int64_t>> integers(std::string_view name) const;
  std::optional<std::vector<float>> reals(std::string_view name) const;
  /// nullptr if it is not there.
  const TensorEntry* tensor(std::string_view name) const;

 private:
  const AttributeEntry* find(std::string_view name) const;
  const AttributeEntry* find(std::string_view name, AttributeEntry::Kind kind) const;

  const NodeEntry& node_;
  const std::string& where_;
};

}  // namespace octet::onnx
