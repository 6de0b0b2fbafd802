// Test helper: a CUDA driver without a GPU. Device memory is the host's, copies and launches happen at once
// (launches on the model, cuda/model), streams can be captured and graphs replayed. It keeps the driver's
// rules -- a context is current, memory that is touched is there, nothing is given back twice -- and can be
// told to fail.
#pragma once

#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/aligned_buffer.h"
#include "cuda/device/functions.h"
#include "cuda/driver/library.h"
#include "cuda/launch.h"
#include "cuda/model/grid.h"

namespace octet::cuda::driver::test {

// NOLINTBEGIN(readability-identifier-naming,performance-no-int-to-ptr): the driver's own names; handles are
// numbers

struct PretendedDevice {
  std::string name = "Pretended H200";
  int major = 9, minor = 0;
  std::size_t memory_bytes = std::size_t{1} << 30;
};

/// One at a time, as the driver's functions have no `this`.
class PretendedDriver {
 public:
  PretendedDriver() {
    current() = this;
#define OCTET_DRIVER_CALL(symbol, parameters, names) api_.symbol = &Counted<&PretendedDriver::symbol>::call;
#include "cuda/driver/calls.inc"
  }
  ~PretendedDriver() { current() = nullptr; }
  PretendedDriver(const PretendedDriver&) = delete;
  PretendedDriver& operator=(const PretendedDriver&) = delete;

  Library library() const { return {api_, version, ""}; }

  // ---- what it pretends

  std::vector<PretendedDevice> devices{1};
  int version = 12040;
  Status init = Status::kSuccess;

  // ---- failures

  int calls = 0;                 ///< so far, but for those that ask for an error's words
  int failing_call = 0;          ///< this one fails, the first being 1; 0: none
  std::string failing_function;  ///< if not empty, only its calls are counted for failing_call
  int failing_device = -1;       ///< if not negative, only what happens in this device's context fails
  bool fails_from_then_on = false;
  Status failure = Status::kLaunchFailed;
  std::string failed;  ///< the function that was made to fail first

  // ---- what happened

  /// Things that were made and not given back.
  std::size_t live() const {
    return retained_ + modules_.size() + memory_.size() + pinned_.size() + streams_.size() + events_.size() +
           graphs_.size() + execs_.size();
  }
  std::size_t current_contexts() const {
    std::size_t all = 0;
    for (const auto& [thread, stack] : stacks_) all += stack.size();
    return all;
  }
  /// Rules that were broken.
  const std::vector<std::string>& faults() const { return faults_; }
  std::map<std::string, int> count;  ///< of calls, by function
  int launches = 0;                  ///< that ran, those of graphs among them
  int most_shared_bytes = 227 << 10;
  bool lacks_code = false;  ///< images but kCompiledImage have nothing for its devices
  static constexpr std::byte kCompiledImage[] = {std::byte{'c'}};
  std::map<Function, int> shared_limits;

 private:
  using Work = std::function<bool()>;  ///< false: it failed
  using Captured = std::vector<Work>;
  struct StreamState {
    std::unique_ptr<Captured> capture;  ///< null: not capturing
    bool failed = false;
  };

  static PretendedDriver*& current() {
    static PretendedDriver* driver = nullptr;
    return driver;
  }

  template <auto kCall>
  struct Counted;
  template <class... Args, Status (PretendedDriver::*kCall)(Args...)>
  struct Counted<kCall> {
    static Status call(Args... args) { return current()->enter(kCall, args...); }
  };
  template <class Call, class... Args>
  Status enter(Call call, Args... args) {
    const std::string& name = name_of(call);
    if (name.starts_with("cuGetError")) return (this->*call)(args...);
    ++calls;
    ++count[name];
    if (!fails_now(name)) return (this->*call)(args...);
    if (failed.empty()) failed = name;
    // What gives back does so, and reports an earlier error.
    for (const char* word : {"Destroy", "Free", "Unload", "Release", "Pop"})
      if (name.find(word) != std::string::npos) (this->*call)(args...);
    if constexpr (std::is_same_v<Call, decltype(&PretendedDriver::cuStreamEndCapture)>) end_capture(args...);
    return failure;
  }

