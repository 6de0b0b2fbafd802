// What Linux says about the machine in /proc, /sys and the control groups, read below a root directory that
// tests can fake ("/" for this machine). What is missing or malformed counts as unknown: none of this throws.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace octet::cpu {

/// A file's first line without its end; nothing if it cannot be read.
std::optional<std::string> read_line(const std::filesystem::path& path);

/// "0-3,8,10-11" -> 0 1 2 3 8 10 11; empty if malformed.
std::vector<int> parse_cpu_list(std::string_view text);

/// Bytes, of CPU `cpu`; 0 if unknown.
struct CacheSizes {
  std::uint64_t l1d = 0, l2 = 0, l3 = 0;
};
CacheSizes read_cache_sizes(const std::filesystem::path& root, int cpu);

/// "model name" of /proc/cpuinfo; empty if it has none.
std::string read_cpu_model(const std::filesystem::path& root);

/// Physical memory in bytes; 0 if unknown.
std::uint64_t read_physical_memory(const std::filesystem::path& root);

/// The lowest limits on the way from this process's control group up to the root, versions 1 and 2.
struct CgroupLimits {
  double cpus = 0;           // CPUs' worth of time; 0: no limit
  std::uint64_t memory = 0;  // bytes; 0: no limit
};
CgroupLimits read_cgroup_limits(const std::filesystem::path& root);

}  // namespace octet::cpu
