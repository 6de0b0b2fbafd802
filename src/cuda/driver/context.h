// A device's context and what lives in it. The primary context is the one that CUDA's runtime uses as well,
// so that other CUDA code in the process shares it. Whatever a thread had as its current context before a
// call of ours is current again after it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "cuda/driver/api.h"

namespace octet::cuda::driver {

/// The device's primary context, retained. Must outlive what is made in it.
class Context {
 public:
  /// Throws Error(kIo). `label` names the device in errors.
  Context(const Api& api, DeviceId device, std::string label);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const Api& api() const { return api_; }
  ContextHandle handle() const { return handle_; }
  const std::string& label() const { return label_; }

  /// Throws the Error of a failed call: what was being done, the driver's name and text for it.
  void check(Status status, std::string_view doing) const {
    if (status != Status::kSuccess) fail(status, doing);
  }
  [[noreturn]] void fail(Status status, std::string_view doing) const;

 private:
  const Api& api_;
  DeviceId device_;
  ContextHandle handle_ = nullptr;
  std::string label_;
};

/// "CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected)".
std::string status_text(const Api& api, Status status);

/// Makes a context the calling thread's current one while it lives. What works on streams and events needs
/// one; what allocates, makes and gives back has its own.
class Current {
 public:
  explicit Current(const Context& context) : context_(context) {
    context.check(context.api().cuCtxPushCurrent_v2(context.handle()), "entering the device's context");
  }
  ~Current() {
    ContextHandle popped;
    context_.api().cuCtxPopCurrent_v2(&popped);
  }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  const Context& context_;
};

/// Something of the driver's that is given back when it goes. That never throws: a device that has failed
/// reports so again and again, and its memory is gone with it.
template <class Handle, Status (*Api::*kGiveBack)(Handle)>
class Owned {
 public:
  Owned() = default;
  Owned(const Context& context, Handle handle) : context_(&context), handle_(handle) {}
  Owned(Owned&& other) noexcept
      : context_(std::exchange(other.context_, nullptr)), handle_(std::exchange(other.handle_, Handle{})) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(context_, other.context_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Owned() {
    if (context_ == nullptr) return;
    const Api& api = context_->api();
    const bool entered = api.cuCtxPushCurrent_v2(context_->handle()) == Status::kSuccess;
    (api.*kGiveBack)(handle_);
    if (ContextHandle popped; entered) api.cuCtxPopCurrent_v2(&popped);
  }

  explicit operator bool() const { return context_ != nullptr; }
  Handle get() const { return handle_; }

 private:
  const Context* context_ = nullptr;
  Handle handle_ = {};
};

using Module = Owned<ModuleHandle, &Api::cuModuleUnload>;
using Event = Owned<EventHandle, &Api::cuEventDestroy_v2>;
using Graph = Owned<GraphHandle, &Api::cuGraphDestroy>;
using GraphExec = Owned<GraphExecHandle, &Api::cuGraphExecDestroy>;

/// Memory of the device.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  /// On a boundary of 256 bytes. `what` is for the message of Error(kMemoryLimit), which says the bytes that
  /// were asked for and that are free.
  DeviceMemory(const Context& context, std::size_t bytes, std::string_view what);

  /// An address of the device's, which the driver has as a number.
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  std::byte* data() const { return reinterpret_cast<std::byte*>(memory_.get()); }
  std::size_t size() const { return bytes_; }

 private:
  Owned<Address, &Api::cuMemFree_v2> memory_;
  std::size_t bytes_ = 0;
};

/// Memory of the host that the device copies from and to by itself.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  /// Throws Error(kMemoryLimit) saying what was asked for.
  PinnedMemory(const Context& context, std::size_t bytes, std::string_view what);

  std::byte* data() const { return static_cast<std::byte*>(memory_.get()); }
  std::size_t size() const { return bytes_; }

 private:
  Owned<void*, &Api::cuMemFreeHost> memory_;
  std::size_t bytes_ = 0;
};

Event make_event(const Context& context);

struct MemoryBytes {
  std::size_t free = 0, total = 0;
};
/// Of the device, for all processes.
MemoryBytes device_memory(const Context& context);

}  // namespace octet::cuda::driver
