#include "cpu/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "cpu/system_files.h"

namespace octet::cpu {
namespace {

namespace fs = std::filesystem;

/// The numbers in a file; none if it cannot be read.
std::vector<int> read_list(const fs::path& path) { return parse_cpu_list(read_line(path).value_or("")); }

/// The first of them stands for what a list of CPUs shares; `unknown` where there is no list.
int first_of(const fs::path& path, int unknown) {
  const std::vector<int> numbers = read_list(path);
  return numbers.empty() ? unknown : numbers.front();
}

int l3_of(const fs::path& cpu) {
  for (int index = 0;; ++index) {
    const fs::path cache = cpu / "cache" / fmt::format("index{}", index);
    const std::optional<std::string> level = read_line(cache / "level");
    if (!level) return 0;
    if (*level == "3") return first_of(cache / "shared_cpu_list", 0);
  }
}

/// CPU -> node; nodes without CPUs (memory only) have none.
std::map<int, int> read_nodes(const fs::path& root) {
  std::map<int, int> nodes;
  const fs::path folder = root / "sys/devices/system/node";
  for (const int node : read_list(folder / "online")) {
    for (const int cpu : read_list(folder / fmt::format("node{}", node) / "cpulist")) nodes[cpu] = node;
  }
  return nodes;
}

}  // namespace

std::vector<CpuPlace> read_topology(const fs::path& root, std::span<const int> cpus) {
  const std::map<int, int> nodes = read_nodes(root);
  std::vector<CpuPlace> places;
  for (const int cpu : cpus) {
    const fs::path folder = root / fmt::format("sys/devices/system/cpu/cpu{}", cpu);
    CpuPlace place;
    place.cpu = cpu;
    place.core = first_of(folder / "topology/thread_siblings_list", cpu);
    place.l3 = l3_of(folder);
    const auto node = nodes.find(cpu);
    place.numa_node = node == nodes.end() ? 0 : node->second;
    place.package = first_of(folder / "topology/physical_package_id", 0);
    places.push_back(place);
  }
  return places;
}

std::vector<CpuPlace> placement_of(std::vector<CpuPlace> places) {
  std::sort(places.begin(), places.end(), [](const CpuPlace& a, const CpuPlace& b) { return a.cpu < b.cpu; });
  std::map<int, int> seen;  // of each core
  std::map<int, int> rank;  // of a CPU among its core's
  for (const CpuPlace& place : places) rank[place.cpu] = seen[place.core]++;
  const auto key = [&](const CpuPlace& place) {
    return std::tuple(rank[place.cpu], place.package, place.numa_node, place.l3, place.core, place.cpu);
  };
  std::sort(places.begin(), places.end(),
            [&](const CpuPlace& a, const CpuPlace& b) { return key(a) < key(b); });
  return places;
}

int count_cores(std::span<const CpuPlace> places) {
  std::set<int> cores;
  for (const CpuPlace& place : places) cores.insert(place.core);
  return static_cast<int>(cores.size());
}

int default_threads(int cores, double cgroup_cpus) {
  const int at_once = std::max(1, cores);
  if (!(cgroup_cpus > 0)) return at_once;
  return std::clamp(static_cast<int>(std::min(std::floor(cgroup_cpus), 65536.0)), 1, at_once);
}

}  // namespace octet::cpu
