#include "lab/study/config.h"

#define TOML_HEADER_ONLY 1
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "lab/study/config_keys.h"
#include "lab/support/files.h"
#include "lab/support/suggest.h"
#include "octet/error.h"
#include "octet/types.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

constexpr std::uintmax_t kMaxConfigBytes = 1 << 20;
constexpr std::size_t kMaxListEntries = 1000;
constexpr const char* kNameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

const char* type_name(toml::node_type type) {
  switch (type) {
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number with a decimal point";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date or time";
  }
}

/// Fills a config from a parsed file; knows where everything stood, for messages.
class Reader {
 public:
  Reader(StudyConfig& config, std::string file, fs::path folder)
      : config_(config), file_(std::move(file)), folder_(std::move(folder)) {}

  void read(const toml::table& root) {
    read_files(root);
    const std::vector<ConfigKey> keys = config_keys(config_);
    for (const auto& [name, node] : root) {
      const std::string_view word = name.str();
      if (word == "files") continue;
      if (is_section(keys, word))
        read_section(keys, std::string(word), node);
      else
        read_key(keys, "", name, node);
    }
  }

 private:
  [[noreturn]] void fail(const toml::source_region& source, const std::string& message) const {
    throw Error(ErrorCode::kParse,
                fmt::format("{}:{}:{}: {}", file_, source.begin.line, source.begin.column, message));
  }
  [[noreturn]] void fail_type(const toml::node& node, const std::string& key, const char* expected) const {
    fail(node.source(), fmt::format("{}: expected {}, got {}", key, expected, type_name(node.type())));
  }

  static bool is_section(const std::vector<ConfigKey>& keys, std::string_view word) {
    return std::any_of(keys.begin(), keys.end(), [&](const ConfigKey& key) { return key.section == word; });
  }

  std::string path(const std::string& text) const {
    if (text.empty()) return text;
    return fs::absolute(folder_ / text).lexically_normal().string();
  }

  void read_files(const toml::table& root) {
    const toml::node* files = root.get("files");
    if (files == nullptr) return;
    if (files->type() != toml::node_type::array) fail_type(*files, "files", "tables written as [[files]]");
    config_.files.clear();
    for (const toml::node& entry : *files->as_array()) {
      const toml::table* table = entry.as_table();
      if (table == nullptr) fail_type(entry, "files", "tables written as [[files]]");
      NetworkFiles read;
      for (const auto& [name, node] : *table) {
        std::string* field = name.str() == "network"    ? &read.network
                             : name.str() == "prototxt" ? &read.prototxt
                             : name.str() == "weights"  ? &read.weights
                                                        : nullptr;
        if (field == nullptr)
          fail(name.source(), fmt::format("unknown key '{}' in [[files]]{}", name.str(),
                                          did_you_mean(name.str(), std::vector<std::string>{
                                                                       "network", "prototxt", "weights"})));
        *field = text(node, fmt::format("files.{}", name.str()));
      }
      if (read.network.empty() || read.prototxt.empty())
        fail(entry.source(), "[[files]]: expected the keys network and prototxt");
      if (read.network.find_first_not_of(kNameLetters) != std::string::npos)
        fail(entry.source(), fmt::format("[[files]]: network '{}': expected letters, digits, - . and _ "
                                         "only, as records are named after it",
                                         read.network));
      if (config_.find_files(read.network) != nullptr)
        fail(entry.source(), fmt::format("[[files]]: network '{}' stands twice", read.network));
      read.prototxt = path(read.prototxt);
      read.weights = path(read.weights);
      config_.files.push_back(std::move(read));
    }
  }

