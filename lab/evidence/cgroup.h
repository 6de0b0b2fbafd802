// How often the control groups of this process were stopped because their quota of CPU time was spent.
// Version 1 and 2 of cgroups, also in containers that see only their own part of the tree.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace octet::lab {

/// Folders of this process's group and its parents up to the mount, from /proc/self/cgroup and
/// /proc/self/mountinfo under `root`; of the hierarchy that limits CPU time. Throws Error naming the file.
std::vector<std::filesystem::path> cgroup_cpu_folders(const std::filesystem::path& root);

struct Throttling {
  std::int64_t periods = 0;  ///< in which the group was stopped; summed over the groups
  double seconds = 0;
};
/// Counters since the groups were made. A group without counters has no quota. Throws Error.
Throttling read_throttling(const std::vector<std::filesystem::path>& folders);

}  // namespace octet::lab
