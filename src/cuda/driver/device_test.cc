// A device on the pretended driver: what it loads, what it says when something fails, what it gives back.
#include "cuda/driver/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "cuda/driver/test_driver.h"
#include "octet/error.h"
#include "tests/support/message_of.h"

namespace octet::cuda::driver {
namespace {

using octet::test::message_of;
using test::pretended_compiler;
using test::pretended_image;
using test::PretendedDriver;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Device, LoadsEachFunctionThatItsComputeCapabilityHas) {
  PretendedDriver driver;
  {
    const Library library = driver.library();
    const Device device(library, 0, pretended_image(), pretended_compiler);
    EXPECT_EQ(device.label(), "CUDA device 0 (Pretended H200)");
    EXPECT_EQ(device.compute_capability(), 90);
    EXPECT_EQ(device.most_shared_bytes(), 227 << 10);
    for (int f = 0; f < function_count(); ++f) {
      const auto function = static_cast<Function>(f);
      EXPECT_EQ(device.handle_of(function) != nullptr, describe(function).least_sm <= 90) << f;
      EXPECT_EQ(driver.shared_limits[function], 227 << 10) << f;
    }
    EXPECT_EQ(driver.current_contexts(), 0u);
  }
  EXPECT_EQ(driver.live(), 0u);
  EXPECT_THAT(driver.faults(), testing::IsEmpty());
}

TEST(Device, SaysWhyItCannotBeUsed) {
  PretendedDriver driver;
  Library library = driver.library();
  const auto message = [&](int index, std::span<const std::byte> image = pretended_image()) {
    return message_of([&] { Device(library, index, image, pretended_compiler); });
  };
  EXPECT_EQ(message(1), "CUDA device 1: expected 0, the only one");
  EXPECT_THAT(message(0, {}), HasSubstr("no device code"));
  driver.devices.resize(3);
  EXPECT_EQ(message(3), "CUDA device 3: expected 0 to 2");
  EXPECT_EQ(message(-1), "CUDA device -1: expected 0 to 2");
  driver.devices[1] = {"Pretended P100", 6, 0};
  EXPECT_EQ(message(1),
            "CUDA device 1 (Pretended P100): it has compute capability 6.0, 6.1 or later is needed");
  library = {std::nullopt, 0, "no CUDA driver: it is not there"};
  EXPECT_EQ(message(0), "CUDA device 0: no CUDA driver: it is not there");
}

TEST(Device, CompilesWhatTheImageHasNothingFor) {
  PretendedDriver driver;
  driver.lacks_code = true;
  const Library library = driver.library();
  int compiled_for = 0;
  const Device device(library, 0, pretended_image(),
                      [&](int sm) { return compiled_for = sm, pretended_compiler(sm); });
  EXPECT_EQ(compiled_for, 90);
  const std::string message = message_of([&] {
    Device(library, 0, pretended_image(),
           [](int) -> std::vector<std::byte> { throw Error(ErrorCode::kNotFound, "no libnvrtc here"); });
  });
  EXPECT_THAT(message, AllOf(StartsWith("CUDA device 0 (Pretended H200): this build has no device code for"),
                             HasSubstr("9.0"), HasSubstr("no libnvrtc here")));
}

TEST(Device, OutOfMemorySaysWhatWasAskedForAndWhatIsFree) {
  PretendedDriver driver;
  driver.devices[0].memory_bytes = 1 << 20;
  const Library library = driver.library();
  const Device device(library, 0, pretended_image(), pretended_compiler);
  const DeviceMemory memory(device.context(), 1 << 19, "weights");
  try {
    const DeviceMemory more(device.context(), (1 << 19) + 64, "activations");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemoryLimit);
    EXPECT_THAT(error.what(), AllOf(StartsWith("CUDA device 0 (Pretended H200): out of memory: "),
                                    HasSubstr("(524352 bytes) asked for activations"),
                                    HasSubstr("(524288 bytes) are free")));
  }
  driver.failing_call = driver.calls + 2;  // behind the context
  driver.failure = Status::kOutOfMemory;
  try {
    const PinnedMemory pinned(device.context(), 100, "input 'data'");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemoryLimit);
    EXPECT_THAT(error.what(),
                HasSubstr("(100 bytes) of the host's memory for input 'data': CUDA_ERROR_OUT_OF_MEMORY"));
  }
}

TEST(Device, AFailedCallSaysWhatWasBeingDone) {
  PretendedDriver driver;
  const Library library = driver.library();
  const Device device(library, 0, pretended_image(), pretended_compiler);
  const auto message = [&](Status status) {
    return message_of([&] { device.context().fail(status, "resting"); });
  };
  EXPECT_EQ(message(Status::kInvalidValue),
            "CUDA device 0 (Pretended H200): resting: CUDA_ERROR_PRETENDED (as told)");
  for (const Status final : {Status::kIllegalAddress, Status::kEccUncorrectable, Status::kDeviceUnavailable})
    EXPECT_THAT(message(final), HasSubstr("; the device does no more work for this process"));
}

TEST(Stream, RefusesLaunchesThatNoDeviceTakes) {
  PretendedDriver driver;
  const Library library = driver.library();
  const Device device(library, 0, pretended_image(), pretended_compiler);
  Stream stream(device);
  const Current current(device.context());
  const auto message = [&](const Grid& grid, int shared_bytes) {
    return message_of(
        [&] { stream.launch(Function::pool_max_u8, grid, device::PoolParams{}, shared_bytes); });
  };
  EXPECT_EQ(message({1}, 0), "no error");
  EXPECT_THAT(message({std::int64_t{1} << 31}, 0), HasSubstr("over 2147483648 x 1 x 1 blocks"));
  EXPECT_THAT(message({0}, 0), HasSubstr("cannot launch pool_max_u8"));
  EXPECT_THAT(message({1, 65536}, 0), HasSubstr("cannot launch pool_max_u8"));
  EXPECT_THAT(message({1}, (227 << 10) + 1), HasSubstr("and 232448 bytes"));
}

TEST(Stream, CopiesAndClears) {
  PretendedDriver driver;
  const Library library = driver.library();
  const Device device(library, 0, pretended_image(), pretended_compiler);
  const std::vector<std::byte> bytes(100, std::byte{7});
  const DeviceMemory memory = upload(device, bytes, "weights");
  EXPECT_EQ(device_memory(device.context()).free, (std::size_t{1} << 30) - 100);
  const PinnedMemory back(device.context(), 100, "output");
  Stream stream(device);
  const Current current(device.context());
  stream.clear(memory.data() + 50, 50);
  stream.copy_to_host(back.data(), memory.data(), 100);
  stream.synchronize("copying");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(back.data()[i], std::byte(i < 50 ? 7 : 0)) << i;
  EXPECT_EQ(upload(device, {}, "no weights").data(), nullptr);
  EXPECT_THAT(driver.faults(), testing::IsEmpty());
}

TEST(Stream, AnExceptionEndsACapture) {
  PretendedDriver driver;
  const Library library = driver.library();
  const Device device(library, 0, pretended_image(), pretended_compiler);
  Stream stream(device);
  const Current current(device.context());
  const auto fail = [] { throw Error(ErrorCode::kInternal, "stop"); };
  EXPECT_EQ(message_of([&] { stream.capture(fail); }), "stop");
  stream.synchronize("nothing");
  EXPECT_TRUE(stream.capture([] {}));
  EXPECT_THAT(driver.faults(), testing::IsEmpty());
}

}  // namespace
}  // namespace octet::cuda::driver
