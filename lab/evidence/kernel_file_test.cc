#include "lab/evidence/kernel_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/evidence/cgroup.h"
#include "lab/evidence/test_machine.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::FakeMachine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(KernelFile, NamesTheFileThatCannotBeRead) {
  const FakeMachine machine;
  for (const char* name : {"proc/nothing", "proc/loadavg/below"}) {
    try {
      read_kernel_file(machine.root() / name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kNotFound);
      EXPECT_THAT(error.what(), HasSubstr(name));
    }
  }
  EXPECT_THROW(read_kernel_file(machine.root() / "proc"), Error);  // a folder
}

TEST(KernelFile, TakesNumbersOnlyWhole) {
  EXPECT_EQ(to_integer(" 42\n"), 42);
  EXPECT_EQ(to_integer("-1"), -1);
  for (const char* text : {"", " ", "4x", "4 5", "0x10", "99999999999999999999", "max"})
    EXPECT_FALSE(to_integer(text)) << text;
  EXPECT_EQ(to_number("0.25 "), 0.25);
  EXPECT_FALSE(to_number("0.25x"));
}

TEST(KernelFile, FindsAValueByItsWholeKey) {
  const std::string text = "nr_throttled_more 5\nnr_throttled 7\nCpus_allowed_list:\t0-3\nempty:\n";
  EXPECT_EQ(value_of(text, "nr_throttled"), "7");
  EXPECT_EQ(value_of(text, "Cpus_allowed_list"), "0-3");
  EXPECT_EQ(value_of(text, "empty"), "");
  EXPECT_FALSE(value_of(text, "nr"));
}

TEST(KernelFile, ReadsListsOfCpus) {
  EXPECT_THAT(parse_cpu_list("0-2,8\n", "x"), ElementsAre(0, 1, 2, 8));
  EXPECT_THAT(parse_cpu_list("8,1,1-2", "x"), ElementsAre(1, 2, 8));
  EXPECT_THAT(parse_cpu_list("\n", "x"), IsEmpty());
  for (const char* text : {"3-1", "a", "1,,2", "-1", "0-4294967295", "1-"})
    EXPECT_THROW(parse_cpu_list(text, "x"), Error) << text;
}

TEST(Cgroup, FollowsTheTreeOfVersion2) {
  const FakeMachine machine;
  EXPECT_THAT(cgroup_cpu_folders(machine.root()),
              ElementsAre(machine.root() / "sys/fs/cgroup", machine.root() / "sys/fs/cgroup/user.slice",
                          machine.root() / "sys/fs/cgroup/user.slice/job"));
}

TEST(Cgroup, PrefersVersion1WhereItHasTheCpuController) {
  const FakeMachine machine;
  machine.write("proc/self/cgroup", "9:name=systemd:/\n4:cpu,cpuacct:/jobs/7\n0::/user.slice/job\n");
  machine.write("proc/self/mountinfo",
                "22 1 0:20 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                "23 1 0:21 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                "24 1 0:22 / /sys/fs/cgroup/cpu rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n");
  machine.write("sys/fs/cgroup/cpu/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n");
  machine.write("sys/fs/cgroup/cpu/jobs/cpu.stat",
                "nr_periods 9\nnr_throttled 2\nthrottled_time 500000000\n");
  machine.write("sys/fs/cgroup/cpu/jobs/7/cpu.stat",
                "nr_periods 9\nnr_throttled 1\nthrottled_time 250000000\n");
  const Throttling throttling = read_throttling(cgroup_cpu_folders(machine.root()));
  EXPECT_EQ(throttling.periods, 3);
  EXPECT_DOUBLE_EQ(throttling.seconds, 0.75);
}

TEST(Cgroup, FindsTheGroupOfAContainerThatSeesTheHostsPath) {
  const FakeMachine machine;
  machine.write("proc/self/cgroup", "0::/docker/abc/inner\n");
  machine.write("proc/self/mountinfo", "22 1 0:20 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  EXPECT_THAT(cgroup_cpu_folders(machine.root()),
              ElementsAre(machine.root() / "sys/fs/cgroup", machine.root() / "sys/fs/cgroup/inner"));
}

TEST(Cgroup, SaysWhatIsWrongWithItsFiles) {
  const FakeMachine machine;
  const auto message = [&]() -> std::string {
    try {
      cgroup_cpu_folders(machine.root());
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  machine.write("proc/self/cgroup", "0::/../elsewhere\n");
  EXPECT_THAT(message(), HasSubstr("outside"));
  machine.write("proc/self/cgroup", "garbage\n");
  EXPECT_THAT(message(), HasSubstr("proc/self/cgroup: no line of the CPU controller"));
  machine.write("proc/self/cgroup", "0::/\n");
  machine.write("proc/self/mountinfo", "22 1\n- - - -\n");
  EXPECT_THAT(message(), HasSubstr("mountinfo"));
}

}  // namespace
}  // namespace octet::lab
