#include "cpu/system_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>

namespace octet::cpu {
namespace {

namespace fs = std::filesystem;

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

/// "32K", "1024K", "8M" as sysfs writes cache sizes.
std::uint64_t parse_cache_size(std::string_view text) {
  std::uint64_t unit = 1;
  if (!text.empty() && (text.back() == 'K' || text.back() == 'M' || text.back() == 'G')) {
    unit = text.back() == 'K' ? 1u << 10 : text.back() == 'M' ? 1u << 20 : 1u << 30;
    text.remove_suffix(1);
  }
  const auto value = parse_number<std::uint32_t>(text);
  return value ? *value * unit : 0;
}

/// The value behind "key :" in a file of such lines.
std::optional<std::string> find_value(const fs::path& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string_view name(line.data(), colon);
    while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
    if (name != key) continue;
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return std::nullopt;
}

/// Lower of two limits of which 0 means none.
template <typename T>
void lower(T& limit, T candidate) {
  if (candidate > 0 && (limit == 0 || candidate < limit)) limit = candidate;
}

double quota_of(std::optional<double> quota, std::optional<double> period) {
  return quota && period && *quota > 0 && *period > 0 ? *quota / *period : 0;
}

void read_version_2(const fs::path& group, CgroupLimits& limits) {
  if (const auto line = read_line(group / "cpu.max")) {  // "150000 100000" or "max 100000"
    const std::vector<std::string> parts = split(*line, ' ');
    if (parts.size() == 2)
      lower(limits.cpus, quota_of(parse_number<double>(parts[0]), parse_number<double>(parts[1])));
  }
  if (const auto line = read_line(group / "memory.max")) {  // bytes or "max"
    lower(limits.memory, parse_number<std::uint64_t>(*line).value_or(0));
  }
}

void read_version_1_cpu(const fs::path& group, CgroupLimits& limits) {
  const auto quota = read_line(group / "cpu.cfs_quota_us");  // -1: none
  const auto period = read_line(group / "cpu.cfs_period_us");
  if (quota && period)
    lower(limits.cpus, quota_of(parse_number<double>(*quota), parse_number<double>(*period)));
}

void read_version_1_memory(const fs::path& group, CgroupLimits& limits) {
  const auto line = read_line(group / "memory.limit_in_bytes");
  const auto bytes = line ? parse_number<std::uint64_t>(*line) : std::nullopt;
  // "No limit" is the largest multiple of a page that fits 63 bits.
  if (bytes && *bytes < std::uint64_t{1} << 62) lower(limits.memory, *bytes);
}

/// Calls read(mount / group) for the group and each of its parents. A container often sees its own group as
/// the mount's root while /proc names the host's path; directories that are not there have no files to read.
template <typename Read>
void climb(const fs::path& mount, const std::string& group, Read&& read) {
  fs::path path = fs::path(group).lexically_normal().relative_path();
  while (!path.empty()) {
    if (path.begin()->string() != "..") read(mount / path);
    path = path.parent_path();
  }
  read(mount);
}

}  // namespace

std::optional<std::string> read_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

std::vector<int> parse_cpu_list(std::string_view text) {
  constexpr int kMaxCpus = 1 << 16;
  std::vector<int> cpus;
  for (const std::string& range : split(std::string(text), ',')) {
    const std::size_t dash = range.find('-');
    const auto first = parse_number<int>(std::string_view(range).substr(0, dash));
    const auto last =
        dash == std::string::npos ? first : parse_number<int>(std::string_view(range).substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last >= kMaxCpus) return {};
    for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

CacheSizes read_cache_sizes(const fs::path& root, int cpu) {
  CacheSizes sizes;
  const fs::path caches = root / fmt::format("sys/devices/system/cpu/cpu{}/cache", cpu);
  for (int index = 0;; ++index) {
    const fs::path cache = caches / fmt::format("index{}", index);
    const auto level = read_line(cache / "level"), type = read_line(cache / "type"),
               size = read_line(cache / "size");
    if (!level || !type || !size) return sizes;
    if (*type == "Instruction") continue;
    const std::uint64_t bytes = parse_cache_size(*size);
    if (*level == "1") sizes.l1d = bytes;
    if (*level == "2") sizes.l2 = bytes;
    if (*level == "3") sizes.l3 = bytes;
  }
}

std::string read_cpu_model(const fs::path& root) {
  return find_value(root / "proc/cpuinfo", "model name").value_or("");
}

std::uint64_t read_physical_memory(const fs::path& root) {
  const auto text = find_value(root / "proc/meminfo", "MemTotal");  // "24576000 kB"
  if (!text) return 0;
  return parse_number<std::uint64_t>(std::string_view(*text).substr(0, text->find(' '))).value_or(0) * 1024;
}

CgroupLimits read_cgroup_limits(const fs::path& root) {
  CgroupLimits limits;
  const fs::path mounts = root / "sys/fs/cgroup";
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // "hierarchy:controllers:group"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      climb(mounts, group, [&](const fs::path& path) { read_version_2(path, limits); });
      continue;
    }
    for (const std::string& controller : split(controllers, ',')) {
      if (controller != "cpu" && controller != "memory") continue;
      // Mounted under the controllers' joint name, under each one's own, or both.
      for (const std::string& mount : {controllers, controller}) {
        climb(mounts / mount, group, [&](const fs::path& path) {
          controller == "cpu" ? read_version_1_cpu(path, limits) : read_version_1_memory(path, limits);
        });
      }
    }
  }
  return limits;
}

}  // namespace octet::cpu