  bool fails_now(const std::string& name) {
    if (failing_call == 0 || !is_failing_device()) return false;
    const bool counts = failing_function.empty() || failing_function == name;
    const int so_far = failing_function.empty() ? calls : failing_calls_ += counts;
    return so_far >= failing_call && (fails_from_then_on || (counts && so_far == failing_call));
  }
  bool is_failing_device() {
    return failing_device < 0 || (!stack().empty() && device_of(stack().back()) == failing_device);
  }

  template <class Call>
  static const std::string& name_of(Call call) {
    static std::vector<std::pair<Call, std::string>> names = [] {
      std::vector<std::pair<Call, std::string>> list;
#define OCTET_DRIVER_CALL(symbol, parameters, names)                      \
  if constexpr (std::is_same_v<Call, decltype(&PretendedDriver::symbol)>) \
    list.emplace_back(&PretendedDriver::symbol, #symbol);
#include "cuda/driver/calls.inc"
      return list;
    }();
    for (const auto& [known, name] : names)
      if (known == call) return name;
    static const std::string none;
    return none;
  }

  // ---- helpers

  Status fault(std::string what, Status status = Status::kInvalidValue) {
    faults_.push_back(std::move(what));
    return status;
  }
  /// Contexts of the calling thread, the current one last.
  std::vector<ContextHandle>& stack() { return stacks_[std::this_thread::get_id()]; }
  static DeviceId device_of(ContextHandle context) {
    return static_cast<DeviceId>(reinterpret_cast<std::uintptr_t>(context) - 1);
  }
  Status needs_context(const char* what) {
    return stack().empty() ? fault(std::string(what) + " without a current context", Status::kInvalidContext)
                           : Status::kSuccess;
  }
  template <class Handle>
  Handle make(std::set<Handle>& all) {
    const auto handle = reinterpret_cast<Handle>(++last_handle_);
    all.insert(handle);
    return handle;
  }
  template <class Set, class Handle>
  Status give_back(Set& all, Handle handle, const char* what) {
    return all.erase(handle) == 1 ? Status::kSuccess : fault(std::string("gives back twice: ") + what);
  }
  bool is_memory(Address address, std::size_t bytes) const {
    auto after = memory_.upper_bound(address);
    if (after == memory_.begin()) return false;
    --after;
    return address + bytes <= after->first + after->second.size();
  }
  bool is_pinned(const void* memory, std::size_t bytes) const {
    const auto* at = static_cast<const std::byte*>(memory);
    for (const auto& [begin, block] : pinned_)
      if (at >= block.data() && at + bytes <= block.data() + block.size()) return true;
    return false;
  }
  static void* pointer(Address address) { return reinterpret_cast<void*>(address); }

  Status submit(StreamHandle handle, const char* what, Work work) {
    if (const Status status = needs_context(what); status != Status::kSuccess) return status;
    const auto found = streams_.find(handle);
    if (found == streams_.end()) return fault(std::string(what) + " on no stream");
    StreamState& stream = found->second;
    if (stream.capture)
      stream.capture->push_back(std::move(work));
    else if (!work())
      stream.failed = true;
    return Status::kSuccess;
  }
  std::unique_ptr<Captured> end_capture(StreamHandle handle, GraphHandle*) {
    const auto found = streams_.find(handle);
    return found == streams_.end() ? nullptr : std::move(found->second.capture);
  }

  bool launch(int sm, Function function, const Grid& grid, const void* params, int shared_bytes) {
    using namespace device;  // the list names parameters as they are called there
    model::ModelLauncher launcher(sm);
    ++launches;
    try {
      switch (function) {
#define OCTET_DEVICE_FUNCTION(name, Params, body, threads, least_sm)                          \
  case Function::name:                                                                        \
    launcher.launch(Function::name, grid, *static_cast<const Params*>(params), shared_bytes); \
    break;
#include "cuda/functions.inc"
      }
    } catch (const std::logic_error& error) {
      faults_.push_back(error.what());
      return false;
    }
    return true;
  }
  static std::size_t param_bytes(Function function) {
    using namespace device;
    switch (function) {
#define OCTET_DEVICE_FUNCTION(name, Params, body, threads, least_sm) \
  case Function::name:                                               \
    return sizeof(Params);
#include "cuda/functions.inc"
    }
    return 0;
  }
  static Function function_of(FunctionHandle handle) {
    return static_cast<Function>(reinterpret_cast<std::uintptr_t>(handle) - 1);
  }

  // ---- the driver's functions

  Status cuInit(unsigned) { return init; }
  Status cuDriverGetVersion(int* v) { return *v = version, Status::kSuccess; }
  Status cuGetErrorName(Status status, const char** name) {
    *name = status == Status::kOutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_PRETENDED";
    return Status::kSuccess;
  }
  Status cuGetErrorString(Status, const char** text) { return *text = "as told", Status::kSuccess; }

  Status cuDeviceGetCount(int* n) { return *n = static_cast<int>(devices.size()), Status::kSuccess; }
  Status cuDeviceGet(DeviceId* id, int index) { return *id = index, Status::kSuccess; }
  const PretendedDevice& at(DeviceId id) const { return devices.at(static_cast<std::size_t>(id)); }
  Status cuDeviceGetName(char* name, int bytes, DeviceId id) {
    std::snprintf(name, static_cast<std::size_t>(bytes), "%s", at(id).name.c_str());
    return Status::kSuccess;
  }
  Status cuDeviceGetUuid_v2(Uuid* uuid, DeviceId id) {
    for (int i = 0; i < 16; ++i) uuid->bytes[i] = static_cast<unsigned char>(16 * i + id);
    return Status::kSuccess;
  }
  Status cuDeviceGetPCIBusId(char* address, int bytes, DeviceId id) {
    std::snprintf(address, static_cast<std::size_t>(bytes), "0000:%02X:00.0", 0x3b + id);
    return Status::kSuccess;
  }
  Status cuDeviceTotalMem_v2(std::size_t* bytes, DeviceId id) {
    return *bytes = at(id).memory_bytes, Status::kSuccess;
  }
  Status cuDeviceGetAttribute(int* value, DeviceAttribute attribute, DeviceId id) {
    switch (attribute) {
      case DeviceAttribute::kClockKilohertz:
        *value = 1'980'000;
        break;
      case DeviceAttribute::kMultiprocessors:
        *value = 132;
        break;
      case DeviceAttribute::kMemoryClockKilohertz:
        *value = 3'201'000;
        break;
      case DeviceAttribute::kMemoryBusBits:
        *value = 6144;
        break;
      case DeviceAttribute::kL2Bytes:
        *value = 50 << 20;
        break;
      case DeviceAttribute::kComputeCapabilityMajor:
        *value = at(id).major;
        break;
      case DeviceAttribute::kComputeCapabilityMinor:
        *value = at(id).minor;
        break;
      case DeviceAttribute::kMostSharedBytesPerBlock:
        *value = most_shared_bytes;
        break;
    }
    return Status::kSuccess;
  }

  Status cuDevicePrimaryCtxRetain(ContextHandle* context, DeviceId id) {
    ++retained_;
    *context = reinterpret_cast<ContextHandle>(static_cast<std::uintptr_t>(id) + 1);
    return Status::kSuccess;
  }
  Status cuDevicePrimaryCtxRelease_v2(DeviceId) {
    return retained_-- > 0 ? Status::kSuccess : fault("releases a context twice");
  }
  Status cuCtxPushCurrent_v2(ContextHandle context) { return stack().push_back(context), Status::kSuccess; }
  Status cuCtxPopCurrent_v2(ContextHandle* context) {
    if (stack().empty()) return fault("pops without a context");
    *context = stack().back();
    return stack().pop_back(), Status::kSuccess;
  }

  Status cuModuleLoadData(ModuleHandle* module, const void* image) {
    if (image == nullptr) return fault("loads no image");
    const bool is_compiled = *static_cast<const std::byte*>(image) == kCompiledImage[0];
    if (lacks_code && !is_compiled) return Status::kNoBinaryForDevice;
    return *module = make(modules_), needs_context("loads a module");
  }
  Status cuModuleUnload(ModuleHandle module) { return give_back(modules_, module, "module"); }
  Status cuModuleGetFunction(FunctionHandle* function, ModuleHandle, const char* name) {
    for (int f = 0; f < function_count(); ++f) {
      if (std::string("octet_") + describe(static_cast<Function>(f)).name != name) continue;
      *function = reinterpret_cast<FunctionHandle>(static_cast<std::uintptr_t>(f) + 1);
      return needs_context("looks up a function");
    }
    return Status::kNotFound;
  }
  Status cuFuncSetAttribute(FunctionHandle function, FunctionAttribute, int value) {
    return shared_limits[function_of(function)] = value, Status::kSuccess;
  }

  Status cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
    if (stack().empty()) return needs_context("asks for free memory");
    *total = at(device_of(stack().back())).memory_bytes;
    *free = *total;
    for (const auto& [address, block] : memory_) *free -= block.size();
    return Status::kSuccess;
  }
  Status cuMemAlloc_v2(Address* address, std::size_t bytes) {
    std::size_t free = 0, total = 0;
    if (const Status status = cuMemGetInfo_v2(&free, &total); status != Status::kSuccess) return status;
    if (bytes == 0) return fault("allocates nothing");
    if (bytes > free) return Status::kOutOfMemory;
    base::AlignedBuffer block(bytes);
    std::memset(block.data(), 0xa5, bytes);
    *address = reinterpret_cast<Address>(block.data());
    memory_.emplace(*address, std::move(block));
    return Status::kSuccess;
  }
  Status cuMemFree_v2(Address address) { return give_back(memory_, address, "memory"); }
  Status cuMemHostAlloc(void** memory, std::size_t bytes, unsigned) {
    if (bytes == 0) return fault("allocates nothing of the host's");
    base::AlignedBuffer block(bytes);
    *memory = block.data();
    pinned_.emplace(*memory, std::move(block));
    return needs_context("allocates the host's memory");
  }
  Status cuMemFreeHost(void* memory) { return give_back(pinned_, memory, "the host's memory"); }