  void read_section(const std::vector<ConfigKey>& keys, const std::string& section, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) fail_type(node, section, "a table");
    for (const auto& [name, value] : *table) read_key(keys, section, name, value);
  }

  void read_key(const std::vector<ConfigKey>& keys, const std::string& section, const toml::key& name,
                const toml::node& node) {
    for (const ConfigKey& key : keys) {
      if (key.section != section || key.name != name.str()) continue;
      const std::string full = section.empty() ? key.name : section + "." + key.name;
      std::visit([&](auto field) { set(key, full, node, field); }, key.field);
      return;
    }
    fail(name.source(), unknown(keys, section, std::string(name.str())));
  }

  static std::string unknown(const std::vector<ConfigKey>& keys, const std::string& section,
                             const std::string& name) {
    std::vector<std::string> known;
    for (const ConfigKey& key : keys) {
      if (key.section == section) known.push_back(key.name);
      if (section.empty() && std::find(known.begin(), known.end(), key.section) == known.end() &&
          !key.section.empty())
        known.push_back(key.section);
    }
    if (section.empty()) known.emplace_back("files");
    return fmt::format("unknown key '{}'{}{}", name, section.empty() ? "" : fmt::format(" in [{}]", section),
                       did_you_mean(name, known));
  }

  std::string text(const toml::node& node, const std::string& name) const {
    const auto* string = node.as_string();
    if (string == nullptr) fail_type(node, name, "a string");
    return string->get();
  }

  std::string word(const ConfigKey& key, const std::string& name, const toml::node& node) const {
    std::string read = text(node, name);
    if (key.words == Words::kPath) return path(read);
    if (key.words == Words::kNonEmpty && read.empty())
      fail(node.source(), fmt::format("{}: expected a name, got nothing", name));
    const std::vector<std::string> allowed = allowed_words(key.words, config_);
    if (allowed.empty() || std::find(allowed.begin(), allowed.end(), read) != allowed.end()) return read;
    fail(node.source(), fmt::format("{}: unknown word '{}'{}", name, read, did_you_mean(read, allowed)));
  }

  /// Whole numbers serve as numbers with a point, not the other way round.
  double number(const ConfigKey& key, const std::string& name, const toml::node& node, bool whole) const {
    double value = 0;
    if (const auto* integer = node.as_integer())
      value = static_cast<double>(integer->get());
    else if (const auto* real = node.as_floating_point(); real != nullptr && !whole)
      value = real->get();
    else
      fail_type(node, name, whole ? "a whole number" : "a number");
    if (!(value >= key.low && value <= key.high))  // NaN too
      fail(node.source(), fmt::format("{}: expected {} to {}, got {}", name, key.low, key.high, value));
    return value;
  }

  const toml::array& list(const std::string& name, const toml::node& node) const {
    const toml::array* array = node.as_array();
    if (array == nullptr) fail_type(node, name, "a list");
    if (array->size() > kMaxListEntries)
      fail(node.source(),
           fmt::format("{}: expected at most {} entries, got {}", name, kMaxListEntries, array->size()));
    return *array;
  }

  void set(const ConfigKey& key, const std::string& name, const toml::node& node, std::string* field) const {
    *field = word(key, name, node);
  }
  template <typename Number>
  requires std::is_arithmetic_v<Number>
  void set(const ConfigKey& key, const std::string& name, const toml::node& node, Number* field) const {
    *field = static_cast<Number>(number(key, name, node, std::is_integral_v<Number>));
  }
  void set(const ConfigKey&, const std::string& name, const toml::node& node, SizeField field) const {
    const std::string size = text(node, name);
    try {
      *field.bytes = size.empty() ? 0 : parse_size(size);
    } catch (const Error& error) {
      fail(node.source(), fmt::format("{}: {}", name, error.what()));
    }
  }
  template <typename Entry>
  void set(const ConfigKey& key, const std::string& name, const toml::node& node,
           std::vector<Entry>* field) const {
    std::vector<Entry> read;
    for (const toml::node& entry : list(name, node)) {
      Entry value{};
      if constexpr (std::is_integral_v<Entry>)
        value = static_cast<Entry>(number(key, name, entry, true));
      else
        value = word(key, name, entry);
      if (std::find(read.begin(), read.end(), value) != read.end())
        fail(entry.source(), fmt::format("{}: {} stands twice", name, value));
      read.push_back(std::move(value));
    }
    *field = std::move(read);
  }

  StudyConfig& config_;
  std::string file_;
  fs::path folder_;
};

