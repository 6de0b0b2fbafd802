#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "cpu/features.h"
#include "cpu/float_environment.h"
#include "cpu/system_files.h"
#include "octet/error.h"
#include "octet/machine.h"
#include "tests/support/temporary_directory.h"

namespace octet::cpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// ---- instruction sets on pretended CPUs

CpuFeatures haswell() {
  CpuFeatures f;
  f.avx2 = f.fma = f.saves_ymm = true;
  return f;
}
CpuFeatures skylake_server() {
  CpuFeatures f = haswell();
  f.avx512f = f.avx512bw = f.avx512dq = f.avx512vl = f.saves_zmm = true;
  return f;
}
CpuFeatures cascade_lake() {
  CpuFeatures f = skylake_server();
  f.avx512_vnni = true;
  return f;
}
CpuFeatures sapphire_rapids() {
  CpuFeatures f = cascade_lake();
  f.avx512_bf16 = f.amx_tile = f.amx_int8 = f.amx_bf16 = f.saves_tiles = f.tiles_permitted = true;
  return f;
}

std::string reason(const CpuFeatures& features, Isa isa) {
  for (const IsaStatus& status : usable_isas(features)) {
    if (status.isa == isa) return status.usable ? "usable" : status.reason;
  }
  return "not listed";
}

TEST(UsableIsas, ListEveryInstructionSetOnceInRisingOrder) {
  const std::vector<IsaStatus> isas = usable_isas(CpuFeatures{});
  ASSERT_EQ(isas.size(), std::size(kAllIsas));
  for (std::size_t i = 0; i < isas.size(); ++i) EXPECT_EQ(isas[i].isa, kAllIsas[i]);
}

TEST(UsableIsas, GiveEachCpuGenerationItsBest) {
  EXPECT_EQ(best_isa(usable_isas(CpuFeatures{})), Isa::kGeneric);
  EXPECT_EQ(best_isa(usable_isas(haswell())), Isa::kAvx2);
  EXPECT_EQ(best_isa(usable_isas(skylake_server())), Isa::kAvx512);
  EXPECT_EQ(best_isa(usable_isas(cascade_lake())), Isa::kAvx512Vnni);
  EXPECT_EQ(best_isa(usable_isas(sapphire_rapids())), Isa::kAmx);
}

TEST(UsableIsas, SayWhatTheCpuLacks) {
  EXPECT_EQ(reason(skylake_server(), Isa::kAvx512Vnni), "the CPU lacks avx512_vnni");
  CpuFeatures no_fma = haswell();
  no_fma.fma = false;
  EXPECT_EQ(reason(no_fma, Isa::kAvx2), "the CPU lacks fma");
  EXPECT_EQ(reason(haswell(), Isa::kAvx512), "the CPU lacks avx512f, avx512bw, avx512dq, avx512vl");
}

TEST(UsableIsas, NeedEverythingBelowThem) {
  CpuFeatures odd = sapphire_rapids();
  odd.avx2 = false;
  EXPECT_EQ(best_isa(usable_isas(odd)), Isa::kGeneric);
  EXPECT_EQ(reason(odd, Isa::kAmx), "the CPU lacks avx2");
}

TEST(UsableIsas, NeedTheOperatingSystemToSaveTheirRegisters) {
  CpuFeatures old_system = sapphire_rapids();
  old_system.saves_zmm = old_system.saves_tiles = false;
  EXPECT_EQ(best_isa(usable_isas(old_system)), Isa::kAvx2);
  EXPECT_THAT(reason(old_system, Isa::kAvx512), HasSubstr("does not save AVX-512 registers"));
}

TEST(UsableIsas, AmxNeedsThePermissionOfTheOperatingSystem) {
  CpuFeatures refused = sapphire_rapids();
  refused.tiles_permitted = false;
  refused.tiles_refusal = "Operation not permitted";
  EXPECT_EQ(best_isa(usable_isas(refused)), Isa::kAvx512Bf16);
  EXPECT_THAT(reason(refused, Isa::kAmx), HasSubstr("refuses AMX: Operation not permitted"));
}

