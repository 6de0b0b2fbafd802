#include "cuda/driver/discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "cuda/driver/context.h"
#include "cuda/driver/peaks.h"
#include "cuda/module.h"
#include "octet/error.h"

namespace octet::cuda::driver {
namespace {

constexpr const char* kNoCode = "this build has no device code: there was no CUDA compiler when it was built";

std::string capability_text(int sm) { return fmt::format("{}.{}", sm / 10, sm % 10); }

/// Why a device cannot be used, by its compute capability.
std::string too_old(int sm) {
  return fmt::format("it has compute capability {}, {} or later is needed", capability_text(sm),
                     capability_text(kLeastComputeCapability));
}

/// Why an index has no device, of `count` devices.
std::string outside(int count) {
  return count == 1 ? "expected 0, the only one" : fmt::format("expected 0 to {}", count - 1);
}

std::string none_visible(const char* visible) {
  if (visible == nullptr) return "the CUDA driver finds no device";
  if (*visible == '\0') return "CUDA_VISIBLE_DEVICES is empty, which hides every CUDA device";
  return fmt::format("the CUDA driver finds no device that CUDA_VISIBLE_DEVICES=\"{}\" shows", visible);
}

/// Devices of a driver that could be opened.
class Devices {
 public:
  explicit Devices(const Api& api) : api_(api) {}

  /// Why there are none, or empty.
  std::string start(const char* visible) {
    Status status = api_.cuInit(0);
    if (status == Status::kSuccess) status = api_.cuDeviceGetCount(&count_);
    if (status == Status::kNoDevice || (status == Status::kSuccess && count_ < 1)) {
      count_ = 0;
      return none_visible(visible);
    }
    if (status == Status::kSuccess) return "";
    count_ = 0;
    return fmt::format("the CUDA driver does not start: {}", status_text(api_, status));
  }
  int count() const { return count_; }

  /// Throws Error(kIo), as the functions below.
  DeviceId id(int index) const {
    DeviceId id = 0;
    check(api_.cuDeviceGet(&id, index), index, "asking for the device");
    return id;
  }
  std::string name(int index, DeviceId id) const {
    char text[256] = {};
    check(api_.cuDeviceGetName(text, sizeof text - 1, id), index, "asking for its name");
    return text;
  }
  std::string pci_address(int index, DeviceId id) const {
    char text[64] = {};
    check(api_.cuDeviceGetPCIBusId(text, sizeof text - 1, id), index, "asking for its PCI address");
    return text;
  }
  std::string uuid(int index, DeviceId id) const {
    Uuid uuid = {};
    check(api_.cuDeviceGetUuid_v2(&uuid, id), index, "asking for its UUID");
    std::string text = "GPU";
    for (int i = 0; i < 16; ++i) {
      const bool group = i == 0 || i == 4 || i == 6 || i == 8 || i == 10;
      text += fmt::format("{}{:02x}", group ? "-" : "", uuid.bytes[i]);
    }
    return text;
  }
  std::size_t memory(int index, DeviceId id) const {
    std::size_t bytes = 0;
    check(api_.cuDeviceTotalMem_v2(&bytes, id), index, "asking for its memory");
    return bytes;
  }
  int attribute(int index, DeviceId id, DeviceAttribute attribute) const {
    int value = 0;
    check(api_.cuDeviceGetAttribute(&value, attribute, id), index, "asking for its attributes");
    return value;
  }
  int compute_capability(int index, DeviceId id) const {
    return 10 * attribute(index, id, DeviceAttribute::kComputeCapabilityMajor) +
           attribute(index, id, DeviceAttribute::kComputeCapabilityMinor);
  }

  /// With what is known when something is not: its `reason` then says why.
  CudaDevice describe(int index) const {
    CudaDevice d;
    d.index = index;
    try {
      fill(d);
    } catch (const Error& error) {
      d.reason = error.what();
    }
    return d;
  }

 private:
  void check(Status status, int index, std::string_view doing) const {
    if (status != Status::kSuccess)
      throw Error(ErrorCode::kIo,
                  fmt::format("CUDA device {}: {}: {}", index, doing, status_text(api_, status)));
  }