StudyConfig read_onto(StudyConfig config, std::string_view text, const std::string& name,
                      const fs::path& folder) {
  try {
    Reader(config, name, folder).read(toml::parse(text, name));
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::kParse, fmt::format("{}:{}:{}: {}", name, error.source().begin.line,
                                               error.source().begin.column, error.description()));
  }
  return config;
}

}  // namespace

const NetworkFiles* StudyConfig::find_files(std::string_view network) const {
  for (const NetworkFiles& entry : files)
    if (entry.network == network) return &entry;
  return nullptr;
}

StudyConfig quick_config() { return read_onto({}, quick_config_text(), "study-quick.toml", "."); }
StudyConfig full_config() { return read_onto({}, full_config_text(), "study-full.toml", "."); }

StudyConfig parse_config(std::string_view text, const std::string& name, const fs::path& folder) {
  StudyConfig defaults = quick_config();
  defaults.name = "study";
  defaults.mode = "custom";
  return read_onto(std::move(defaults), text, name, folder);
}

StudyConfig load_config(const fs::path& file) {
  return parse_config(read_file(file, kMaxConfigBytes), file.string(), file.parent_path());
}

StudyConfig load_bundle_config(const fs::path& bundle) {
  return parse_config(read_file_inside(bundle, "study.toml", kMaxConfigBytes),
                      (bundle / "study.toml").string(), bundle);
}

void check(const StudyConfig& config) {
  const bool own_pictures = !config.accuracy.images.empty();
  if (own_pictures && !fs::is_directory(config.accuracy.images))
    throw Error(ErrorCode::kNotFound,
                fmt::format("accuracy.images: {}: no such folder", config.accuracy.images));
  for (const std::string& network : config.accuracy.networks) {
    if (network == "octet-20") continue;
    const NetworkFiles* files = config.find_files(network);
    if (files == nullptr || files->weights.empty())
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("accuracy.networks: '{}' has no trained weights, so its accuracy says nothing; "
                              "give its files in [[files]]",
                              network));
    if (!own_pictures)
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("accuracy.networks: '{}' needs pictures; give their folder in accuracy.images",
                              network));
  }
  for (const NetworkFiles& files : config.files)
    for (const std::string& file : {files.prototxt, files.weights})
      if (!file.empty() && !fs::exists(file))
        throw Error(ErrorCode::kNotFound,
                    fmt::format("files: network '{}': {}: no such file", files.network, file));
  const auto need = [](bool there, const char* what) {
    if (!there)
      throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: expected at least one, got none", what));
  };
  const StudyConfig::Throughput& throughput = config.throughput;
  if (!throughput.networks.empty()) {
    need(!throughput.precisions.empty(), "throughput.precisions");
    need(!throughput.engines.empty(), "throughput.engines");
    need(!throughput.batches.empty(), "throughput.batches");
  }
  if (!config.ladder.networks.empty()) need(!config.ladder.precisions.empty(), "ladder.precisions");
  if (!config.server.networks.empty()) need(!config.server.precisions.empty(), "server.precisions");
  if (!config.scaling.networks.empty()) {
    need(!config.scaling.precisions.empty(), "scaling.precisions");
    need(!config.scaling.ranks.empty(), "scaling.ranks");
  }
  if (!config.accuracy.networks.empty()) need(!config.accuracy.precisions.empty(), "accuracy.precisions");
  if (!config.layers.networks.empty()) need(!config.layers.precisions.empty(), "layers.precisions");
}

void keep_networks(StudyConfig& config, const std::vector<std::string>& networks) {
  const std::vector<std::string> known = allowed_words(Words::kNetwork, config);
  for (const std::string& network : networks)
    if (std::find(known.begin(), known.end(), network) == known.end())
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--networks: unknown network '{}'{}", network, did_you_mean(network, known)));
  for (ConfigKey& key : config_keys(config)) {
    if (key.words != Words::kNetwork) continue;
    std::erase_if(*std::get<std::vector<std::string>*>(key.field), [&](const std::string& network) {
      return std::find(networks.begin(), networks.end(), network) == networks.end();
    });
  }
  config.throughput.networks = networks;
}

}  // namespace octet::lab
