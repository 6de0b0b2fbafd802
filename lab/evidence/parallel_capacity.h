// What several CPUs deliver together, against what each delivers while the others rest. A hypervisor may run
// two virtual CPUs on the two hardware threads of one core; then each is as fast as ever alone, its clock
// rate is the usual one, no time is stolen, and both together are worth little more than one. So threads
// bound to one CPU each run the same additions, as many at a time as a core can do, first on one CPU, then on
// all.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

namespace octet::lab {

/// Of `cpus`, those whose speeds can be compared: one of each core that /sys under `root` shows, all of the
/// fastest kind where cores are of several kinds, at most 16 (more would spend a cgroup's quota of CPU time).
std::vector<int> comparable_cpus(const std::filesystem::path& root, std::span<const int> cpus);

/// Mean rate of `cpus` working together, 1 being the fastest that one of them was seen to be: 1 for cores of
/// their own, less the turbo that busy neighbours cost and what a host's other guests take; 0.5 for two
/// hardware threads of one core, whose adders they share. Takes 2 ms and changes nothing outside: only
/// threads of its own are bound. Throws Error where a thread cannot be made or bound, or where a CPU is so
/// busy with other work that it does not begin within 5 ms.
double measure_parallel_capacity(std::span<const int> cpus);

}  // namespace octet::lab
