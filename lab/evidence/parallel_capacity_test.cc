#include "lab/evidence/parallel_capacity.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <numeric>

#include "octet/error.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ComparableCpus : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((directory_.path() / file).parent_path());
    directory_.write(file, text);
  }
  void siblings(int cpu, const std::string& list) {
    write(fmt::format("sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu), list + "\n");
  }
  std::vector<int> of(const std::vector<int>& cpus) { return comparable_cpus(directory_.path(), cpus); }

 private:
  test::TemporaryDirectory directory_;
};

TEST_F(ComparableCpus, AreAllWhereTheSystemTellsNothing) {
  EXPECT_THAT(of({0, 1, 5}), ElementsAre(0, 1, 5));
  siblings(0, "garbage");
  EXPECT_THAT(of({0, 1, 5}), ElementsAre(0, 1, 5));
  EXPECT_THAT(of({}), ElementsAre());
}

TEST_F(ComparableCpus, AreOneOfEachCore) {
  for (const int cpu : {0, 2}) siblings(cpu, "0,2");
  for (const int cpu : {1, 3}) siblings(cpu, "1,3");
  EXPECT_THAT(of({0, 1, 2, 3}), ElementsAre(0, 1));
  EXPECT_THAT(of({1, 2, 3}), ElementsAre(1, 2));
  EXPECT_THAT(of({0, 2}), ElementsAre(0));
}

TEST_F(ComparableCpus, AreOfTheFastestKind) {
  for (const int cpu : {0, 1, 2}) write(fmt::format("sys/devices/system/cpu/cpu{}/cpu_capacity", cpu), "446");
  for (const int cpu : {3, 4}) write(fmt::format("sys/devices/system/cpu/cpu{}/cpu_capacity", cpu), "1024");
  EXPECT_THAT(of({0, 1, 2, 3, 4}), ElementsAre(3, 4));
  EXPECT_THAT(of({0, 1}), ElementsAre(0, 1));
  write("sys/devices/cpu_core/cpus", "0-1\n");
  EXPECT_THAT(of({0, 1, 2}), ElementsAre(0, 1));
}

TEST_F(ComparableCpus, AreNotMoreThanSixteen) {
  std::vector<int> many(200);
  std::iota(many.begin(), many.end(), 0);
  EXPECT_EQ(of(many).size(), 16u);
}

/// Of this process, at most two: nothing is known of how busy others keep this machine.
std::vector<int> two_cpus_of_this_machine() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE && cpus.size() < 2; ++cpu)
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
  return cpus;
}

TEST(ParallelCapacity, OfThisMachineIsAShareAndLeavesTheThreadWhereItMayRun) {
  const std::vector<int> cpus = two_cpus_of_this_machine();
  if (cpus.empty()) GTEST_SKIP() << "the affinity mask cannot be read";
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  try {
    const double capacity = measure_parallel_capacity(cpus);
    EXPECT_GT(capacity, 0);
    EXPECT_LE(capacity, 1);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("was busy with other work"));
  }
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(ParallelCapacity, NamesTheCpuThatIsNotThere) {
  std::vector<int> cpus = two_cpus_of_this_machine();
  cpus.push_back(65000);
  try {
    measure_parallel_capacity(cpus);
    FAIL() << "there are 65001 CPUs";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot be bound to CPU 65000"));
  }
  EXPECT_THROW(measure_parallel_capacity({}), Error);
}

}  // namespace
}  // namespace octet::lab
