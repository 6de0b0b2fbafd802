#include "cuda/driver/device.h"

#include <fmt/format.h>

#include <limits>

#include "cuda/driver/discovery.h"
#include "cuda/module.h"
#include "cuda/runtime_compiler.h"
#include "octet/error.h"
#include "octet/types.h"

namespace octet::cuda::driver {
namespace {

Address address_of(const std::byte* memory) { return reinterpret_cast<Address>(memory); }

}  // namespace

Device::Device(const Library& library, int index, std::span<const std::byte> image, const Compile& compile) {
  const Facts facts = usable_device(library, index, image);
  sm_ = facts.sm;
  multiprocessors_ = facts.multiprocessors;
  most_shared_bytes_ = facts.most_shared_bytes;
  context_ = std::make_unique<Context>(*library.api, facts.id, facts.label);
  load(image, compile, library.version);
}
Device::Device(int index)
    : Device(library(), index, module_image(),
             [](int sm) { return RuntimeCompiler().compile(fmt::format("sm_{}", sm)); }) {}

void Device::load(std::span<const std::byte> image, const Compile& compile, int driver_version) {
  const Context& context = *context_;
  const Api& api = context.api();
  const Current current(context);
  ModuleHandle module = nullptr;
  Status status = api.cuModuleLoadData(&module, image.data());
  std::vector<std::byte> compiled;
  if (status == Status::kNoBinaryForDevice) {
    try {
      compiled = compile(sm_);
    } catch (const Error& error) {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("{}: this build has no device code for its compute capability {}.{}, and none can be "
                      "compiled: {} (docs/cuda-build.md)",
                      label(), sm_ / 10, sm_ % 10, error.what()));
    }
    image = compiled;
    status = api.cuModuleLoadData(&module, image.data());
  }
  context.check(status,
                fmt::format("loading {} of device code on compute capability {}.{} by a driver for CUDA {}",
                            format_bytes(image.size()), sm_ / 10, sm_ % 10, version_text(driver_version)));
  module_ = {context, module};
  functions_.resize(static_cast<std::size_t>(function_count()));
  for (std::size_t f = 0; f < functions_.size(); ++f) {
    const FunctionInfo& info = describe(static_cast<Function>(f));
    if (info.least_sm > sm_) continue;
    const std::string name = fmt::format("octet_{}", info.name);
    context.check(api.cuModuleGetFunction(&functions_[f], module, name.c_str()),
                  fmt::format("looking up {} in the device code", name));
    // A limit only: a launch occupies what it asks for.
    context.check(
        api.cuFuncSetAttribute(functions_[f], FunctionAttribute::kMostDynamicSharedBytes, most_shared_bytes_),
        fmt::format("letting {} have {} of shared memory", name,
                    format_bytes(static_cast<std::uint64_t>(most_shared_bytes_))));
  }
}

Stream::Stream(const Device& device) : device_(device), context_(device.context()), api_(context_.api()) {
  const Current current(context_);
  StreamHandle stream = nullptr;
  context_.check(api_.cuStreamCreate(&stream, kStreamNonBlocking), "making a stream");
  stream_ = {context_, stream};
}

void Stream::copy_to_device(std::byte* to, const void* from, std::size_t bytes) {
  context_.check(api_.cuMemcpyHtoDAsync_v2(address_of(to), from, bytes, stream_.get()),
                 "copying to the device");
}
void Stream::copy_to_host(void* to, const std::byte* from, std::size_t bytes) {
  context_.check(api_.cuMemcpyDtoHAsync_v2(to, address_of(from), bytes, stream_.get()),
                 "copying from the device");
}
void Stream::clear(std::byte* memory, std::size_t bytes) {
  context_.check(api_.cuMemsetD8Async(address_of(memory), 0, bytes, stream_.get()), "clearing its memory");
}
void Stream::record(const Event& event) {
  context_.check(api_.cuEventRecord(event.get(), stream_.get()), "recording an event");
}

