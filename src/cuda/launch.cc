#include "cuda/launch.h"

#include <array>
#include <exception>
#include <vector>

#include "cuda/device/elements.h"

namespace octet::cuda {
namespace {

constexpr FunctionInfo kFunctions[] = {
#define OCTET_DEVICE_FUNCTION(name, Params, body, threads, least_sm) {#name, threads, least_sm},
#include "cuda/functions.inc"
};

/// Launches nothing, counts all.
class LaunchRecorder final : public Launcher {
 public:
  LaunchRecorder(int multiprocessors, DeviceWork& work) : multiprocessors_(multiprocessors), work_(work) {}

  int multiprocessors() const override { return multiprocessors_; }
  void clear(std::byte*, std::size_t bytes) override {
    ++work_.clears;
    work_.sum_bytes += static_cast<std::int64_t>(bytes);
  }

 private:
  void launch_bytes(Function, const Grid& grid, const void*, std::size_t, int) override {
    ++work_.launches;
    const std::int64_t blocks = grid.x * grid.y * grid.z;
    work_.blocks += blocks;
    const std::int64_t rest = blocks % multiprocessors_;
    places_ += (blocks + multiprocessors_ - 1) / multiprocessors_ * multiprocessors_;
    work_.last_round = rest == 0 ? 1 : static_cast<double>(rest) / multiprocessors_;
    work_.rounds_filled = places_ == 0 ? 1 : static_cast<double>(work_.blocks) / static_cast<double>(places_);
  }

  int multiprocessors_;
  DeviceWork& work_;
  std::int64_t places_ = 0;
};

}  // namespace

const FunctionInfo& describe(Function function) { return kFunctions[static_cast<std::size_t>(function)]; }
int function_count() { return static_cast<int>(std::size(kFunctions)); }

DeviceWork DeviceKernel::work(int images, int multiprocessors) const {
  // Addresses for launch() to calculate with; nothing is read or written.
  alignas(64) static std::byte nowhere[64];
  const std::vector<kernels::Operand> inputs(device::kMostInputs, kernels::Operand{nowhere, 0});
  kernels::Call call;
  call.images = images;
  call.inputs = inputs;
  call.output = {nowhere, 0};
  call.weights = nowhere;
  call.scratch = nowhere;
  DeviceWork work;
  LaunchRecorder recorder(multiprocessors, work);
  launch(call, recorder);
  return work;
}

void DeviceKernel::run(const kernels::Call&) const noexcept { std::terminate(); }

}  // namespace octet::cuda
