#include "lab/mpi/core_groups.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hwloc.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;
using Group = std::vector<int>;

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

void check_hwloc(int result, const char* what) {
  if (result != 0) throw Error(ErrorCode::kIo, fmt::format("hwloc: {}: {}", what, std::strerror(errno)));
}

struct Destroy {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, Destroy>;

Topology new_topology() {
  hwloc_topology_t topology = nullptr;
  check_hwloc(hwloc_topology_init(&topology), "cannot be set up");
  return Topology(topology);
}

/// CPU numbers of a hwloc set.
std::vector<int> numbers(hwloc_const_bitmap_t set) {
  std::vector<int> cpus;
  for (int cpu = hwloc_bitmap_first(set); cpu >= 0; cpu = hwloc_bitmap_next(set, cpu)) cpus.push_back(cpu);
  return cpus;
}

int numa_node_of(hwloc_topology_t topology, hwloc_obj_t core) {
  hwloc_obj_t node =
      hwloc_get_next_obj_covering_cpuset_by_type(topology, core->cpuset, HWLOC_OBJ_NUMANODE, nullptr);
  return node == nullptr ? 0 : static_cast<int>(node->logical_index);
}

int l3_of(hwloc_topology_t topology, hwloc_obj_t core) {
  hwloc_obj_t cache = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_L3CACHE, core);
  // Without one known, the NUMA node stands for it.
  return cache == nullptr ? numa_node_of(topology, core) : static_cast<int>(cache->logical_index);
}

std::vector<Core> cores_of(hwloc_topology_t topology) {
  std::vector<Core> cores;
  for (hwloc_obj_t core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, nullptr); core != nullptr;
       core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core))
    cores.push_back({numbers(core->cpuset), l3_of(topology, core), numa_node_of(topology, core)});
  if (!cores.empty()) return cores;
  // Some virtual machines show no cores: then each CPU is one.
  for (hwloc_obj_t cpu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, nullptr); cpu != nullptr;
       cpu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, cpu))
    cores.push_back({numbers(cpu->cpuset), l3_of(topology, cpu), numa_node_of(topology, cpu)});
  return cores;
}

/// Up to `groups` groups of `size` neighbouring cores, none of which reaches from one `domain` to another.
template <typename Domain>
std::vector<Group> groups_within(const std::vector<Core>& cores, std::size_t groups, std::size_t size,
                                 const Domain& domain) {
  std::vector<Group> result;
  for (std::size_t first = 0; first + size <= cores.size() && result.size() < groups;) {
    std::size_t end = first;  // of the cores of the same domain
    while (end < first + size && domain(cores[end]) == domain(cores[first])) ++end;
    if (end == first + size) {
      Group& group = result.emplace_back();
      for (std::size_t i = first; i < end; ++i)
        group.insert(group.end(), cores[i].cpus.begin(), cores[i].cpus.end());
      std::sort(group.begin(), group.end());
    }
    first = end;
  }
  return result;
}

bool share_cpu(const std::vector<int>& a, const std::vector<int>& b) {
  return std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end();
}

/// The ranks that divide a mask, and this one's place among them.
struct Sharers {
  int count = 0;
  int place = 0;
  std::vector<int> cpus;
};

Sharers sharers_of(const std::vector<RankMask>& ranks, int rank) {
  const auto own =
      std::find_if(ranks.begin(), ranks.end(), [&](const RankMask& m) { return m.rank == rank; });
  if (own == ranks.end()) throw Error(ErrorCode::kInternal, "a rank that is not of its own machine");
  Sharers sharers;
  sharers.cpus = own->cpus;
  for (const RankMask& other : ranks) {
    if (other.cpus == own->cpus) {
      if (other.rank == rank) sharers.place = sharers.count;
      ++sharers.count;
    } else if (share_cpu(other.cpus, own->cpus)) {
      refuse(fmt::format(
          "ranks {} and {} may use CPUs {} and {}, which overlap without being the same; bind every "
          "rank to its own cores (mpirun --bind-to core --map-by core) or none (--bind-to none)",
          rank, other.rank, fmt::join(own->cpus, ","), fmt::join(other.cpus, ",")));
    }
  }
  return sharers;
}

std::string too_many(int groups, std::size_t cores) {
  return fmt::format(
      "{} ranks, but only {} {} may be used here, and each rank needs one of its own; start at most {}",
      groups, cores, cores == 1 ? "core" : "cores", cores);
}

std::vector<int> threads_of_process() {
  std::vector<int> threads;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc/self/task", error)) {
    const std::string name = entry.path().filename().string();
    int id = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), id).ec == std::errc()) threads.push_back(id);
  }
  if (threads.empty()) threads.push_back(0);  // the calling one
  return threads;
}

/// What every rank says of itself, everywhere.
std::vector<Json> share_with_all(Communicator& world, const Json& mine) {
  std::vector<Json> all;
  for (const std::string& text : gather_everywhere(world, mine.dump())) all.push_back(Json::parse(text));
  return all;
}

/// Throws the first error among `outcomes` (each an object; "error" in it is a message).
void throw_first(const std::vector<Json>& outcomes) {
  for (const Json& outcome : outcomes)
    if (const auto error = outcome.find("error"); error != outcome.end()) refuse(error->get<std::string>());
}

}  // namespace

std::vector<Core> machine_cores() {
  const Topology topology = new_topology();
  check_hwloc(hwloc_topology_load(topology.get()), "cannot read the machine's topology");
  return cores_of(topology.get());
}