  void fill(CudaDevice& d) const {
    const DeviceId id = this->id(d.index);
    const auto value = [&](DeviceAttribute which) { return attribute(d.index, id, which); };
    d.name = name(d.index, id);
    d.compute_capability = compute_capability(d.index, id);
    d.multiprocessors = value(DeviceAttribute::kMultiprocessors);
    d.clock_mhz = value(DeviceAttribute::kClockKilohertz) / 1e3;
    d.memory_clock_mhz = value(DeviceAttribute::kMemoryClockKilohertz) / 1e3;
    d.memory_bus_bits = value(DeviceAttribute::kMemoryBusBits);
    d.l2_bytes = static_cast<std::uint64_t>(value(DeviceAttribute::kL2Bytes));
    d.memory_bytes = memory(d.index, id);
    d.pci_address = pci_address(d.index, id);
    d.uuid = uuid(d.index, id);
    d.dp4a_int8_tops = dp4a_tops(d.compute_capability, d.multiprocessors, d.clock_mhz);
    d.tensor_int8_tops = tensor_tops(d.compute_capability, d.multiprocessors, d.clock_mhz);
    d.memory_gbps = driver::memory_gbps(d.memory_clock_mhz, d.memory_bus_bits);
    // Only a context knows. One that cannot be had (a device set aside for another process, no memory left)
    // is why the device cannot be used.
    const Context context(api_, id, fmt::format("CUDA device {} ({})", d.index, d.name));
    d.free_memory_bytes = device_memory(context).free;
    if (d.compute_capability < kLeastComputeCapability) d.reason = too_old(d.compute_capability);
  }

  const Api& api_;
  int count_ = 0;
};

std::string reasons_of(const std::vector<CudaDevice>& devices) {
  std::string text = "no CUDA device can be used:";
  for (const CudaDevice& d : devices) {
    if (d.usable()) return "";
    text += fmt::format("{} device {}{}, {}", d.index == 0 ? "" : ";", d.index,
                        d.name.empty() ? "" : fmt::format(" ({})", d.name), d.reason);
  }
  return text;
}

}  // namespace

CudaDevices describe_devices(const Library& library, std::span<const std::byte> image, const char* visible) {
  CudaDevices result;
  result.driver_version = library.version;
  result.least_driver_version = kLeastDriverVersion;
  result.reason = library.reason;
  if (library.api) {
    Devices devices(*library.api);
    result.reason = devices.start(visible);
    for (int i = 0; i < devices.count(); ++i) result.devices.push_back(devices.describe(i));
    if (!result.devices.empty()) result.reason = reasons_of(result.devices);
  }
  if (image.empty()) {
    for (CudaDevice& d : result.devices)
      if (d.reason.empty()) d.reason = kNoCode;
    result.reason = result.reason.empty() ? kNoCode : fmt::format("{}, and {}", kNoCode, result.reason);
  }
  return result;
}

CudaDevice describe_device(const Library& library, int index, std::span<const std::byte> image,
                           const char* visible) {
  CudaDevice none;
  none.index = index;
  none.reason = library.reason;
  if (!library.api) return none;
  Devices devices(*library.api);
  none.reason = devices.start(visible);
  if (!none.reason.empty()) return none;
  if (index < 0 || index >= devices.count()) {
    none.reason = outside(devices.count());
    return none;
  }
  CudaDevice d = devices.describe(index);
  if (d.reason.empty() && image.empty()) d.reason = kNoCode;
  return d;
}

int count_devices(const Library& library) {
  if (!library.api) return 0;
  Devices devices(*library.api);
  return devices.start(nullptr).empty() ? devices.count() : 0;
}

Facts usable_device(const Library& library, int index, std::span<const std::byte> image) {
  if (image.empty()) throw Error(ErrorCode::kUnsupported, fmt::format("CUDA device {}: {}", index, kNoCode));
  if (!library.api)
    throw Error(ErrorCode::kNotFound, fmt::format("CUDA device {}: {}", index, library.reason));
  Devices devices(*library.api);
  if (const std::string none = devices.start(std::getenv("CUDA_VISIBLE_DEVICES")); !none.empty())
    throw Error(ErrorCode::kNotFound, fmt::format("CUDA device {}: {}", index, none));
  if (index < 0 || index >= devices.count())
    throw Error(ErrorCode::kNotFound, fmt::format("CUDA device {}: {}", index, outside(devices.count())));
  Facts facts;
  facts.id = devices.id(index);
  facts.label = fmt::format("CUDA device {} ({})", index, devices.name(index, facts.id));
  facts.sm = devices.compute_capability(index, facts.id);
  facts.multiprocessors = devices.attribute(index, facts.id, DeviceAttribute::kMultiprocessors);
  constexpr int kEveryDeviceHas = 48 << 10;
  facts.most_shared_bytes = std::max(
      kEveryDeviceHas, devices.attribute(index, facts.id, DeviceAttribute::kMostSharedBytesPerBlock));
  if (facts.sm < kLeastComputeCapability)
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {}", facts.label, too_old(facts.sm)));
  return facts;
}

}  // namespace octet::cuda::driver

namespace octet {

CudaDevices describe_cuda_devices() {
  return cuda::driver::describe_devices(cuda::driver::library(), cuda::module_image(),
                                        std::getenv("CUDA_VISIBLE_DEVICES"));
}
CudaDevice describe_cuda_device(int index) {
  return cuda::driver::describe_device(cuda::driver::library(), index, cuda::module_image(),
                                       std::getenv("CUDA_VISIBLE_DEVICES"));
}
int count_cuda_devices() { return cuda::driver::count_devices(cuda::driver::library()); }

}  // namespace octet
