// Starting ranks: argument vectors and messages without MPI, and real ranks where there is a launcher.
#include "lab/mpi/launcher.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <set>

#include "lab/mpi/communicator.h"
#include "lab/mpi/core_groups.h"
#include "lab/support/child.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ErrorCode::kInternal, ""};
}

TEST(LauncherKind, IsReadFromItsVersion) {
  EXPECT_EQ(launcher_kind("mpirun (Open MPI) 4.1.4\n\nReport bugs to"), LauncherKind::kOpenMpi);
  EXPECT_EQ(launcher_kind("mpirun (PRRTE) 3.0.0"), LauncherKind::kOpenMpi);
  EXPECT_EQ(launcher_kind("HYDRA build details:\n    Version: 4.0.2"), LauncherKind::kHydra);
  EXPECT_EQ(launcher_kind("Intel(R) MPI Library for Linux* OS, Version 2021.9"), LauncherKind::kHydra);
  EXPECT_EQ(error_of([] { launcher_kind("busybox 1.35"); }).code(), ErrorCode::kUnsupported);
}

TEST(LaunchArguments, OpenMpiAsRootAndAsAUser) {
  LaunchOptions options;
  options.mpirun_arguments = {"--hostfile", "hosts"};
  EXPECT_THAT(
      launch_arguments(options, LauncherKind::kOpenMpi, 4, true, {"/octet", "scale"}),
      ElementsAre("mpirun", "-n", "4", "--bind-to", "none", "--allow-run-as-root", "--mca",
                  "btl_vader_single_copy_mechanism", "none", "--hostfile", "hosts", "/octet", "scale"));
  EXPECT_THAT(launch_arguments(options, LauncherKind::kOpenMpi, 4, false, {"/octet"}),
              Not(::testing::Contains("--allow-run-as-root")));
}

TEST(LaunchArguments, HydraHasNoOptionForRoot) {
  EXPECT_THAT(launch_arguments({}, LauncherKind::kHydra, 2, true, {"/octet"}),
              ElementsAre("mpirun", "-n", "2", "-bind-to", "none", "/octet"));
}

TEST(DescribeFailure, WhatARankSaidComesFirst) {
  EXPECT_EQ(describe_failure(
                "octet: warning: made up\noctet: rank 1 on b: out of memory\n---\nMPI_ABORT was invoked"),
            "rank 1 on b: out of memory");
}

TEST(DescribeFailure, ElseWhichRankEndedHow) {
  EXPECT_EQ(
      describe_failure("------\nmpirun noticed that process rank 3 with PID 0 on node n7 exited on signal 9 "
                       "(Killed).\n------\n"),
      "rank 3 on n7 was ended by signal 9 (Killed)");
  EXPECT_EQ(describe_failure(
                "The first process to do so was:\n\n  Process name: [[23771,1],1]\n  Exit code:    7\n"),
            "rank 1 ended with exit code 7");
}

TEST(DescribeFailure, ElseTheLastLines) {
  EXPECT_EQ(describe_failure("There are not enough slots\n\nin the system\n"),
            "There are not enough slots / in the system");
  EXPECT_EQ(describe_failure(""), "nothing was said");
}

TEST(RunRanks, AMissingLauncherIsSaidWithItsPackage) {
  LaunchOptions options;
  options.mpirun = "/nonexistent/mpirun";
  const Error error = error_of([&] { run_ranks(options, 2, {"/bin/true"}); });
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("/nonexistent/mpirun"), HasSubstr("openmpi-bin")));
}

TEST(RunRanks, AProgramThatIsNoLauncherIsRefused) {
  LaunchOptions options;
  options.mpirun = "/bin/true";
  EXPECT_EQ(error_of([&] { run_ranks(options, 1, {"/bin/true"}); }).code(), ErrorCode::kUnsupported);
}

/// Two ranks of test_rank.cc.
class Ranks : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!built_with_mpi()) GTEST_SKIP() << "built without MPI";
    if (!find_program("mpirun")) GTEST_SKIP() << "there is no mpirun (apt-get install openmpi-bin)";
    if (within(machine_cores(), affinity_cpus()).size() < 2) GTEST_SKIP() << "two ranks need two cores";
  }
  static Json run(const std::string& what, double timeout_s = 60) {
    LaunchOptions options;
    options.timeout_s = timeout_s;
    return run_ranks(options, 2, {OCTET_TEST_RANK, what}).document;
  }
};

TEST_F(Ranks, KnowEachOtherAndHaveADeviceEach) {
  const Json result = run("talk");
  EXPECT_EQ(result["size"], 2);
  EXPECT_EQ(result["gathered"], 2);
  std::set<int> cpus;
  for (int rank : {0, 1}) {
    const Json& one = result["ranks"][static_cast<std::size_t>(rank)];
    EXPECT_EQ(one["rank"], rank);
    EXPECT_EQ(one["host_rank"], rank);
    EXPECT_EQ(one["host_size"], 2);
    EXPECT_EQ(one["host_leader"], 0);
    EXPECT_EQ(one["offset"], 0) << "they share the clock";
    EXPECT_EQ(one["broadcast"], "from rank 0");
    EXPECT_EQ(one["everywhere"], true);
    EXPECT_EQ(one["cpus"], one["affinity"]);
    for (const Json& cpu : one["cpus"]) EXPECT_TRUE(cpus.insert(cpu.get<int>()).second) << cpu;
  }
}

TEST_F(Ranks, OneThatIsKilledEndsAllAndIsNamed) {
  const Error error = error_of([] { run("kill"); });
  EXPECT_EQ(error.code(), ErrorCode::kInternal);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("rank 1"), HasSubstr("signal 9")));
}

TEST_F(Ranks, OneThatExitsEndsAllAndIsNamed) {
  const Error error = error_of([] { run("exit"); });
  EXPECT_EQ(error.code(), ErrorCode::kInternal);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("rank 1"), HasSubstr("exit code 7")));
}

TEST_F(Ranks, OneThatAbortsEndsAllWithItsWord) {
  EXPECT_THAT(error_of([] { run("abort"); }).what(), HasSubstr("rank 1 gives up"));
}

TEST_F(Ranks, AnErrorOfOneIsSaidWithItsRank) {
  const Error error = error_of([] { run("throw"); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << "exit code 2";
  EXPECT_THAT(error.what(), AllOf(HasSubstr("rank 1 on "), HasSubstr(": no such thing")));
}

TEST_F(Ranks, AnErrorOfAllIsSaidOnce) {
  EXPECT_STREQ(error_of([] { run("throw-alike"); }).what(), "no such thing anywhere");
}

TEST_F(Ranks, OneThatHangsIsStoppedInTime) {
  const Error error = error_of([] { run("hang", 2); });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_THAT(error.what(), HasSubstr("had not ended after 2 s"));
}

TEST_F(Ranks, ThatPrintNothingAreAnError) {
  EXPECT_EQ(error_of([] { run("be silent"); }).code(), ErrorCode::kInternal);
}

}  // namespace
}  // namespace octet::lab
