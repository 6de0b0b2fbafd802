#include "lab/evidence/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/evidence/test_machine.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

using test::FakeMachine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

MachineInfo two_cpus() {
  MachineInfo machine;
  machine.cpu_model = "Example CPU";
  machine.isas = {{Isa::kGeneric, true, ""}, {Isa::kAmx, false, "the CPU lacks amx"}};
  machine.cpus = {0, 1};
  machine.l2_bytes = 1 << 20;
  machine.kernel_release = "6.1.0";
  return machine;
}

/// Four CPUs in two sockets: two cores in the first, one with two threads in the second.
void write_topology(const FakeMachine& machine) {
  const std::string cpu = "sys/devices/system/cpu/";
  machine.write(cpu + "online", "0-3\n");
  const char* sockets[] = {"0\n", "0\n", "1\n", "1\n"};
  const char* cores[] = {"0\n", "1\n", "0\n", "0\n"};
  for (int i = 0; i < 4; ++i) {
    machine.write(cpu + fmt::format("cpu{}/topology/physical_package_id", i), sockets[i]);
    machine.write(cpu + fmt::format("cpu{}/topology/core_id", i), cores[i]);
    machine.write(cpu + fmt::format("cpu{}/cpufreq/scaling_governor", i),
                  i == 1 ? "powersave\n" : "performance\n");
  }
  machine.write(cpu + "intel_pstate/no_turbo", "0\n");
  machine.write(cpu + "smt/active", "1\n");
  machine.write(cpu + "vulnerabilities/meltdown", "Not affected\n");
  machine.write(cpu + "vulnerabilities/spectre_v2", "Mitigation: Retpolines\n");
  machine.write("sys/devices/system/node/online", "0-1\n");
  machine.write("proc/cpuinfo",
                "processor\t: 0\nflags\t\t: fpu avx2 avx512_vnni\n\nprocessor\t: 1\nflags\t\t: other\n");
  machine.write("proc/sys/kernel/hostname", "payroll-7.example\n");
  machine.write("etc/os-release", "NAME=x\nPRETTY_NAME=\"Example Linux 12 (twelve)\"\n");
  machine.write("proc/driver/nvidia/gpus/0000:3b:00.0/information", "Model: \t\t Tesla P40\nIRQ:   \t\t 7\n");
}

TEST(MachineDescription, SaysWhatTheFilesTell) {
  const FakeMachine machine;
  write_topology(machine);
  const Json json = machine_description(two_cpus(), machine.root(), "KVM");
  EXPECT_EQ(json["cpu_model"], "Example CPU");
  EXPECT_EQ(json["cpus"], 2);
  EXPECT_EQ(json["affinity"].dump(), "[0,1]");
  EXPECT_EQ(json["cores"], 3);
  EXPECT_EQ(json["sockets"], 2);
  EXPECT_EQ(json["numa_nodes"], 2);
  EXPECT_EQ(json["cpu_flags"].dump(), R"(["fpu","avx2","avx512_vnni"])");
  EXPECT_EQ(json["isas"][1]["reason"], "the CPU lacks amx");
  EXPECT_FALSE(json["isas"][0].contains("reason"));
  EXPECT_EQ(json["l2_bytes"], 1 << 20);
  EXPECT_EQ(json["kernel"], "6.1.0");
  EXPECT_EQ(json["os"], "Example Linux 12 (twelve)");
  EXPECT_EQ(json["hypervisor"], "KVM");
  EXPECT_EQ(json["frequency_governor"], "performance, powersave");
  EXPECT_EQ(json["boost"], true);
  EXPECT_EQ(json["smt"], true);
  EXPECT_EQ(json["mitigations"].dump(), R"(["spectre_v2: Mitigation: Retpolines"])");
  EXPECT_EQ(json["gpus"].dump(), R"([{"name":"Tesla P40"}])");
}

TEST(MachineDescription, HasOfTheHostsNameOnlyAHash) {
  const FakeMachine machine;
  write_topology(machine);
  const Json json = machine_description(two_cpus(), machine.root(), "");
  EXPECT_THAT(json.dump(), Not(HasSubstr("payroll")));
  EXPECT_EQ(json["hostname_hash"].get<std::string>().size(), 16u);
  machine.write("proc/sys/kernel/hostname", "payroll-8.example\n");
  EXPECT_NE(machine_description(two_cpus(), machine.root(), "")["hostname_hash"], json["hostname_hash"]);
}

TEST(MachineDescription, LeavesOutWhatTheMachineDoesNotTell) {
  const FakeMachine machine;
  std::filesystem::remove_all(machine.root() / "sys");
  const Json json = machine_description(MachineInfo{}, machine.root(), "");
  for (const char* key : {"hostname_hash", "cpu_model", "cores", "sockets", "numa_nodes", "l1d_bytes", "os",
                          "hypervisor", "frequency_governor", "boost", "smt", "kernel"})
    EXPECT_FALSE(json.contains(key)) << key;
  EXPECT_TRUE(json["gpus"].empty());
}

TEST(MachineDescription, SurvivesFilesOfGarbage) {
  const FakeMachine machine;
  write_topology(machine);
  machine.write("sys/devices/system/cpu/online", "0-99999999999\n");
  machine.write("sys/devices/system/node/online", "\xff\n");
  machine.write("proc/cpuinfo", "flags\t: \xff\xfe fpu\n");
  machine.write("etc/os-release", "PRETTY_NAME=\"");
  const Json json = machine_description(two_cpus(), machine.root(), "");
  EXPECT_FALSE(json.contains("cores"));
  EXPECT_FALSE(json.contains("numa_nodes"));
  EXPECT_EQ(json["os"], "\"");
  EXPECT_EQ(json["cpu_flags"].dump(), R"(["??","fpu"])");
}

TEST(MachineDescription, OfThisMachineCanBeWrittenAsJson) {
  const Json json = machine_description(describe_machine());
  EXPECT_GT(json["cpus"], 0);
  EXPECT_FALSE(json.dump().empty());
}

}  // namespace
}  // namespace octet::lab
