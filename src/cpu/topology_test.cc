// Which CPUs threads are bound to, on machines made of files.
#include "cpu/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/support/temporary_directory.h"

namespace octet::cpu {
namespace {

using testing::ElementsAre;

/// `packages` x `nodes` x `l3s` x `cores` x `threads`, each within the one before it, numbered as servers do:
/// the first hardware threads of all cores, then the second ones.
class FakeMachine {
 public:
  FakeMachine(int packages, int nodes, int l3s, int cores, int threads) {
    const int all_cores = packages * nodes * l3s * cores;
    for (int core = 0; core < all_cores; ++core) {
      std::string siblings;
      for (int thread = 0; thread < threads; ++thread)
        siblings += (thread > 0 ? "," : "") + std::to_string(core + thread * all_cores);
      const int l3 = core / cores;
      std::string sharers;
      for (int thread = 0; thread < threads; ++thread)
        sharers += (thread > 0 ? "," : "") + range(l3 * cores + thread * all_cores, cores);
      for (int thread = 0; thread < threads; ++thread) {
        const std::string cpu = "sys/devices/system/cpu/cpu" + std::to_string(core + thread * all_cores);
        write(cpu + "/topology/thread_siblings_list", siblings);
        write(cpu + "/topology/physical_package_id", std::to_string(l3 / l3s / nodes));
        write(cpu + "/cache/index0/level", "1");
        write(cpu + "/cache/index1/level", "3");
        write(cpu + "/cache/index1/shared_cpu_list", sharers);
      }
    }
    const int of_node = l3s * cores;
    write("sys/devices/system/node/online", "0-" + std::to_string(packages * nodes - 1));
    for (int node = 0; node < packages * nodes; ++node) {
      std::string cpus;
      for (int thread = 0; thread < threads; ++thread)
        cpus += (thread > 0 ? "," : "") + range(node * of_node + thread * all_cores, of_node);
      write("sys/devices/system/node/node" + std::to_string(node) + "/cpulist", cpus);
    }
  }

  std::vector<int> placement(const std::vector<int>& mask) const {
    std::vector<int> cpus;
    for (const CpuPlace& place : placement_of(read_topology(directory_.path(), mask)))
      cpus.push_back(place.cpu);
    return cpus;
  }
  int cores(const std::vector<int>& mask) const {
    return count_cores(read_topology(directory_.path(), mask));
  }
  const std::filesystem::path& root() const { return directory_.path(); }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = directory_.path() / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }

 private:
  static std::string range(int first, int count) {
    return std::to_string(first) + "-" + std::to_string(first + count - 1);
  }
  test::TemporaryDirectory directory_;
};

std::vector<int> first_cpus(int count) {
  std::vector<int> cpus;
  for (int cpu = 0; cpu < count; ++cpu) cpus.push_back(cpu);
  return cpus;
}

TEST(Topology, IsReadForEachCpu) {
  const FakeMachine machine(2, 2, 2, 2, 2);  // 16 cores, 32 CPUs
  EXPECT_THAT(read_topology(machine.root(), std::vector<int>{5, 21, 14}),
              ElementsAre(CpuPlace{5, 5, 4, 1, 0}, CpuPlace{21, 5, 4, 1, 0}, CpuPlace{14, 14, 14, 3, 1}));
  EXPECT_EQ(machine.cores(first_cpus(32)), 16);
}

TEST(Topology, WhatIsUnknownIsACoreOfItsOwnInOnePlace) {
  const test::TemporaryDirectory empty;
  EXPECT_THAT(read_topology(empty.path(), std::vector<int>{3, 7}),
              ElementsAre(CpuPlace{3, 3, 0, 0, 0}, CpuPlace{7, 7, 0, 0, 0}));
}

TEST(Topology, MalformedFilesCountAsUnknown) {
  const FakeMachine machine(1, 1, 1, 2, 1);
  machine.write("sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "both");
  machine.write("sys/devices/system/cpu/cpu1/topology/physical_package_id", "-1");
  machine.write("sys/devices/system/cpu/cpu1/cache/index1/shared_cpu_list", "1-0");
  machine.write("sys/devices/system/node/node0/cpulist", "");
  EXPECT_THAT(read_topology(machine.root(), std::vector<int>{1}), ElementsAre(CpuPlace{1, 1, 0, 0, 0}));
}

TEST(Placement, TakesOneCpuOfEachCoreBeforeTheSecondOnes) {
  const FakeMachine machine(1, 1, 1, 4, 2);
  EXPECT_THAT(machine.placement(first_cpus(8)), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  // Only hardware threads of two cores are allowed: each core once, then each once more.
  EXPECT_THAT(machine.placement({1, 3, 5, 7}), ElementsAre(1, 3, 5, 7));
  EXPECT_THAT(machine.placement({5, 1, 6}), ElementsAre(1, 6, 5));
}

TEST(Placement, DoesNotTrustTheNumbersOfCpus) {
  // As desktops number them: a core's two hardware threads one after the other.
  const FakeMachine machine(1, 1, 1, 4, 1);
  for (int cpu = 0; cpu < 4; ++cpu)
    machine.write("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
                  cpu < 2 ? "0-1" : "2-3");
  EXPECT_THAT(machine.placement(first_cpus(4)), ElementsAre(0, 2, 1, 3));
  EXPECT_EQ(machine.cores(first_cpus(4)), 2);
}

TEST(Placement, KeepsNeighboursOnOneCacheNodeAndPackage) {
  const FakeMachine machine(2, 2, 2, 2, 1);
  // Node 0 of each package first in the mask's order: the placement still goes package by package.
  machine.write("sys/devices/system/node/node0/cpulist", "0-1,4-5");
  machine.write("sys/devices/system/node/node1/cpulist", "2-3,6-7");
  EXPECT_THAT(machine.placement(first_cpus(16)),
              ElementsAre(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

TEST(Placement, OfTwoPackagesOf64CoresHasEveryCpuOnceAndOneNodeAtATime) {
  const FakeMachine machine(2, 4, 2, 8, 2);
  const std::vector<CpuPlace> places = placement_of(read_topology(machine.root(), first_cpus(256)));
  ASSERT_EQ(places.size(), 256u);
  int changes = 0;
  for (std::size_t i = 1; i < 128; ++i) changes += places[i].numa_node != places[i - 1].numa_node;
  EXPECT_EQ(changes, 7);
  EXPECT_EQ(count_cores(std::span(places).first(128)), 128);
  EXPECT_EQ(count_cores(places), 128);
}

TEST(DefaultThreads, AreOneACoreAndWhatTheQuotaKeepsBusyToTheFull) {
  EXPECT_EQ(default_threads(8, 0), 8);
  EXPECT_EQ(default_threads(8, 2.5), 2);
  EXPECT_EQ(default_threads(8, 2), 2);
  EXPECT_EQ(default_threads(8, 0.1), 1);
  EXPECT_EQ(default_threads(2, 64), 2);
  EXPECT_EQ(default_threads(0, 0), 1);
  EXPECT_EQ(default_threads(4, 1e300), 4);
}

}  // namespace
}  // namespace octet::cpu
