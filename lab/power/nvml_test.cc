// NVML by a fake of its library.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/power/energy.h"
#include "lab/power/kinds.h"
#include "lab/power/polling.h"
#include "lab/power/test_fake_nvml.h"
#include "lab/power/test_meters.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::HasSubstr;

class Nvml : public ::testing::Test {
 protected:
  Nvml() : library_(::dlopen(OCTET_FAKE_NVML, RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) throw Error(ErrorCode::kNotFound, ::dlerror());
    fake_ = reinterpret_cast<FakeNvmlFunction*>(::dlsym(library_, "fake_nvml"))();
    *fake_ = FakeNvml();
    options_.nvml_library = OCTET_FAKE_NVML;
  }
  ~Nvml() override { ::dlclose(library_); }
  FakeNvml& fake() { return *fake_; }

  MeterOptions options_;

 private:
  void* library_;
  FakeNvml* fake_;
};

TEST_F(Nvml, AnEnergyCounterIsReadInJoules) {
  fake().devices = 2;
  fake().energy_mj = 12'345'678;
  const FoundKind found = find_nvml(options_);
  EXPECT_TRUE(found.status.works);
  ASSERT_EQ(found.meters.size(), 2u);
  const MeterInfo& info = found.meters[1]->info();
  EXPECT_EQ(info.id, "nvml:1");
  EXPECT_EQ(info.scope, "GPU 1 (Tesla P40)");
  EXPECT_EQ(info.reads, Reads::kEnergy);
  EXPECT_DOUBLE_EQ(found.meters[1]->read(), 12345.678);
}

TEST_F(Nvml, WithoutACounterThePowerIsSampled) {
  fake().energy_result = 3;  // not supported
  fake().power_mw = 47'250;
  const FoundKind found = find_nvml(options_);
  ASSERT_EQ(found.meters.size(), 1u);
  EXPECT_EQ(found.meters[0]->info().reads, Reads::kPower);
  EXPECT_EQ(found.meters[0]->info().averaging_s, 0);
  EXPECT_DOUBLE_EQ(found.meters[0]->read(), 47.25);
}

TEST_F(Nvml, NewerArchitecturesAverageOverASecond) {
  fake().energy_result = 3;
  fake().architecture = 7;
  fake().name = "NVIDIA A40";
  EXPECT_EQ(find_nvml(options_).status.meters.at(0).averaging_s, 1);
  fake().name = "NVIDIA A100-SXM4-40GB";
  EXPECT_EQ(find_nvml(options_).status.meters.at(0).averaging_s, 0);
  fake().architecture = 0xffffffffu;
  fake().name = "unknown";
  EXPECT_EQ(find_nvml(options_).status.meters.at(0).averaging_s, 0);
}

TEST_F(Nvml, ADeviceThatIsLostMidwayIsAFailureOfTheTrace) {
  fake().energy_result = 3;
  fake().power_mw = 100'000;
  const FoundKind found = find_nvml(options_);
  FakeClock clock;
  Polling polling({found.meters[0].get()}, clock);
  const Nanoseconds start = clock.now();
  for (int i = 0; i <= 200; ++i, clock.advance(0.05)) {
    fake().lost = i > 100;
    polling.poll();
  }
  const PowerTrace trace = polling.traces().front();
  ASSERT_EQ(trace.failures.size(), 1u);
  EXPECT_THAT(trace.failures[0], HasSubstr("nvmlDeviceGetPowerUsage: error 15, GPU is lost"));
  const auto energy = energy_of(trace, std::vector{Window{start, start + nanoseconds(10)}});
  ASSERT_TRUE(energy);
  EXPECT_NEAR(energy->coverage, 0.5, 1e-9);
  EXPECT_NEAR(energy->joules, 1000, 1e-6);
}

TEST_F(Nvml, ErrorsOfTheDriverAreNamedWithWhatHelps) {
  fake().init_result = 9;
  FoundKind found = find_nvml(options_);
  EXPECT_FALSE(found.status.works);
  EXPECT_EQ(found.status.why_not, "nvmlInit_v2: error 9, Driver Not Loaded");
  EXPECT_THAT(found.status.remedy, HasSubstr("nvidia-smi"));
  fake() = FakeNvml();
  fake().devices = 0;
  EXPECT_THAT(find_nvml(options_).status.why_not, HasSubstr("sees no GPU"));
  fake() = FakeNvml();
  fake().energy_result = 3;
  fake().power_result = 3;
  found = find_nvml(options_);
  EXPECT_FALSE(found.status.works);
  EXPECT_THAT(found.status.why_not, HasSubstr("GPU 0: nvmlDeviceGetPowerUsage: error 3, Not Supported"));
}

TEST_F(Nvml, AMissingLibraryAndAnotherLibraryAreToldApart) {
  options_.nvml_library = "libno-such-library.so.1";
  FoundKind found = find_nvml(options_);
  EXPECT_FALSE(found.status.works);
  EXPECT_THAT(found.status.why_not, HasSubstr("no NVIDIA driver: libno-such-library.so.1"));
  EXPECT_THAT(found.status.remedy, HasSubstr("install its driver"));
  options_.nvml_library = "libm.so.6";
  found = find_nvml(options_);
  EXPECT_FALSE(found.status.works);
  EXPECT_THAT(found.status.why_not, HasSubstr("libm.so.6: has no nvmlInit_v2: the driver is too old"));
}

TEST_F(Nvml, TheLibraryIsShutDownWithTheLastMeter) {
  {
    fake().devices = 3;
    FoundKind found = find_nvml(options_);
    EXPECT_EQ(fake().users, 1);
    found.meters.resize(1);
    EXPECT_EQ(fake().users, 1);
  }
  EXPECT_EQ(fake().users, 0);
}

}  // namespace
}  // namespace octet::lab
