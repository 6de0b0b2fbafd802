// What this machine is, as a bundle says it (`machine` of docs/study-bundle.md): enough to understand a
// figure and to tell two machines apart, and nothing that names its owner: of the host's name there is only a
// hash. Sources besides octet/machine.h: /proc/cpuinfo, /sys/devices/system, /etc/os-release, the CPU's word
// on its hypervisor. What a machine does not tell is left out.
#pragma once

#include <filesystem>
#include <string>

#include "lab/support/json_fwd.h"
#include "octet/machine.h"

namespace octet::lab {

/// "KVM", "Hyper-V", ...: what CPUID says; "unknown hypervisor" for one that has no name; empty on hardware
/// itself and on CPUs without CPUID.
std::string hypervisor_of_cpu();

/// {hostname_hash, cpu_model, cpus, affinity[], cores, sockets, numa_nodes, cpu_flags[], isas[] {isa, usable,
/// reason}, best_isa, l1d_bytes, l2_bytes, l3_bytes, memory_bytes, cgroup_cpu_quota, kernel, os, hypervisor,
/// compiler, frequency_governor, boost, smt, mitigations[], gpus[] {name}}. `cpus` counts those that this
/// process may use and `affinity` lists them; cores, sockets and NUMA nodes are the machine's. Never throws
/// for a file.
Json machine_description(const MachineInfo& machine, const std::filesystem::path& root = "/",
                         const std::string& hypervisor = hypervisor_of_cpu());

}  // namespace octet::lab
