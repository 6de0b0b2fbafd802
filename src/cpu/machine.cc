// describe_machine(): the pieces of this folder put together, for the root of the real file system.
#include "octet/machine.h"

#include <sched.h>
#include <sys/utsname.h>

#include <thread>

#include "cpu/features.h"
#include "cpu/system_files.h"
#include "cpu/topology.h"

namespace octet {
namespace {

/// The CPUs that this process may run on. The mask grows until the kernel's fits.
std::vector<int> affinity_cpus() {
  std::vector<int> cpus;
  for (int capacity = 1024; capacity <= 1 << 16; capacity *= 2) {
    cpu_set_t* mask = CPU_ALLOC(static_cast<std::size_t>(capacity));
    if (mask == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(capacity));
    const bool fits = sched_getaffinity(0, bytes, mask) == 0;
    for (int cpu = 0; fits && cpu < capacity; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, mask)) cpus.push_back(cpu);
    }
    CPU_FREE(mask);
    if (fits) break;
  }
  if (cpus.empty()) {
    for (unsigned cpu = 0; cpu < std::max(1u, std::thread::hardware_concurrency()); ++cpu) {
      cpus.push_back(static_cast<int>(cpu));
    }
  }
  return cpus;
}

}  // namespace

MachineInfo describe_machine() {
  const std::filesystem::path root = "/";
  MachineInfo info;
  info.cpu_model = cpu::read_cpu_model(root);
  info.isas = cpu::usable_isas(cpu::detect_features());
  info.best_isa = cpu::best_isa(info.isas);
  info.avx512_bf16 = info.best_isa >= Isa::kAvx512 && cpu::detect_features().avx512_bf16;
  info.cpus = affinity_cpus();

  const cpu::CacheSizes caches = cpu::read_cache_sizes(root, info.cpus.front());
  info.l1d_bytes = caches.l1d;
  info.l2_bytes = caches.l2;
  info.l3_bytes = caches.l3;

  const cpu::CgroupLimits limits = cpu::read_cgroup_limits(root);
  info.cgroup_cpu_quota = limits.cpus;
  info.placement = cpu::placement_of(cpu::read_topology(root, info.cpus));
  info.cores = cpu::count_cores(info.placement);
  info.default_threads = cpu::default_threads(info.cores, limits.cpus);
  info.memory_bytes = cpu::read_physical_memory(root);
  if (limits.memory > 0 && (info.memory_bytes == 0 || limits.memory < info.memory_bytes)) {
    info.memory_bytes = limits.memory;
  }

  utsname system{};
  if (uname(&system) == 0) info.kernel_release = system.release;
  return info;
}

}  // namespace octet