std::vector<Core> made_up_cores(const std::string& description) {
  const Topology topology = new_topology();
  check_hwloc(hwloc_topology_set_synthetic(topology.get(), description.c_str()), description.c_str());
  check_hwloc(hwloc_topology_load(topology.get()), description.c_str());
  return cores_of(topology.get());
}

std::vector<Core> within(const std::vector<Core>& cores, const std::vector<int>& cpus) {
  std::vector<Core> rest;
  for (const Core& core : cores) {
    Core kept = core;
    std::erase_if(kept.cpus, [&](int cpu) { return std::find(cpus.begin(), cpus.end(), cpu) == cpus.end(); });
    if (!kept.cpus.empty()) rest.push_back(std::move(kept));
  }
  return rest;
}

std::vector<std::vector<int>> split_cores(const std::vector<Core>& cores, int groups, int size) {
  if (groups < 1) refuse(fmt::format("expected 1 or more ranks, got {}", groups));
  if (static_cast<std::size_t>(groups) > cores.size()) refuse(too_many(groups, cores.size()));
  const std::size_t wanted = static_cast<std::size_t>(groups);
  const std::size_t each = size > 0 ? static_cast<std::size_t>(size) : cores.size() / wanted;
  if (each > cores.size() / wanted)
    refuse(fmt::format("{} devices of {} cores need {} cores, but only {} may be used here", groups, each,
                       wanted * each, cores.size()));
  std::vector<Group> result = groups_within(cores, wanted, each, [](const Core& core) { return core.l3; });
  if (result.size() < wanted)
    result = groups_within(cores, wanted, each, [](const Core& core) { return core.numa; });
  if (result.size() < wanted) result = groups_within(cores, wanted, each, [](const Core&) { return 0; });
  return result;
}

std::vector<int> affinity_cpus() {
  // The kernel wants a set at least as large as its own, whose size it does not tell.
  for (int most = CPU_SETSIZE; most <= 1 << 20; most *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(most),
                                                               [](cpu_set_t* s) { CPU_FREE(s); });
    const std::size_t bytes = CPU_ALLOC_SIZE(most);
    if (::sched_getaffinity(0, bytes, set.get()) != 0) {
      if (errno == EINVAL) continue;
      break;
    }
    std::vector<int> cpus;
    for (int cpu = 0; cpu < most; ++cpu)
      if (CPU_ISSET_S(cpu, bytes, set.get())) cpus.push_back(cpu);
    return cpus;
  }
  throw Error(ErrorCode::kIo, fmt::format("the affinity mask cannot be read: {}", std::strerror(errno)));
}

void bind_process(const std::vector<int>& cpus) {
  if (cpus.empty()) refuse("a process needs at least one CPU");
  const int most = std::max(*std::max_element(cpus.begin(), cpus.end()) + 1, CPU_SETSIZE);
  const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(most),
                                                             [](cpu_set_t* s) { CPU_FREE(s); });
  const std::size_t bytes = CPU_ALLOC_SIZE(most);
  CPU_ZERO_S(bytes, set.get());
  for (const int cpu : cpus) CPU_SET_S(cpu, bytes, set.get());
  for (const int thread : threads_of_process())
    if (::sched_setaffinity(thread, bytes, set.get()) != 0 && errno != ESRCH)
      throw Error(ErrorCode::kIo, fmt::format("this process cannot be bound to CPUs {}: {}",
                                              fmt::join(cpus, ","), std::strerror(errno)));
}

std::vector<int> device_of(const std::vector<Core>& cores, const std::vector<RankMask>& ranks, int rank,
                           int size) {
  const Sharers sharers = sharers_of(ranks, rank);
  return split_cores(within(cores, sharers.cpus), sharers.count,
                     size)[static_cast<std::size_t>(sharers.place)];
}

std::vector<int> bind_to_device(Communicator& world, int size) {
  const std::vector<int> mask = affinity_cpus();
  const std::vector<Core> cores = machine_cores();
  std::vector<RankMask> neighbours;  // ranks of this machine
  for (const Json& one :
       share_with_all(world, {{"rank", world.rank()}, {"host", world.host_leader()}, {"mask", mask}}))
    if (one.at("host") == world.host_leader())
      neighbours.push_back({one.at("rank").get<int>(), one.at("mask").get<std::vector<int>>()});

  const auto attempt = [&](int cores_each) {
    Json outcome;
    try {
      outcome["cpus"] = device_of(cores, neighbours, world.rank(), cores_each);
    } catch (const Error& error) {
      outcome["error"] = fmt::format("{}: {}", world.host(), error.what());
    }
    outcome["host"] = world.host_leader();
    return share_with_all(world, outcome);
  };
  // First as large as every rank could have it, then all as the smallest of these.
  std::vector<Json> devices = attempt(size);
  throw_first(devices);
  if (size == 0) {
    Json mine;
    mine["cores"] =
        within(cores, devices[static_cast<std::size_t>(world.rank())].at("cpus").get<std::vector<int>>())
            .size();
    std::size_t smallest = cores.size();
    for (const Json& one : share_with_all(world, mine))
      smallest = std::min(smallest, one.at("cores").get<std::size_t>());
    devices = attempt(static_cast<int>(smallest));
    throw_first(devices);
  }
  std::set<std::pair<int, int>> given;  // host, CPU
  for (const Json& device : devices)
    for (const Json& cpu : device.at("cpus"))
      if (!given.emplace(device.at("host").get<int>(), cpu.get<int>()).second)
        throw Error(ErrorCode::kInternal, fmt::format("CPU {} was given to two ranks", cpu.get<int>()));
  std::vector<int> own = devices[static_cast<std::size_t>(world.rank())].at("cpus").get<std::vector<int>>();
  bind_process(own);
  return own;
}

}  // namespace octet::lab