// ---- /proc, /sys and control groups in a pretended root

class SystemFiles : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = directory_.path() / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void write_cache(int cpu, int index, const char* level, const char* type, const char* size) const {
    const std::string cache =
        "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache/index" + std::to_string(index);
    write(cache + "/level", std::string(level) + "\n");
    write(cache + "/type", std::string(type) + "\n");
    write(cache + "/size", std::string(size) + "\n");
  }
  const std::filesystem::path& root() const { return directory_.path(); }

 private:
  test::TemporaryDirectory directory_;
};

TEST_F(SystemFiles, CacheSizesAreReadByLevelAndWithoutInstructionCaches) {
  write_cache(3, 0, "1", "Data", "48K");
  write_cache(3, 1, "1", "Instruction", "32K");
  write_cache(3, 2, "2", "Unified", "2048K");
  write_cache(3, 3, "3", "Unified", "105M");
  const CacheSizes sizes = read_cache_sizes(root(), 3);
  EXPECT_EQ(sizes.l1d, 48u << 10);
  EXPECT_EQ(sizes.l2, 2048u << 10);
  EXPECT_EQ(sizes.l3, std::uint64_t{105} << 20);
}

TEST_F(SystemFiles, WhatIsMissingIsUnknown) {
  EXPECT_EQ(read_cache_sizes(root(), 0).l2, 0u);
  EXPECT_EQ(read_cpu_model(root()), "");
  EXPECT_EQ(read_physical_memory(root()), 0u);
  EXPECT_EQ(read_cgroup_limits(root()).cpus, 0);
  EXPECT_EQ(read_cgroup_limits(root()).memory, 0u);
}

TEST_F(SystemFiles, MalformedFilesCountAsUnknown) {
  write_cache(0, 0, "1", "Data", "big");
  write("proc/meminfo", "MemTotal: lots kB\n");
  write("proc/self/cgroup", "0::/a\nnonsense\n:\n4:memory\n");
  write("sys/fs/cgroup/a/cpu.max", "100000\n");
  write("sys/fs/cgroup/a/memory.max", "-5\n");
  write("sys/fs/cgroup/cpu.max", "nan 0\n");
  EXPECT_EQ(read_cache_sizes(root(), 0).l1d, 0u);
  EXPECT_EQ(read_physical_memory(root()), 0u);
  EXPECT_EQ(read_cgroup_limits(root()).cpus, 0);
  EXPECT_EQ(read_cgroup_limits(root()).memory, 0u);
}

TEST_F(SystemFiles, CpuModelAndMemoryAreRead) {
  write("proc/cpuinfo", "processor\t: 0\nmodel\t\t: 17\nmodel name\t: Some CPU @ 3GHz\nflags\t: fpu\n");
  write("proc/meminfo", "MemTotal:       24000000 kB\nMemFree: 1 kB\n");
  EXPECT_EQ(read_cpu_model(root()), "Some CPU @ 3GHz");
  EXPECT_EQ(read_physical_memory(root()), std::uint64_t{24000000} * 1024);
}

TEST_F(SystemFiles, CgroupVersion2GivesTheLowestLimitOnTheWayUp) {
  write("proc/self/cgroup", "0::/service/job\n");
  write("sys/fs/cgroup/service/job/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/service/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/service/job/memory.max", "3000000000\n");
  write("sys/fs/cgroup/service/memory.max", "max\n");
  const CgroupLimits limits = read_cgroup_limits(root());
  EXPECT_DOUBLE_EQ(limits.cpus, 1.5);
  EXPECT_EQ(limits.memory, 3000000000u);
}

TEST_F(SystemFiles, CgroupVersion1IsReadPerController) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n3:cpuset:/\n");
  write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "200000\n");
  write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
  const CgroupLimits limits = read_cgroup_limits(root());
  EXPECT_DOUBLE_EQ(limits.cpus, 2);
  EXPECT_EQ(limits.memory, std::uint64_t{1} << 30);
}

