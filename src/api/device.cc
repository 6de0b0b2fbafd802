// The engine's side of devices that are not the CPU.
#include "octet/devices.h"

#include <fmt/format.h>

#include <charconv>

#include "api/engine_impl.h"
#include "octet/error.h"

namespace octet {

std::string to_string(const Device& device) {
  return device.kind == Device::Kind::kCpu ? "cpu" : fmt::format("cuda:{}", device.index);
}

Device parse_device(std::string_view text) {
  if (text == "cpu") return {};
  if (text == "cuda") return {Device::Kind::kCuda, 0};
  Device device{Device::Kind::kCuda, 0};
  constexpr std::string_view kPrefix = "cuda:";
  if (text.starts_with(kPrefix)) {
    const char *first = text.data() + kPrefix.size(), *last = text.data() + text.size();
    const auto [end, failure] = std::from_chars(first, last, device.index);
    if (failure == std::errc() && end == last && device.index >= 0) return device;
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("device: expected cpu, cuda or cuda:N, got '{}'", text));
}

std::shared_ptr<const cuda::driver::Device> api::open_device(const BuildOptions& options) {
  if (options.device.kind == Device::Kind::kCpu) return nullptr;
  return std::make_shared<const cuda::driver::Device>(options.device.index);
}

void api::upload_weights(Engine::Impl& engine) {
  if (engine.cuda == nullptr) return;
  engine.cuda_weights = std::make_shared<const cuda::driver::DeviceMemory>(
      cuda::driver::upload(*engine.cuda, engine.weights(), "packed weights"));
}

void api::check_device_memory(const MemoryInfo& need, const BuildOptions& options,
                              const cuda::driver::Device* cuda, const std::string& name) {
  if (cuda == nullptr) return;
  const std::uint64_t free = cuda::driver::device_memory(cuda->context()).free;
  if (need.device_bytes <= free) return;
  throw Error(
      ErrorCode::kMemoryLimit,
      fmt::format("{} at batch {} does not fit {}: needs {} ({} bytes: weights {}, context {}), {} "
                  "({} bytes) are free",
                  name, options.max_batch, cuda->label(), format_bytes(need.device_bytes), need.device_bytes,
                  need.weight_bytes, need.device_bytes - need.weight_bytes, format_bytes(free), free));
}

}  // namespace octet
