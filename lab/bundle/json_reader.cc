#include "lab/bundle/json_reader.h"

#include <fmt/format.h>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr std::size_t kShown = 60;  // characters of a value in a message

std::string show(const Json& json) {
  if (json.is_object()) return "an object";
  if (json.is_array()) return "a list";
  std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  return text;
}

}  // namespace

void JsonReader::fail(std::string_view expected) const {
  throw Error(ErrorCode::kParse, fmt::format("{}: {}{}expected {}, got {}", document_, path_,
                                             path_.empty() ? "" : ": ", expected, show(*json_)));
}

void JsonReader::refuse(std::string_view complaint) const {
  throw Error(ErrorCode::kParse,
              fmt::format("{}: {}{}{}", document_, path_, path_.empty() ? "" : ": ", complaint));
}

bool JsonReader::has(std::string_view key) const {
  if (!json_->is_object()) return false;
  const auto found = json_->find(std::string(key));
  return found != json_->end() && !found->is_null();
}

JsonReader JsonReader::at(std::string_view key) const {
  if (!json_->is_object()) fail("an object");
  const auto found = json_->find(std::string(key));
  if (found == json_->end()) fail(fmt::format("the key '{}'", key));
  return {*this, *found, path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key)};
}

std::vector<JsonReader> JsonReader::items() const {
  if (!json_->is_array()) fail("a list");
  std::vector<JsonReader> readers;
  readers.reserve(json_->size());
  for (std::size_t i = 0; i < json_->size(); ++i)
    readers.push_back({*this, (*json_)[i], fmt::format("{}[{}]", path_, i)});
  return readers;
}

std::vector<JsonReader> JsonReader::list(std::string_view key) const { return at(key).items(); }

std::string JsonReader::text(std::string_view key) const {
  const JsonReader value = at(key);
  if (!value.json_->is_string()) value.fail("a text");
  return value.json_->get<std::string>();
}

std::string JsonReader::text_or(std::string_view key, std::string_view fallback) const {
  return has(key) ? text(key) : std::string(fallback);
}

bool JsonReader::boolean(std::string_view key) const {
  const JsonReader value = at(key);
  if (!value.json_->is_boolean()) value.fail("true or false");
  return value.json_->get<bool>();
}

double JsonReader::number(std::string_view key) const {
  const JsonReader value = at(key);
  if (!value.json_->is_number()) value.fail("a number");
  return value.json_->get<double>();
}

std::optional<double> JsonReader::optional_number(std::string_view key) const {
  if (!has(key)) return std::nullopt;
  return number(key);
}

std::int64_t JsonReader::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  const JsonReader value = at(key);
  // What does not fit int64 is read as unsigned, and is beyond any bound.
  const bool fits =
      value.json_->is_number_integer() &&
      !(value.json_->is_number_unsigned() &&
        value.json_->get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()});
  if (!fits || value.json_->get<std::int64_t>() < min || value.json_->get<std::int64_t>() > max)
    value.fail(max == std::numeric_limits<std::int64_t>::max()
                   ? fmt::format("an integer of at least {}", min)
                   : fmt::format("an integer from {} to {}", min, max));
  return value.json_->get<std::int64_t>();
}

std::vector<double> JsonReader::numbers(std::string_view key) const {
  const JsonReader list = at(key);
  if (!list.json_->is_array()) list.fail("a list of numbers");
  std::vector<double> values;
  values.reserve(list.json_->size());
  for (const Json& item : *list.json_) {
    if (!item.is_number()) list.fail("a list of numbers only");
    values.push_back(item.get<double>());
  }
  return values;
}

std::vector<std::int64_t> JsonReader::integers(std::string_view key) const {
  const JsonReader list = at(key);
  if (!list.json_->is_array()) list.fail("a list of integers");
  std::vector<std::int64_t> values;
  values.reserve(list.json_->size());
  for (const Json& item : *list.json_) {
    if (!item.is_number_integer()) list.fail("a list of integers only");
    values.push_back(item.get<std::int64_t>());
  }
  return values;
}

std::vector<std::string> JsonReader::texts(std::string_view key) const {
  const JsonReader list = at(key);
  if (!list.json_->is_array()) list.fail("a list of texts");
  std::vector<std::string> values;
  for (const Json& item : *list.json_) {
    if (!item.is_string()) list.fail("a list of texts only");
    values.push_back(item.get<std::string>());
  }
  return values;
}

}  // namespace octet::lab
