// RAPL on powercap trees of our own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lab/power/energy.h"
#include "lab/power/kinds.h"
#include "lab/power/polling.h"
#include "lab/power/test_meters.h"
#include "octet/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t kRangeUj = 262'143'328'850;  // a server's

class Powercap {
 public:
  Powercap() { fs::permissions(directory_.path(), fs::perms(0755)); }

  fs::path zone(const std::string& path, const std::string& name, std::uint64_t energy_uj = 0,
                std::uint64_t range_uj = kRangeUj) const {
    fs::create_directories(root() / path);
    write(path + "/name", name);
    write(path + "/max_energy_range_uj", std::to_string(range_uj));
    write(path + "/energy_uj", std::to_string(energy_uj));
    return root() / path;
  }
  void write(const std::string& file, const std::string& line) const {
    std::ofstream(root() / file) << line << "\n";
  }
  fs::path root() const { return directory_.path(); }
  MeterOptions options() const {
    MeterOptions options;
    options.rapl_root = root().string();
    return options;
  }

 private:
  test::TemporaryDirectory directory_;
};

std::vector<std::string> ids(const FoundKind& found) {
  std::vector<std::string> ids;
  for (const auto& meter : found.meters) ids.push_back(meter->info().id);
  return ids;
}

TEST(Rapl, PackagesAndDramAreMetersAndTheirPartsAndWholesAreNot) {
  Powercap tree;
  tree.zone("intel-rapl:0", "package-0");
  tree.zone("intel-rapl:0/intel-rapl:0:0", "core");
  tree.zone("intel-rapl:0/intel-rapl:0:1", "uncore");
  tree.zone("intel-rapl:0/intel-rapl:0:2", "dram");
  tree.zone("intel-rapl:0:2", "dram");  // the class folder has subzones beside their package too
  tree.zone("intel-rapl:1", "package-1");
  tree.zone("intel-rapl:2", "psys");
  FakeClock clock;
  const FoundKind found = find_rapl(tree.options(), clock);
  EXPECT_TRUE(found.status.works);
  EXPECT_EQ(found.status.why_not, "");
  EXPECT_THAT(ids(found), ElementsAre("rapl:package-0", "rapl:package-0:dram", "rapl:package-1"));
  EXPECT_EQ(found.status.meters[0].scope, "CPU package 0 with its cores");
  EXPECT_EQ(found.status.meters[1].scope, "DRAM of package 0");
  EXPECT_EQ(found.status.meters[0].reads, Reads::kEnergy);
}

TEST(Rapl, APackageThatIsThereTwiceIsCountedOnceByItsRegisters) {
  Powercap tree;
  tree.zone("intel-rapl-mmio:0", "package-0", 1'000'000);
  tree.zone("intel-rapl:0", "package-0", 5'000'000);
  FakeClock clock;
  const FoundKind found = find_rapl(tree.options(), clock);
  ASSERT_THAT(ids(found), ElementsAre("rapl:package-0"));
  found.meters[0]->read();
  tree.write("intel-rapl:0/energy_uj", "8000000");
  tree.write("intel-rapl-mmio:0/energy_uj", "9000000");
  clock.advance(0.1);
  EXPECT_DOUBLE_EQ(found.meters[0]->read(), 3);
}

TEST(Rapl, WrapsAreUndone) {
  Powercap tree;
  constexpr std::uint64_t kRange = 100'000'000;  // 100 J
  tree.zone("intel-rapl:0", "package-0", 90'000'000, kRange);
  tree.write("intel-rapl:0/constraint_0_max_power_uw", "200000000");  // 200 W
  FakeClock clock;
  const FoundKind found = find_rapl(tree.options(), clock);
  ASSERT_TRUE(found.status.works) << found.status.why_not;
  Meter& meter = *found.meters[0];
  EXPECT_DOUBLE_EQ(meter.read(), 0);
  double total = 0;
  for (std::uint64_t joules = 105; joules <= 450; joules += 15) {
    clock.advance(0.1);
    tree.write("intel-rapl:0/energy_uj", std::to_string(joules * 1'000'000 % kRange));
    total += 15;
    EXPECT_DOUBLE_EQ(meter.read(), total) << joules;
  }
}

TEST(Rapl, PollingIsFasterThanTheCounterCanWrap) {
  Powercap tree;
  FakeClock clock;
  tree.zone("intel-rapl:0", "package-0");
  EXPECT_DOUBLE_EQ(find_rapl(tree.options(), clock).status.meters[0].interval_s, 0.1);
  tree.zone("intel-rapl:0", "package-0", 0, 20'000'000);  // 20 J, at up to 1000 W
  EXPECT_DOUBLE_EQ(find_rapl(tree.options(), clock).status.meters[0].interval_s, 0.01);
  tree.write("intel-rapl:0/constraint_0_power_limit_uw", "100000000");
  tree.write("intel-rapl:0/constraint_1_power_limit_uw", "125000000");  // 125 W, up to 250 for a moment
  EXPECT_DOUBLE_EQ(find_rapl(tree.options(), clock).status.meters[0].interval_s, 0.04);
}

TEST(Rapl, ACounterThatMayHaveWrappedTwiceIsAnErrorAndThenCountsOn) {
  Powercap tree;
  tree.zone("intel-rapl:0", "package-0", 1'000'000, 100'000'000);
  FakeClock clock;
  const FoundKind found = find_rapl(tree.options(), clock);
  Meter& meter = *found.meters[0];
  meter.read();
  clock.advance(5);
  EXPECT_THAT(message_of([&] { meter.read(); }),
              HasSubstr("not read for 5.0 s, in which it may have wrapped round more than once"));
  clock.advance(0.01);
  tree.write("intel-rapl:0/energy_uj", "3000000");
  EXPECT_DOUBLE_EQ(meter.read(), 2);
  // Time between two recordings is not of interest.
  clock.advance(100);
  meter.start();
  EXPECT_DOUBLE_EQ(meter.read(), 2);
}

