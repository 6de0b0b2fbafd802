#include "lab/bundle/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr int kMaxDepth = 64;
constexpr int kIndent = 2;

// The parser does not recurse, but what walks its result does.
void check_depth(std::string_view text, std::string_view file) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth)
        throw Error(
            ErrorCode::kParse,
            fmt::format("{}: expected JSON of at most {} levels, got more at byte {}", file, kMaxDepth, i));
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool plain(const Json& json) {
  return json.empty() || !json.is_structured() ||
         (json.is_array() &&
          std::none_of(json.begin(), json.end(), [](const Json& item) { return item.is_structured(); }));
}

void write(const Json& json, int indent, std::string& out) {
  if (json.empty() || !json.is_structured()) {
    out += dump(json);
    return;
  }
  if (plain(json)) {
    out += '[';
    for (std::size_t i = 0; i < json.size(); ++i) {
      if (i > 0) out += ", ";
      out += dump(json[i]);
    }
    out += ']';
    return;
  }
  const std::string inner(static_cast<std::size_t>(indent + kIndent), ' ');
  out += json.is_object() ? "{" : "[";
  bool first = true;
  for (const auto& [key, value] : json.items()) {
    out += first ? "\n" : ",\n";
    first = false;
    out += inner;
    if (json.is_object()) out += dump(Json(key)) + ": ";
    write(value, indent + kIndent, out);
  }
  out += '\n';
  out.append(static_cast<std::size_t>(indent), ' ');
  out += json.is_object() ? "}" : "]";
}

}  // namespace

Json parse_json(std::string_view text, std::string_view file) {
  check_depth(text, file);
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kParse, fmt::format("{}: {}", file, error.what()));
  }
}

std::string format_json(const Json& json) {
  std::string out;
  write(json, 0, out);
  return out + "\n";
}

void check_schema(const Json& json, std::string_view known, std::string_view file) {
  const auto slash = known.find('/');
  const std::string_view family = known.substr(0, slash + 1);
  const auto number_of = [&](std::string_view schema) {
    int number = 0;
    const std::string_view digits = schema.substr(family.size());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && end == digits.data() + digits.size() && number > 0 ? number : 0;
  };
  const auto schema = json.is_object() ? json.find("schema") : json.end();
  const std::string text =
      schema != json.end() && schema->is_string() ? schema->get<std::string>() : std::string();
  const int number = text.starts_with(family) ? number_of(text) : 0;
  if (number == 0)
    throw Error(ErrorCode::kParse, fmt::format("{}: schema: expected \"{}\", got {}", file, known,
                                               schema == json.end() ? "none" : dump(*schema)));
  if (number > number_of(known))
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{}: its schema is {}, of a newer Octet; this one knows up to {}", file, text, known));
}

}  // namespace octet::lab
