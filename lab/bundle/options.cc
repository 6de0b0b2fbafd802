#include "lab/bundle/options.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <sstream>

#include "octet/error.h"

namespace octet::lab {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

std::string text_of(const toml::node& value) {
  if (const auto text = value.as_string()) return text->get();
  if (const toml::array* list = value.as_array()) {
    std::string joined;
    for (const toml::node& item : *list) joined += (joined.empty() ? "" : ", ") + text_of(item);
    return joined;
  }
  std::ostringstream text;
  toml::node_view<const toml::node> view(value);
  text << view;
  return text.str();
}

bool holds_tables(const toml::array& list) {
  for (const toml::node& item : list)
    if (item.is_table()) return true;
  return false;
}

void flatten(const toml::node& node, const std::string& path, Options& options) {
  if (const toml::table* table = node.as_table()) {
    for (const auto& [key, value] : *table)
      flatten(value, path.empty() ? std::string(key.str()) : fmt::format("{}.{}", path, key.str()), options);
  } else if (const toml::array* list = node.as_array(); list != nullptr && holds_tables(*list)) {
    for (std::size_t i = 0; i < list->size(); ++i)
      flatten(*list->get(i), fmt::format("{}[{}]", path, i), options);
  } else {
    options.emplace_back(path, text_of(node));
  }
}

}  // namespace

Options options_of_toml(std::string_view text, std::string_view file) {
  try {
    Options options;
    flatten(toml::parse(text, file), "", options);
    return options;
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::kParse, fmt::format("{}:{}:{}: {}", file, error.source().begin.line,
                                               error.source().begin.column, error.description()));
  }
}

}  // namespace octet::lab
