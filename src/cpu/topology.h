// Where the CPUs of this process are -- cores, caches, memory nodes, packages -- and which of them threads
// should be bound to. Read below a root directory that tests can fake, as system_files.h does.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "octet/machine.h"

namespace octet::cpu {

/// One entry each of `cpus`. What is missing or malformed counts as unknown: a CPU is then a core of its own,
/// and all of them share a cache, a node and a package.
std::vector<CpuPlace> read_topology(const std::filesystem::path& root, std::span<const int> cpus);

/// The places in the order in which threads are bound to them: the first CPUs of all cores, then the second
/// ones (a core's hardware threads share its multipliers, so they come last); within that by package, node,
/// cache and core. So threads with neighbouring numbers -- the teams that share an image, a barrier's groups,
/// the arenas behind one another in memory -- are near each other.
std::vector<CpuPlace> placement_of(std::vector<CpuPlace> places);

int count_cores(std::span<const CpuPlace> places);

/// Threads that can run at once: one a core, and no more than the quota keeps busy to the full: with 2.5
/// CPUs' worth of time a third thread would be stopped half of the time, and the others at every barrier with
/// it.
int default_threads(int cores, double cgroup_cpus);

}  // namespace octet::cpu
