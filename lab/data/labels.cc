#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <optional>
#include <set>
#include <system_error>

#include "lab/data/label_files.h"
#include "lab/support/text.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

// A label file of ImageNet's training set has about 1.3 million lines of 40 bytes.
constexpr std::uintmax_t kMaxListFileBytes = std::uintmax_t{1} << 28;
constexpr std::size_t kSynsetLength = 9;

std::optional<int> parse_int(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

[[noreturn]] void fail_line(const std::filesystem::path& file, const Line& line, std::string_view expected) {
  throw Error(ErrorCode::kParse, fmt::format("{}: {} was expected, '{}' came", at(file, line.number),
                                             expected, line.text.substr(0, 80)));
}

// "path label", the label being what stands after the last blank; a path may have blanks.
std::optional<ListedPicture> parse_listed(const Line& line) {
  const std::size_t blank = line.text.find_last_of(" \t");
  if (blank == std::string::npos) return std::nullopt;
  const std::optional<int> label = parse_int(std::string_view(line.text).substr(blank + 1));
  const std::string_view path = trimmed(std::string_view(line.text).substr(0, blank));
  if (!label || path.empty()) return std::nullopt;
  return ListedPicture{std::string(path), *label, line.number};
}

}  // namespace

std::string at(const std::filesystem::path& file, int line) {
  return fmt::format("{}:{}", file.string(), line);
}

std::vector<Line> read_lines(const std::filesystem::path& file) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no such file", file.string()));
  if (status.type() != std::filesystem::file_type::regular)
    throw Error(ErrorCode::kIo, fmt::format("{}: a text file was expected", file.string()));
  if (std::filesystem::file_size(file, error) > kMaxListFileBytes)
    throw Error(ErrorCode::kParse,
                fmt::format("{}: too large for a list of labels or classes", file.string()));
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(ErrorCode::kIo, fmt::format("{}: cannot be opened", file.string()));
  std::vector<Line> lines;
  int number = 0;
  for (std::string text; std::getline(stream, text);) {
    ++number;
    const std::string_view kept = trimmed(text);
    if (kept.find('\0') != std::string_view::npos)
      throw Error(ErrorCode::kParse,
                  fmt::format("{}: a line of text was expected, a zero byte came", at(file, number)));
    if (!kept.empty()) lines.push_back({number, std::string(kept)});
  }
  if (lines.empty()) throw Error(ErrorCode::kParse, fmt::format("{}: the file has no lines", file.string()));
  return lines;
}

std::string_view leading_synset(std::string_view text) {
  if (text.size() < kSynsetLength || text[0] != 'n') return {};
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string_view digits = text.substr(1, kSynsetLength - 1);
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return {};
  if (text.size() > kSynsetLength && is_digit(text[kSynsetLength])) return {};
  return text.substr(0, kSynsetLength);
}

LabelFormat detect_label_format(const std::filesystem::path& labels) {
  const Line first = read_lines(labels).front();
  if (parse_int(first.text)) return LabelFormat::kDevkit;
  if (parse_listed(first)) return LabelFormat::kCaffeList;
  if (!leading_synset(first.text).empty()) return LabelFormat::kSynsets;
  fail_line(labels, first, "'path label', a synset (n01440764) or a class number");
}

std::vector<ListedPicture> read_caffe_list(const std::filesystem::path& file) {
  std::vector<ListedPicture> pictures;
  for (const Line& line : read_lines(file)) {
    std::optional<ListedPicture> picture = parse_listed(line);
    if (!picture) fail_line(file, line, "'path label'");
    pictures.push_back(std::move(*picture));
  }
  return pictures;
}

std::vector<DevkitNumber> read_devkit_numbers(const std::filesystem::path& file) {
  std::vector<DevkitNumber> numbers;
  for (const Line& line : read_lines(file)) {
    const std::optional<int> number = parse_int(line.text);
    if (!number) fail_line(file, line, "a class number");
    numbers.push_back({*number, line.number});
  }
  return numbers;
}

std::map<int, std::string> read_devkit_map(const std::filesystem::path& file) {
  std::map<int, std::string> synsets;
  std::set<std::string, std::less<>> seen;
  for (const Line& line : read_lines(file)) {
    const std::string_view synset = leading_synset(line.text);
    const std::string_view rest =
        synset.empty() ? "" : trimmed(std::string_view(line.text).substr(kSynsetLength));
    const std::optional<int> number = parse_int(rest.substr(0, rest.find_first_of(" \t")));
    if (!number) fail_line(file, line, "'n02119789 1 name' (synset and class number)");
    if (!seen.emplace(synset).second || !synsets.emplace(*number, synset).second)
      throw Error(ErrorCode::kParse, fmt::format("{}: synset {} or class number {} came before",
                                                 at(file, line.number), synset, *number));
  }
  return synsets;
}

std::map<std::string, int, std::less<>> read_synset_indices(const std::filesystem::path& file) {
  std::map<std::string, int, std::less<>> indices;
  for (const Line& line : read_lines(file)) {
    const std::string_view synset = leading_synset(line.text);
    if (synset.empty()) fail_line(file, line, "a synset (n01440764)");
    const int index = static_cast<int>(indices.size());
    if (!indices.emplace(synset, index).second)
      throw Error(ErrorCode::kParse, fmt::format("{}: synset {} came before", at(file, line.number), synset));
  }
  return indices;
}

std::vector<ClassName> load_class_names(const std::filesystem::path& file) {
  std::vector<ClassName> names;
  std::set<std::string, std::less<>> seen;
  int expected_line = 1;
  for (const Line& line : read_lines(file)) {
    if (line.number != expected_line++)
      throw Error(ErrorCode::kParse,
                  fmt::format("{}: a class was expected, the line is empty", at(file, line.number - 1)));
    const std::string_view synset = leading_synset(line.text);
    if (!synset.empty() && !seen.emplace(synset).second)
      throw Error(ErrorCode::kParse, fmt::format("{}: synset {} came before", at(file, line.number), synset));
    std::string name = line.text.substr(synset.size());
    if (!synset.empty() && name.starts_with('_')) {
      std::replace(name.begin(), name.end(), '_', ' ');
    }
    name = trimmed(name);
    names.push_back({std::string(synset), name.empty() ? std::string(synset) : name});
  }
  return names;
}

}  // namespace octet::lab
