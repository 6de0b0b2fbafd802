#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lab/study/config.h"
#include "lab/study/config_keys.h"

namespace octet::lab {
namespace {

/// A basic string of TOML.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      result += fmt::format("\\{}", c);
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      result += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else
      result += c;
  }
  return result + '"';
}

std::string value(const std::string* field) { return quoted(*field); }
std::string value(const std::uint64_t* field) { return fmt::format("{}", *field); }
std::string value(const std::int64_t* field) { return fmt::format("{}", *field); }
std::string value(const int* field) { return fmt::format("{}", *field); }
std::string value(const double* field) {
  const std::string text = fmt::format("{}", *field);  // the shortest that reads back to the same
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}
std::string value(SizeField field) {
  return *field.bytes == 0 ? "\"\"" : fmt::format("\"{}\"", *field.bytes);
}
std::string value(const std::vector<int>* field) { return fmt::format("[{}]", fmt::join(*field, ", ")); }
std::string value(const std::vector<std::string>* field) {
  std::vector<std::string> words;
  for (const std::string& word : *field) words.push_back(quoted(word));
  return fmt::format("[{}]", fmt::join(words, ", "));
}

}  // namespace

std::string write_config(const StudyConfig& config) {
  StudyConfig copy = config;  // the list of keys points into a config that can be changed
  std::string text, section;
  for (const ConfigKey& key : config_keys(copy)) {
    if (key.section != section) {
      if (section.empty())
        for (const NetworkFiles& files : copy.files)
          text += fmt::format("\n[[files]]\nnetwork = {}\nprototxt = {}\nweights = {}\n",
                              quoted(files.network), quoted(files.prototxt), quoted(files.weights));
      section = key.section;
      text += fmt::format("\n[{}]\n", section);
    }
    text += fmt::format("{} = {}\n", key.name,
                        std::visit([](const auto& field) { return value(field); }, key.field));
  }
  return text;
}

}  // namespace octet::lab
