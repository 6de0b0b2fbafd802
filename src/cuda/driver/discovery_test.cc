// What is said of devices, and why none can be used.
#include "cuda/driver/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cuda/driver/peaks.h"
#include "cuda/driver/test_driver.h"

namespace octet::cuda::driver {
namespace {

using test::pretended_image;
using test::PretendedDriver;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Discovery, DescribesADevice) {
  PretendedDriver driver;
  const CudaDevices all = describe_devices(driver.library(), pretended_image(), nullptr);
  EXPECT_EQ(all.reason, "");
  EXPECT_EQ(all.driver_version, 12040);
  EXPECT_EQ(all.least_driver_version, 11040);
  ASSERT_EQ(all.devices.size(), 1u);
  const CudaDevice& d = all.devices[0];
  EXPECT_TRUE(d.usable());
  EXPECT_EQ(d.name, "Pretended H200");
  EXPECT_EQ(d.uuid, "GPU-00102030-4050-6070-8090-a0b0c0d0e0f0");
  EXPECT_EQ(d.pci_address, "0000:3B:00.0");
  EXPECT_EQ(d.compute_capability, 90);
  EXPECT_EQ(d.multiprocessors, 132);
  EXPECT_EQ(d.clock_mhz, 1980);
  EXPECT_EQ(d.memory_clock_mhz, 3201);
  EXPECT_EQ(d.memory_bus_bits, 6144);
  EXPECT_EQ(d.memory_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(d.free_memory_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(d.l2_bytes, std::uint64_t{50} << 20);
  EXPECT_NEAR(d.memory_gbps, 4916.7, 0.1);
  EXPECT_EQ(driver.live(), 0u);
  EXPECT_EQ(driver.current_contexts(), 0u);
}

TEST(Discovery, PeaksAreThoseOfTheDataSheets) {
  EXPECT_NEAR(dp4a_tops(61, 30, 1531), 47, 0.1);       // Tesla P40
  EXPECT_NEAR(memory_gbps(3615, 384), 347, 0.1);       // Tesla P40; its data sheet has 346
  EXPECT_NEAR(tensor_tops(75, 40, 1590), 130, 0.5);    // Tesla T4
  EXPECT_NEAR(tensor_tops(80, 108, 1410), 624, 0.5);   // A100
  EXPECT_NEAR(memory_gbps(1215, 5120), 1555, 0.5);     // A100
  EXPECT_NEAR(tensor_tops(89, 142, 2520), 733, 0.5);   // L40S
  EXPECT_NEAR(tensor_tops(90, 132, 1830), 1979, 0.5);  // H100
  EXPECT_EQ(tensor_tops(61, 30, 1531), 0);
  EXPECT_EQ(dp4a_tops(99, 30, 1531), 0);
}

TEST(Discovery, SaysWhyThereIsNoDriver) {
  const Library none = open_library("/nonexistent/libcuda.so.1");
  EXPECT_FALSE(none.api);
  EXPECT_THAT(none.reason, AllOf(StartsWith("no CUDA driver: "), HasSubstr("/nonexistent/libcuda.so.1")));
  const Library other = open_library("libm.so.6");
  EXPECT_FALSE(other.api);
  EXPECT_EQ(other.reason, "libm.so.6 is no CUDA driver that we know: it has no function cuInit");
  const Library old = open_library(OCTET_OLD_DRIVER);
  EXPECT_FALSE(old.api);
  EXPECT_EQ(old.reason, "the CUDA driver is too old: it supports CUDA 10.2, 11.4 or later is needed");
  EXPECT_EQ(describe_devices(old, pretended_image(), nullptr).driver_version, 10020);
  const CudaDevices devices = describe_devices(none, pretended_image(), nullptr);
  EXPECT_EQ(devices.reason, none.reason);
  EXPECT_EQ(devices.driver_version, 0);
  EXPECT_THAT(describe_devices(none, {}, nullptr).reason,
              AllOf(StartsWith("this build has no device code"), HasSubstr(", and no CUDA driver: ")));
}

TEST(Discovery, SaysWhyThereIsNoDevice) {
  PretendedDriver driver;
  const auto reason = [&](const char* visible = nullptr) {
    return describe_devices(driver.library(), pretended_image(), visible).reason;
  };
  driver.init = Status::kNoDevice;
  EXPECT_EQ(reason(), "the CUDA driver finds no device");
  EXPECT_EQ(reason(""), "CUDA_VISIBLE_DEVICES is empty, which hides every CUDA device");
  EXPECT_EQ(reason("-1"), "the CUDA driver finds no device that CUDA_VISIBLE_DEVICES=\"-1\" shows");
  driver.init = Status::kEccUncorrectable;
  EXPECT_EQ(reason(), "the CUDA driver does not start: CUDA_ERROR_PRETENDED (as told)");
  driver.init = Status::kSuccess;
  driver.devices.clear();
  EXPECT_EQ(reason(), "the CUDA driver finds no device");
}

TEST(Discovery, SaysWhyDevicesCannotBeUsed) {
  PretendedDriver driver;
  driver.devices = {{"Old", 5, 2}, {"Older", 3, 5}};
  CudaDevices all = describe_devices(driver.library(), pretended_image(), nullptr);
  EXPECT_EQ(all.devices[0].reason, "it has compute capability 5.2, 6.1 or later is needed");
  EXPECT_EQ(all.reason,
            "no CUDA device can be used: device 0 (Old), it has compute capability 5.2, 6.1 or later is "
            "needed; device 1 (Older), it has compute capability 3.5, 6.1 or later is needed");
  driver.devices[1] = {"New", 8, 6};
  all = describe_devices(driver.library(), pretended_image(), nullptr);
  EXPECT_EQ(all.reason, "");
  EXPECT_FALSE(all.devices[0].usable());
  EXPECT_TRUE(all.devices[1].usable());
  all = describe_devices(driver.library(), {}, nullptr);
  EXPECT_THAT(all.reason, StartsWith("this build has no device code"));
  EXPECT_FALSE(all.devices[1].usable());
}

TEST(Discovery, AFailureIsAReason) {
  PretendedDriver driver;
  describe_devices(driver.library(), pretended_image(), nullptr);
  const int calls = driver.calls;
  ASSERT_GT(calls, 10);
  for (int n = 1; n <= calls; ++n) {
    PretendedDriver failing;
    failing.failing_call = n;
    const CudaDevices all = describe_devices(failing.library(), pretended_image(), nullptr);
    const bool gives_back = failing.failed.find("Release") != std::string::npos ||
                            failing.failed.find("Pop") != std::string::npos;
    EXPECT_EQ(all.reason.empty(), gives_back) << failing.failed << ": " << all.reason;
    EXPECT_EQ(failing.live(), 0u) << failing.failed;
    EXPECT_EQ(failing.current_contexts(), 0u) << failing.failed;
  }
}

TEST(Discovery, OfOneDeviceOpensNoOther) {
  PretendedDriver driver;
  driver.devices = {{"First"}, {"Second"}, {"Old", 5, 2}};
  const auto describe = [&](int index, std::span<const std::byte> image = pretended_image()) {
    return describe_device(driver.library(), index, image, nullptr);
  };
  const CudaDevice second = describe(1);
  EXPECT_EQ(second.name, "Second");
  EXPECT_EQ(second.index, 1);
  EXPECT_TRUE(second.usable());
  EXPECT_EQ(driver.count["cuDevicePrimaryCtxRetain"], 1);
  EXPECT_EQ(driver.live(), 0u);
  EXPECT_THAT(describe(2).reason, StartsWith("it has compute capability 5.2"));
  EXPECT_EQ(describe(3).reason, "expected 0 to 2");
  EXPECT_THAT(describe(0, {}).reason, StartsWith("this build has no device code"));
  EXPECT_EQ(count_devices(driver.library()), 3);
  driver.devices.clear();
  EXPECT_EQ(describe(0).reason, "the CUDA driver finds no device");
  EXPECT_EQ(count_devices(driver.library()), 0);
  const Library none{std::nullopt, 0, "no CUDA driver: it is not there"};
  EXPECT_EQ(describe_device(none, 0, pretended_image(), nullptr).reason, none.reason);
  EXPECT_EQ(count_devices(none), 0);
}

/// Whatever this machine is.
TEST(Discovery, OfThisMachineNeverThrows) {
  const CudaDevices all = describe_cuda_devices();
  EXPECT_GT(all.least_driver_version, 0);
  bool usable = false;
  for (const CudaDevice& d : all.devices) usable |= d.usable();
  EXPECT_EQ(all.reason.empty(), usable);
}

}  // namespace
}  // namespace octet::cuda::driver