TEST(Rapl, ACounterThatWasResetIsNotTakenForAWrap) {
  Powercap tree;
  tree.zone("intel-rapl:0", "package-0", 200'000'000'000);
  FakeClock clock;
  const FoundKind found = find_rapl(tree.options(), clock);
  Meter& meter = *found.meters[0];
  meter.read();
  clock.advance(0.1);
  tree.write("intel-rapl:0/energy_uj", "0");
  EXPECT_THAT(message_of([&] { meter.read(); }),
              HasSubstr("went back from 200000000000 to 0 uJ in 0.100 s, which is no wrap"));
  clock.advance(0.1);
  tree.write("intel-rapl:0/energy_uj", "7000000");
  EXPECT_DOUBLE_EQ(meter.read(), 7);
}

TEST(Rapl, ACounterThatVanishesAndComesBackLosesCoverageAndNothingElse) {
  Powercap tree;
  const fs::path zone = tree.zone("intel-rapl:0", "package-0");
  FakeClock clock;
  const FoundKind found = find_rapl(tree.options(), clock);
  Polling polling({found.meters[0].get()}, clock);
  const Nanoseconds start = clock.now();
  for (int i = 0; i <= 100; ++i) {  // 10 s at 50 W
    if (i == 40) fs::remove(zone / "energy_uj");
    if (i < 40 || i >= 60) tree.write("intel-rapl:0/energy_uj", std::to_string(i * 5'000'000));
    polling.poll();
    clock.advance(0.1);
  }
  const PowerTrace trace = polling.traces().front();
  ASSERT_EQ(trace.failures.size(), 1u);
  EXPECT_THAT(trace.failures[0], HasSubstr("4.0 to 5.9 s, 20 times: "));
  EXPECT_THAT(trace.failures[0], HasSubstr("energy_uj: No such file or directory"));
  EXPECT_EQ(trace.samples.size(), 81u);
  const auto energy = energy_of(trace, std::vector{Window{start, start + nanoseconds(10)}});
  ASSERT_TRUE(energy);
  EXPECT_NEAR(energy->coverage, 0.79, 1e-9);
  EXPECT_NEAR(energy->joules, 500, 1e-6);
  EXPECT_GT(energy->uncertainty_joules, 25);
}

TEST(Rapl, NoTreeNoPackageAndNoNumberAreExplained) {
  FakeClock clock;
  MeterOptions nowhere;
  nowhere.rapl_root = "/no/such/powercap";
  FoundKind found = find_rapl(nowhere, clock);
  EXPECT_FALSE(found.status.works);
  EXPECT_THAT(found.status.why_not,
              HasSubstr("no /no/such/powercap: this machine has no RAPL, or its hypervisor hides it"));
  EXPECT_THAT(found.status.remedy, HasSubstr("modprobe intel_rapl_msr"));

  Powercap tree;
  EXPECT_THAT(find_rapl(tree.options(), clock).status.why_not, HasSubstr("holds no RAPL package"));
  tree.zone("intel-rapl:0", "package-0");
  tree.write("intel-rapl:0/energy_uj", "plenty");
  found = find_rapl(tree.options(), clock);
  EXPECT_FALSE(found.status.works);
  EXPECT_THAT(found.status.why_not, HasSubstr("energy_uj:1: expected a number, got 'plenty'"));
  tree.zone("intel-rapl:0", "package-0", 0, 0);
  EXPECT_THAT(find_rapl(tree.options(), clock).status.why_not, HasSubstr("expected a range above 0, got 0"));
}

TEST(Rapl, PartOfThePackagesIsNotTakenForAllButDramMayBeMissing) {
  Powercap tree;
  FakeClock clock;
  tree.zone("intel-rapl:0", "package-0");
  tree.zone("intel-rapl:0/intel-rapl:0:0", "dram");
  tree.write("intel-rapl:0/intel-rapl:0:0/energy_uj", "?");
  FoundKind found = find_rapl(tree.options(), clock);
  EXPECT_TRUE(found.status.works);
  EXPECT_THAT(ids(found), ElementsAre("rapl:package-0"));
  EXPECT_THAT(found.status.why_not, HasSubstr("without DRAM: "));
  tree.zone("intel-rapl:1", "package-1");
  tree.write("intel-rapl:1/energy_uj", "?");
  found = find_rapl(tree.options(), clock);
  EXPECT_FALSE(found.status.works);
  EXPECT_TRUE(found.meters.empty());
}

/// Another user than root, for as long as it lives.
class OrdinaryUser {
 public:
  OrdinaryUser() : changed_(::geteuid() == 0 && ::seteuid(65534) == 0) {}
  ~OrdinaryUser() {
    if (changed_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

 private:
  bool changed_;
};

TEST(Rapl, DeniedPermissionIsNamedWithFileModeAndRemedy) {
  Powercap tree;
  const fs::path zone = tree.zone("intel-rapl:0", "package-0");
  fs::permissions(zone / "energy_uj", fs::perms(0000));
  FakeClock clock;
  const OrdinaryUser user;
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything here, and cannot become another user";
  const FoundKind found = find_rapl(tree.options(), clock);
  EXPECT_FALSE(found.status.works);
  EXPECT_THAT(found.status.why_not,
              HasSubstr((zone / "energy_uj").string() + ": permission denied (mode 0000)"));
  EXPECT_THAT(found.status.remedy, HasSubstr("chmod a+r " + tree.root().string() + "/*/energy_uj"));
  EXPECT_THAT(found.status.remedy, HasSubstr("udev"));
}

}  // namespace
}  // namespace octet::lab
