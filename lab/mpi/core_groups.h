// Devices on a CPU: its cores divided into groups of equal size, one a rank, as a GPU is a device to a rank.
//
// Cores are taken in hwloc's order, in which neighbours share the nearest cache; a core's hardware threads
// stay together. Groups lie within one L3 cache if that many of that size do, else within one NUMA node, else
// across (the first of the three that holds them all). Cores that are left over stay idle, so that all
// devices are alike and 1 -> 2 -> ... compares equals; group 0 is what the series' single rank gets.
#pragma once

#include <string>
#include <vector>

#include "lab/mpi/communicator.h"

namespace octet::lab {

/// A core's CPUs (hardware threads), as the system numbers them, and where it is.
struct Core {
  std::vector<int> cpus;
  int l3 = 0;
  int numa = 0;
};

/// Of this machine, in hwloc's order. Throws Error(kIo) if hwloc cannot tell.
std::vector<Core> machine_cores();
/// Of a machine that hwloc makes up: "pack:2 numa:1 l3:1 core:4 pu:2". For tests.
std::vector<Core> made_up_cores(const std::string& description);
/// Only these CPUs; cores that have none left are gone.
std::vector<Core> within(const std::vector<Core>& cores, const std::vector<int>& cpus);

/// CPUs of each of `groups` groups of `size` cores (0: as many as there are for each). Throws
/// Error(kInvalidArgument) for more groups than cores, or groups that do not fit.
std::vector<std::vector<int>> split_cores(const std::vector<Core>& cores, int groups, int size = 0);

/// CPUs that this process may use, rising.
std::vector<int> affinity_cpus();
/// Lets this process, all its threads, use these only. Throws Error(kIo) with the system's reason.
void bind_process(const std::vector<int>& cpus);

/// What a rank may use, as the launcher has left it.
struct RankMask {
  int rank = 0;
  std::vector<int> cpus;
};
/// The device of `rank`, among the ranks of one machine: ranks with the same mask divide it among
/// themselves; masks that share nothing are devices (or are divided) by themselves. `size` as split_cores
/// takes it. Throws Error(kInvalidArgument): masks that overlap without being the same, more ranks than
/// cores; both messages say what to do.
std::vector<int> device_of(const std::vector<Core>& cores, const std::vector<RankMask>& ranks, int rank,
                           int size);

/// Decides on the devices of all ranks together, equal in size over all machines, binds this process to its
/// own and checks that no CPU went to two. `size`: cores a device; 0: as many as the scarcest machine gives.
/// Collective; returns this rank's CPUs. Throws Error as device_of, the same on all ranks.
std::vector<int> bind_to_device(Communicator& world, int size);

}  // namespace octet::lab
