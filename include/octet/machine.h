// What this machine is: instruction sets that can be used and why others cannot, caches, CPUs of this
// process, measured peaks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "octet/api.h"
#include "octet/types.h"

namespace octet {

struct IsaStatus {
  Isa isa;
  bool usable = false;
  std::string reason;  ///< why not, e.g. "the CPU lacks avx512_vnni"; empty if usable
};

/// Where a CPU (hardware thread) is. Numbers name: CPUs with the same one are in the same place.
struct CpuPlace {
  int cpu = 0;
  int core = 0;  ///< physical
  int l3 = 0;    ///< cache shared
  int numa_node = 0;
  int package = 0;
  bool operator==(const CpuPlace&) const = default;
};

struct MachineInfo {
  std::string cpu_model;
  std::vector<IsaStatus> isas;  ///< one entry per Isa, rising
  Isa best_isa = Isa::kGeneric;
  bool avx512_bf16 = false;
  std::uint64_t l1d_bytes = 0;  ///< of one core; 0 if unknown
  std::uint64_t l2_bytes = 0;   ///< of one core
  std::uint64_t l3_bytes = 0;   ///< shared
  std::vector<int> cpus;        ///< CPUs of the affinity mask
  /// The same CPUs as threads are bound to them, one after the other: one of each core first, and neighbours
  /// where they share a cache, a NUMA node, a package.
  std::vector<CpuPlace> placement;
  int cores = 1;                   ///< physical ones among them
  double cgroup_cpu_quota = 0;     ///< CPUs' worth of time; 0: no quota
  std::uint64_t memory_bytes = 0;  ///< physical, or the cgroup's limit if lower
  int default_threads = 1;         ///< one a core, and no more than the quota keeps busy
  std::string kernel_release;
};
OCTET_API MachineInfo describe_machine();

/// What a number of threads reach together, each loop by itself. 0: not measured.
struct MachinePeaks {
  double fp32_gflops = 0;       ///< 2 operations a multiply-add, best usable instruction set
  double int8_gops = 0;         ///< u8 x s8 -> s32; 0 where not measured
  double memory_read_gbps = 0;  ///< 1e9 bytes/s from DRAM
  double l2_read_gbps = 0;
  double l1_read_gbps = 0;
  double l3_read_gbps = 0;
  double fp32_outputs_gps = 0;  ///< 1e9 sums/s that get a bias and a ReLU and are stored
  double int8_outputs_gps = 0;  ///< 1e9 sums/s that become bytes: scaled, rounded, clamped, stored
  double bf16_gflops = 0;       ///< BF16 x BF16 -> FP32; 0 where there are no instructions for it
};
/// Measures them now, in about `seconds` each. To read from memory takes several times the last cache's
/// bytes; where that, or what a cache takes, is more than `most_bytes` (0: no limit), the figure stays 0.
OCTET_API MachinePeaks measure_peaks(int threads, Isa isa, double seconds = 0.02,
                                     std::uint64_t most_bytes = 0);
/// The same, measured once in a process for each number of threads, instruction set and limit.
OCTET_API const MachinePeaks& machine_peaks(int threads, Isa isa, std::uint64_t most_bytes = 0);

}  // namespace octet
