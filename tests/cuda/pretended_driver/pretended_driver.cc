// libcuda.so.1 without a GPU, for whole programs: what their own dlopen finds when LD_LIBRARY_PATH says so.
// All calls go to the pretended driver (cuda/driver/test_driver.h), whose launches run on the model of a GPU.
// A rule of the driver's that the program breaks is said on stderr ("pretended driver: ...").
//
// What it pretends:
//   OCTET_PRETENDED_DEVICES  NAME:CAPABILITY:BYTES, separated by ';' ("H200:9.0:1073741824;L4:8.9:4096");
//   unset:
//                            one device; "none": none
//   OCTET_PRETENDED_CUDA     version of CUDA, as the driver counts ("12040")
//   OCTET_PRETENDED_FAILURE  FUNCTION:N:STATUS[:DEVICE]: the N-th call of the function, in the context of the
//   device
//                            if one is named, gives this status, and from then on every call does
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <sstream>

#include "cuda/driver/test_driver.h"

namespace octet::cuda::driver::test {
namespace {

std::vector<std::string> parts_of(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

/// A test that asks for nonsense should see so.
[[noreturn]] void refuse(const char* variable, const char* text) {
  std::fprintf(stderr, "pretended driver: %s=%s\n", variable, text);
  std::_Exit(70);
}

/// A whole number and nothing else.
template <class Number>
Number number_of(const std::string& text, const char* variable) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) refuse(variable, text.c_str());
  return value;
}

std::vector<PretendedDevice> devices_from(const char* text) {
  std::vector<PretendedDevice> devices;
  if (std::string(text) == "none") return devices;
  for (const std::string& one : parts_of(text, ';')) {
    const std::vector<std::string> parts = parts_of(one, ':');
    if (parts.size() != 3) refuse("OCTET_PRETENDED_DEVICES", text);
    PretendedDevice device;
    device.name = parts[0];
    const std::vector<std::string> capability = parts_of(parts[1], '.');
    if (capability.size() != 2) refuse("OCTET_PRETENDED_DEVICES", text);
    device.major = number_of<int>(capability[0], "OCTET_PRETENDED_DEVICES");
    device.minor = number_of<int>(capability[1], "OCTET_PRETENDED_DEVICES");
    device.memory_bytes = number_of<std::size_t>(parts[2], "OCTET_PRETENDED_DEVICES");
    devices.push_back(device);
  }
  return devices;
}

void set_failure(PretendedDriver& driver, const char* text) {
  const std::vector<std::string> parts = parts_of(text, ':');
  if (parts.size() != 3 && parts.size() != 4) refuse("OCTET_PRETENDED_FAILURE", text);
  driver.failing_function = parts[0];
  driver.failing_call = number_of<int>(parts[1], "OCTET_PRETENDED_FAILURE");
  driver.failure = static_cast<Status>(number_of<int>(parts[2], "OCTET_PRETENDED_FAILURE"));
  if (parts.size() == 4) driver.failing_device = number_of<int>(parts[3], "OCTET_PRETENDED_FAILURE");
  driver.fails_from_then_on = true;
}

/// Never destroyed: programs give back what they have while they end.
PretendedDriver& pretended() {
  static PretendedDriver* const only = [] {
    auto* driver = new PretendedDriver;
    if (const char* text = std::getenv("OCTET_PRETENDED_DEVICES")) driver->devices = devices_from(text);
    if (const char* text = std::getenv("OCTET_PRETENDED_CUDA"))
      driver->version = number_of<int>(text, "OCTET_PRETENDED_CUDA");
    if (const char* text = std::getenv("OCTET_PRETENDED_FAILURE")) set_failure(*driver, text);
    return driver;
  }();
  return *only;
}

/// A GPU takes calls from any thread; the pretended one takes one at a time.
std::mutex one_call;

void say_faults(const PretendedDriver& driver) {
  static std::size_t said = 0;
  for (; said < driver.faults().size(); ++said)
    std::fprintf(stderr, "pretended driver: %s\n", driver.faults()[said].c_str());
}

/// As the functions of PretendedDriver's table.
template <class Call, class... Args>
Status forward(Call Api::*call, Args... args) {
  const std::lock_guard lock(one_call);
  PretendedDriver& driver = pretended();
  const Status status = ((*driver.library().api).*call)(args...);
  say_faults(driver);
  return status;
}

}  // namespace
}  // namespace octet::cuda::driver::test

namespace octet::cuda::driver {
#define OCTET_DRIVER_CALL(symbol, parameters, names)                          \
  extern "C" __attribute__((visibility("default"))) Status symbol parameters; \
  Status symbol parameters { return test::forward(&Api::symbol, OCTET_NAMES names); }
#define OCTET_NAMES(...) __VA_ARGS__
#include "cuda/driver/calls.inc"
}  // namespace octet::cuda::driver