void Stream::launch_bytes(Function function, const Grid& grid, const void* params, std::size_t /*bytes*/,
                          int shared_bytes) {
  const FunctionInfo& info = describe(function);
  const FunctionHandle handle = device_.handle_of(function);
  constexpr std::int64_t kMostX = std::numeric_limits<std::int32_t>::max(), kMostYZ = 65535;
  const bool fits = grid.x >= 1 && grid.x <= kMostX && grid.y >= 1 && grid.y <= kMostYZ && grid.z >= 1 &&
                    grid.z <= kMostYZ && shared_bytes <= device_.most_shared_bytes();
  if (handle == nullptr || !fits)
    throw Error(
        ErrorCode::kInternal,
        fmt::format("{}: cannot launch {} (compute capability {}.{} on) over {} x {} x {} blocks with "
                    "{} bytes of shared memory each; it has compute capability {}.{}, at most {} x "
                    "{} x {} blocks and {} bytes",
                    device_.label(), info.name, info.least_sm / 10, info.least_sm % 10, grid.x, grid.y,
                    grid.z, shared_bytes, device_.compute_capability() / 10,
                    device_.compute_capability() % 10, kMostX, kMostYZ, kMostYZ,
                    device_.most_shared_bytes()));
  void* parameters[] = {const_cast<void*>(params)};  // the driver reads them before it returns
  const Status status =
      api_.cuLaunchKernel(handle, static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
                          static_cast<unsigned>(grid.z), static_cast<unsigned>(info.threads), 1, 1,
                          static_cast<unsigned>(shared_bytes), stream_.get(), parameters, nullptr);
  if (status != Status::kSuccess) context_.fail(status, fmt::format("launching {}", info.name));
}

void Stream::begin_capture() {
  context_.check(api_.cuStreamBeginCapture_v2(stream_.get(), CaptureMode::kThreadLocal),
                 "beginning to capture a graph");
}
void Stream::abandon_capture() noexcept {
  GraphHandle graph = nullptr;
  api_.cuStreamEndCapture(stream_.get(), &graph);
  if (graph != nullptr) api_.cuGraphDestroy(graph);
}
GraphExec Stream::end_capture() {
  GraphHandle captured = nullptr;
  context_.check(api_.cuStreamEndCapture(stream_.get(), &captured), "capturing a graph");
  const Graph graph(context_, captured);
  GraphExecHandle exec = nullptr;
  constexpr unsigned long long kNoFlags = 0;
  context_.check(api_.cuGraphInstantiateWithFlags(&exec, captured, kNoFlags), "instantiating a graph");
  return {context_, exec};
}
void Stream::replay(const GraphExec& graph) {
  context_.check(api_.cuGraphLaunch(graph.get(), stream_.get()), "launching a graph");
}

void Stream::synchronize(std::string_view doing) {
  context_.check(api_.cuStreamSynchronize(stream_.get()), doing);
}
void Stream::drain() noexcept { api_.cuStreamSynchronize(stream_.get()); }

double seconds_between(const Context& context, const Event& begin, const Event& end) {
  float milliseconds = 0;
  context.check(context.api().cuEventElapsedTime(&milliseconds, begin.get(), end.get()),
                "asking for the time between two events");
  return static_cast<double>(milliseconds) * 1e-3;
}

DeviceMemory upload(const Device& device, std::span<const std::byte> bytes, std::string_view what) {
  DeviceMemory memory(device.context(), bytes.size(), what);
  if (bytes.empty()) return memory;
  Stream stream(device);
  const Current current(device.context());
  // Not the default stream: ours do not wait for it, and a copy there may still be under way when it returns.
  stream.copy_to_device(memory.data(), bytes.data(), bytes.size());
  stream.synchronize(fmt::format("copying {} to the device", what));
  return memory;
}

}  // namespace octet::cuda::driver
