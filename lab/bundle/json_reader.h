// Reads members of a JSON document with their types and ranges checked. Every error is Error(kParse) and
// says where: "throughput/vgg-16/int8/b1: systems[0].info.engine: expected a text, got 3".
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/support/json_fwd.h"

namespace octet::lab {

/// A value in a document that outlives it, and where it stands.
class JsonReader {
 public:
  /// `document` names the whole ("results.json").
  JsonReader(const Json& json, std::string document) : json_(&json), document_(std::move(document)) {}

  const Json& json() const { return *json_; }
  /// "systems[0].info"; empty for the whole document.
  const std::string& path() const { return path_; }

  /// There, and not null.
  bool has(std::string_view key) const;
  JsonReader at(std::string_view key) const;
  /// Members of a list; `items` is of the value itself.
  std::vector<JsonReader> list(std::string_view key) const;
  std::vector<JsonReader> items() const;

  std::string text(std::string_view key) const;
  std::string text_or(std::string_view key, std::string_view fallback) const;
  bool boolean(std::string_view key) const;
  double number(std::string_view key) const;
  std::optional<double> optional_number(std::string_view key) const;
  std::int64_t integer(std::string_view key, std::int64_t min = 0,
                       std::int64_t max = std::numeric_limits<std::int64_t>::max()) const;
  std::vector<double> numbers(std::string_view key) const;
  std::vector<std::int64_t> integers(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;

  /// Throws about this value: "expected ...".
  [[noreturn]] void fail(std::string_view expected) const;
  /// Throws about this value, in other words.
  [[noreturn]] void refuse(std::string_view complaint) const;

 private:
  JsonReader(const JsonReader& parent, const Json& json, std::string path)
      : json_(&json), document_(parent.document_), path_(std::move(path)) {}

  const Json* json_;
  std::string document_;
  std::string path_;
};

}  // namespace octet::lab