  Status cuStreamCreate(StreamHandle* stream, unsigned flags) {
    if (flags != kStreamNonBlocking) return fault("a stream that waits for the default one");
    *stream = reinterpret_cast<StreamHandle>(++last_handle_);
    streams_[*stream];
    return needs_context("makes a stream");
  }
  Status cuStreamDestroy_v2(StreamHandle stream) { return give_back(streams_, stream, "stream"); }
  Status cuStreamSynchronize(StreamHandle handle) {
    if (const Status status = needs_context("synchronises"); status != Status::kSuccess) return status;
    StreamState& stream = streams_.at(handle);
    if (stream.capture) return fault("synchronises while capturing");
    return stream.failed ? Status::kLaunchFailed : Status::kSuccess;
  }
  Status cuMemcpyHtoDAsync_v2(Address to, const void* from, std::size_t bytes, StreamHandle stream) {
    if (!is_memory(to, bytes)) return fault("copies to what is no device memory");
    return submit(stream, "copies", [=] { return std::memcpy(pointer(to), from, bytes) != nullptr; });
  }
  Status cuMemcpyDtoHAsync_v2(void* to, Address from, std::size_t bytes, StreamHandle stream) {
    if (!is_memory(from, bytes)) return fault("copies from what is no device memory");
    if (!is_pinned(to, bytes)) return fault("copies to memory that is not pinned");
    return submit(stream, "copies", [=] { return std::memcpy(to, pointer(from), bytes) != nullptr; });
  }
  Status cuMemsetD8Async(Address to, unsigned char value, std::size_t bytes, StreamHandle stream) {
    if (!is_memory(to, bytes)) return fault("clears what is no device memory");
    return submit(stream, "clears", [=] { return std::memset(pointer(to), value, bytes) != nullptr; });
  }
  Status cuLaunchKernel(FunctionHandle handle, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        StreamHandle stream, void** parameters, void** extra) {
    const Function function = function_of(handle);
    if (static_cast<int>(block_x) != describe(function).threads || block_y != 1 || block_z != 1)
      return fault("launches other blocks than the function's");
    if (extra != nullptr || static_cast<int>(shared_bytes) > std::max(48 << 10, shared_limits[function]))
      return fault("launches with more shared memory than it asked for");
    if (stack().empty()) return needs_context("launches");
    const PretendedDevice& on = at(device_of(stack().back()));
    const auto* bytes = static_cast<const std::byte*>(parameters[0]);
    const std::vector<std::byte> params(bytes, bytes + param_bytes(function));
    return submit(stream, "launches", [=, this, sm = 10 * on.major + on.minor] {
      return launch(sm, function, {grid_x, grid_y, grid_z}, params.data(), static_cast<int>(shared_bytes));
    });
  }

