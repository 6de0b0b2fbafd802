#include "cuda/driver/context.h"

#include <fmt/format.h>

#include "octet/error.h"
#include "octet/types.h"

namespace octet::cuda::driver {
namespace {

/// After these every further call of the process to the device fails as well.
bool is_final(Status status) {
  switch (status) {
    case Status::kDeviceUnavailable:
    case Status::kEccUncorrectable:
    case Status::kNvlinkUncorrectable:
    case Status::kContained:
    case Status::kIllegalAddress:
    case Status::kLaunchTimeout:
    case Status::kContextIsDestroyed:
    case Status::kAssert:
    case Status::kHardwareStackError:
    case Status::kIllegalInstruction:
    case Status::kMisalignedAddress:
    case Status::kInvalidAddressSpace:
    case Status::kInvalidPc:
    case Status::kLaunchFailed:
    case Status::kMpsClientTerminated:
    case Status::kExternalDevice:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string status_text(const Api& api, Status status) {
  const char *name = nullptr, *text = nullptr;
  if (api.cuGetErrorName(status, &name) != Status::kSuccess || name == nullptr)
    return fmt::format("error {} of the driver's", static_cast<int>(status));
  if (api.cuGetErrorString(status, &text) != Status::kSuccess || text == nullptr) return name;
  return fmt::format("{} ({})", name, text);
}

Context::Context(const Api& api, DeviceId device, std::string label)
    : api_(api), device_(device), label_(std::move(label)) {
  check(api.cuDevicePrimaryCtxRetain(&handle_, device), "opening the device");
}
Context::~Context() { api_.cuDevicePrimaryCtxRelease_v2(device_); }

void Context::fail(Status status, std::string_view doing) const {
  const ErrorCode code = status == Status::kOutOfMemory ? ErrorCode::kMemoryLimit : ErrorCode::kIo;
  throw Error(code, fmt::format("{}: {}: {}{}", label_, doing, status_text(api_, status),
                                is_final(status) ? "; the device does no more work for this process" : ""));
}

MemoryBytes device_memory(const Context& context) {
  const Current current(context);
  MemoryBytes bytes;
  context.check(context.api().cuMemGetInfo_v2(&bytes.free, &bytes.total), "asking for its free memory");
  return bytes;
}

DeviceMemory::DeviceMemory(const Context& context, std::size_t bytes, std::string_view what) {
  if (bytes == 0) return;
  const Current current(context);
  Address address = 0;
  const Status status = context.api().cuMemAlloc_v2(&address, bytes);
  if (status == Status::kOutOfMemory) {
    MemoryBytes there;
    const bool known = context.api().cuMemGetInfo_v2(&there.free, &there.total) == Status::kSuccess;
    throw Error(ErrorCode::kMemoryLimit,
                fmt::format("{}: out of memory: {} ({} bytes) asked for {}, {}", context.label(),
                            format_bytes(bytes), bytes, what,
                            known ? fmt::format("{} ({} bytes) are free of {}", format_bytes(there.free),
                                                there.free, format_bytes(there.total))
                                  : "what is free is unknown"));
  }
  context.check(status, fmt::format("allocating {} for {}", format_bytes(bytes), what));
  memory_ = {context, address};
  bytes_ = bytes;
}

PinnedMemory::PinnedMemory(const Context& context, std::size_t bytes, std::string_view what) {
  if (bytes == 0) return;
  const Current current(context);
  void* memory = nullptr;
  constexpr unsigned kNoFlags = 0;
  context.check(
      context.api().cuMemHostAlloc(&memory, bytes, kNoFlags),
      fmt::format("allocating {} ({} bytes) of the host's memory for {}", format_bytes(bytes), bytes, what));
  memory_ = {context, memory};
  bytes_ = bytes;
}

Event make_event(const Context& context) {
  const Current current(context);
  EventHandle event = nullptr;
  constexpr unsigned kTimed = 0;
  context.check(context.api().cuEventCreate(&event, kTimed), "making an event");
  return {context, event};
}

}  // namespace octet::cuda::driver
