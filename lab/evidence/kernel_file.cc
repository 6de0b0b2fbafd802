#include "lab/evidence/kernel_file.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lab/support/text.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} << 20;
constexpr std::int64_t kMaxCpu = 65535;
constexpr std::string_view kBlanks = " \t\r\n";

[[noreturn]] void fail(const std::filesystem::path& file, int error) {
  if (error == ENOENT || error == ENOTDIR)
    throw Error(ErrorCode::kNotFound, fmt::format("{}: no such file", file.string()));
  throw Error(ErrorCode::kIo, fmt::format("{}: cannot be read: {}", file.string(), strerror(error)));
}

/// Closes the file however the reading ends.
class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& file)
      : descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) fail(file, errno);
  }
  ~Descriptor() { ::close(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

template <typename Number>
std::optional<Number> parse_whole(std::string_view text) {
  text = trimmed(text);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string read_kernel_file(const std::filesystem::path& file) {
  const Descriptor descriptor(file);
  std::string text;
  std::array<char, 16384> piece{};
  while (true) {
    const ssize_t got = ::read(descriptor.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(file, errno);
    if (got == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxBytes)
      throw Error(ErrorCode::kParse, fmt::format("{}: expected at most {} bytes", file.string(), kMaxBytes));
  }
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 126; }, '?');
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> fields_of(std::string_view text) {
  std::vector<std::string_view> fields;
  for (std::size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;
       at = text.find_first_not_of(kBlanks)) {
    text.remove_prefix(at);
    const std::string_view field = text.substr(0, text.find_first_of(kBlanks));
    fields.push_back(field);
    text.remove_prefix(field.size());
  }
  return fields;
}

std::optional<std::int64_t> to_integer(std::string_view text) { return parse_whole<std::int64_t>(text); }

std::optional<double> to_number(std::string_view text) { return parse_whole<double>(text); }

std::int64_t integer_in(const std::filesystem::path& file) {
  const std::string text = read_kernel_file(file);
  if (const std::optional<std::int64_t> value = to_integer(text)) return *value;
  throw Error(ErrorCode::kParse,
              fmt::format("{}: expected a number, got '{}'", file.string(), trimmed(text).substr(0, 40)));
}

std::optional<std::string_view> value_of(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with(key) || line.size() == key.size()) continue;
    const std::size_t value = line.find_first_not_of(" \t:", key.size());
    if (value == key.size()) continue;  // a longer key
    return value == std::string_view::npos ? std::string_view{} : trimmed(line.substr(value));
  }
  return std::nullopt;
}

std::vector<int> parse_cpu_list(std::string_view text, const std::string& where) {
  std::vector<int> cpus;
  text = trimmed(text);
  if (text.empty()) return cpus;
  for (const std::string_view range : split(text, ',')) {
    const std::size_t dash = range.find('-');
    const std::optional<std::int64_t> first = to_integer(range.substr(0, dash));
    const std::optional<std::int64_t> last =
        dash == std::string_view::npos ? first : to_integer(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last > kMaxCpu)
      throw Error(ErrorCode::kParse, fmt::format("{}: expected a list of CPUs such as 0-3,8, got '{}'", where,
                                                 text.substr(0, 40)));
    for (std::int64_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<int>(cpu));
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

}  // namespace octet::lab