  Status cuEventCreate(EventHandle* event, unsigned) {
    return *event = make(events_), needs_context("makes an event");
  }
  Status cuEventDestroy_v2(EventHandle event) { return give_back(events_, event, "event"); }
  Status cuEventRecord(EventHandle event, StreamHandle stream) {
    if (streams_.at(stream).capture) return fault("records an event into a graph");
    return submit(stream, "records", [=, this] { return (event_times_[event] = ++clock_) > 0; });
  }
  Status cuEventElapsedTime(float* milliseconds, EventHandle begin, EventHandle end) {
    if (event_times_.count(begin) == 0 || event_times_.count(end) == 0)
      return fault("asks for the time of events that were not recorded");
    *milliseconds = static_cast<float>(event_times_[end] - event_times_[begin]);
    return Status::kSuccess;
  }

  Status cuStreamBeginCapture_v2(StreamHandle stream, CaptureMode) {
    if (streams_.at(stream).capture) return fault("captures while capturing");
    streams_.at(stream).capture = std::make_unique<Captured>();
    return needs_context("captures");
  }
  Status cuStreamEndCapture(StreamHandle stream, GraphHandle* graph) {
    std::unique_ptr<Captured> work = end_capture(stream, graph);
    if (!work) return fault("ends a capture that was not begun");
    *graph = reinterpret_cast<GraphHandle>(++last_handle_);
    graphs_[*graph] = std::move(*work);
    return Status::kSuccess;
  }
  Status cuGraphInstantiateWithFlags(GraphExecHandle* exec, GraphHandle graph, unsigned long long) {
    *exec = reinterpret_cast<GraphExecHandle>(++last_handle_);
    execs_[*exec] = graphs_.at(graph);
    return needs_context("instantiates");
  }
  Status cuGraphDestroy(GraphHandle graph) { return give_back(graphs_, graph, "graph"); }
  Status cuGraphExecDestroy(GraphExecHandle exec) { return give_back(execs_, exec, "executable graph"); }
  Status cuGraphLaunch(GraphExecHandle exec, StreamHandle stream) {
    return submit(stream, "replays", [this, exec] {
      for (const Work& work : execs_.at(exec))
        if (!work()) return false;
      return true;
    });
  }

  Api api_;
  std::uintptr_t last_handle_ = 0;
  int failing_calls_ = 0;
  std::map<std::thread::id, std::vector<ContextHandle>> stacks_;
  std::vector<std::string> faults_;
  std::size_t retained_ = 0;
  std::set<ModuleHandle> modules_;
  std::map<Address, base::AlignedBuffer> memory_;
  std::map<void*, base::AlignedBuffer> pinned_;
  std::map<StreamHandle, StreamState> streams_;
  std::set<EventHandle> events_;
  std::map<EventHandle, int> event_times_;
  int clock_ = 0;
  std::map<GraphHandle, Captured> graphs_;
  std::map<GraphExecHandle, Captured> execs_;
};

/// Any bytes do: the pretended driver does not read them.
/// Of Device: what a run-time compiler would make.
inline std::vector<std::byte> pretended_compiler(int /*sm*/) {
  return {std::begin(PretendedDriver::kCompiledImage), std::end(PretendedDriver::kCompiledImage)};
}

inline std::span<const std::byte> pretended_image() {
  static const std::byte image[64] = {};
  return image;
}

// NOLINTEND(readability-identifier-naming,performance-no-int-to-ptr)

}  // namespace octet::cuda::driver::test