TEST_F(SystemFiles, AContainerThatSeesItsOwnGroupAsTheRootStillHasItsLimits) {
  write("proc/self/cgroup", "0::/host/path/that/is/not/here\n");
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_DOUBLE_EQ(read_cgroup_limits(root()).cpus, 0.5);
}

TEST(CpuList, IsParsedWithRanges) {
  EXPECT_THAT(parse_cpu_list("0-3,8,10-11"), ElementsAre(0, 1, 2, 3, 8, 10, 11));
  EXPECT_THAT(parse_cpu_list("5"), ElementsAre(5));
}

TEST(CpuList, MalformedIsEmpty) {
  for (const char* text : {"", "a", "3-1", ",1", "-1", "0-99999999", "1-2-3", "1, 2"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(parse_cpu_list(text), IsEmpty());
  }
}

// ---- floating-point environment

TEST(FloatEnvironment, FlushesDenormalsAndGivesTheCallersSettingsBack) {
#ifndef OCTET_X86
  GTEST_SKIP() << "nothing to set on this CPU";
#endif
  volatile float tiny = std::numeric_limits<float>::min();
  const auto half_of_tiny = [&] { return tiny * 0.5f; };
  EXPECT_GT(half_of_tiny(), 0);
  {
    const ScopedFloatEnvironment environment(Denormals::kFlushed);
    EXPECT_EQ(half_of_tiny(), 0);
  }
  EXPECT_GT(half_of_tiny(), 0);
}

// ---- this machine

TEST(DescribeMachine, IsConsistent) {
  const MachineInfo machine = describe_machine();
  ASSERT_EQ(machine.isas.size(), std::size(kAllIsas));
  EXPECT_TRUE(machine.isas[0].usable);
  EXPECT_EQ(best_isa(machine.isas), machine.best_isa);
  for (const IsaStatus& status : machine.isas) EXPECT_EQ(status.usable, status.reason.empty());
  EXPECT_FALSE(machine.cpus.empty());
  EXPECT_TRUE(std::is_sorted(machine.cpus.begin(), machine.cpus.end()));
  EXPECT_GE(machine.default_threads, 1);
  EXPECT_LE(machine.default_threads, static_cast<int>(machine.cpus.size()));
  EXPECT_GT(machine.memory_bytes, 0u);
  EXPECT_FALSE(machine.kernel_release.empty());
}

TEST(MeasurePeaks, GiveFiguresForEveryUsableInstructionSet) {
  for (const IsaStatus& status : describe_machine().isas) {
    SCOPED_TRACE(to_string(status.isa));
    if (!status.usable) {
      EXPECT_THROW(measure_peaks(1, status.isa, 0.001), Error);
      continue;
    }
    const MachinePeaks peaks = measure_peaks(1, status.isa, 0.001);
    EXPECT_GT(peaks.fp32_gflops, 0.01);
    EXPECT_EQ(peaks.int8_gops > 0, status.isa != Isa::kGeneric);
    EXPECT_EQ(peaks.bf16_gflops > 0, status.isa >= Isa::kAvx512Bf16);
    EXPECT_GT(peaks.l2_read_gbps, 0.01);
    EXPECT_GT(peaks.memory_read_gbps, 0.01);
  }
}

TEST(MeasurePeaks, MoreThreadsThanCpusStillEnd) {
  const int threads = static_cast<int>(describe_machine().cpus.size()) + 1;
  EXPECT_GT(measure_peaks(threads, Isa::kGeneric, 0.001).fp32_gflops, 0);
}

TEST(MeasurePeaks, RefuseNonsense) {
  EXPECT_THROW(measure_peaks(0, Isa::kGeneric), Error);
  EXPECT_THROW(measure_peaks(-1, Isa::kGeneric), Error);
  EXPECT_THROW(measure_peaks(1 << 20, Isa::kGeneric), Error);
  EXPECT_THROW(measure_peaks(1, Isa::kGeneric, 0), Error);
  EXPECT_THROW(measure_peaks(1, Isa::kGeneric, std::nan("")), Error);
}

}  // namespace
}  // namespace octet::cpu
