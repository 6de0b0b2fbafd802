// Test helper: a device kernel as a kernel of the CPU, run on this machine's GPU if it has one: operands are
// copied there and back, gaps and all, so that tests compare the same memory that they compare on the model.
#pragma once

#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cuda/driver/device.h"
#include "cuda/launch.h"
#include "octet/devices.h"
#include "octet/error.h"

namespace octet::cuda::driver::test {

/// The first usable GPU with our functions in it, opened once; null where there is none.
inline const std::shared_ptr<const Device>& gpu() {
  static const std::shared_ptr<const Device> device = [] {
    for (const CudaDevice& found : describe_cuda_devices().devices)
      if (found.usable()) return std::make_shared<const Device>(found.index);
    return std::shared_ptr<const Device>();
  }();
  return device;
}

class KernelOnGpu final : public kernels::Kernel {
 public:
  /// `inputs`, `output`: maps of the operands.
  KernelOnGpu(std::unique_ptr<kernels::Kernel> kernel, std::vector<kernels::FeatureMap> inputs,
              const kernels::FeatureMap& output)
      : kernel_(std::move(kernel)), inputs_(std::move(inputs)), output_(output) {}

  std::size_t packed_bytes() const override { return kernel_->packed_bytes(); }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    kernel_->pack(weights, packed);
  }
  void pack_integer(const kernels::IntegerWeights& weights, std::span<std::byte> packed) const override {
    kernel_->pack_integer(weights, packed);
  }
  std::size_t scratch_bytes(int images) const override { return kernel_->scratch_bytes(images); }
  bool in_place(int input) const override { return kernel_->in_place(input); }

  /// The first worker does it all.
  void run(const kernels::Call& call) const noexcept override {
    if (call.worker != 0) return;
    try {
      run_there(call);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      std::terminate();
    }
  }

 private:
  /// An operand's memory from its first element to its last.
  struct Mirror {
    std::byte* host = nullptr;
    std::size_t bytes = 0;
    DeviceMemory memory;
  };

  static Mirror mirror(const kernels::Operand& operand, const kernels::FeatureMap& map, int images) {
    const bool part = map.layout == kernels::Layout::kNhwc;
    const std::int64_t last =
        part ? (map.pixels() - 1) * map.pixel_step() + map.padded_channels() : map.elements();
    Mirror m;
    m.host = operand.data;
    m.bytes = static_cast<std::size_t>(((images - 1) * operand.image_stride + last)) * size_of(map.type);
    m.memory = DeviceMemory(gpu()->context(), m.bytes + kReadable, "an operand");
    return m;
  }

  void run_there(const kernels::Call& call) const {
    const Device& device = *gpu();
    std::vector<Mirror> mirrors;
    mirrors.push_back(mirror(call.output, output_, call.images));
    std::vector<kernels::Operand> operands;
    for (std::size_t i = 0; i < call.inputs.size(); ++i) {
      const kernels::Operand& input = call.inputs[i];
      const bool same = input.data == call.output.data;
      if (!same) mirrors.push_back(mirror(input, inputs_[i], call.images));
      operands.push_back({(same ? mirrors.front() : mirrors.back()).memory.data(), input.image_stride});
    }
    const DeviceMemory weights = upload(device, {call.weights, kernel_->packed_bytes()}, "packed weights");
    const DeviceMemory scratch(device.context(), kernel_->scratch_bytes(call.images) + kReadable, "scratch");
    kernels::Call there = call;
    there.inputs = operands;
    there.output = {mirrors.front().memory.data(), call.output.image_stride};
    there.weights = weights.data();
    there.scratch = scratch.data();
    there.workers = 1;
    Stream stream(device);
    const Current current(device.context());
    for (const Mirror& m : mirrors) stream.copy_to_device(m.memory.data(), m.host, m.bytes);
    dynamic_cast<const DeviceKernel&>(*kernel_).launch(there, stream);
    const Mirror& output = mirrors.front();
    stream.copy_to_host(output.host, output.memory.data(), output.bytes);
    stream.synchronize("running a kernel");
  }

  static constexpr std::size_t kReadable = 64;  // kernels may read so far behind an operand

  std::unique_ptr<kernels::Kernel> kernel_;
  std::vector<kernels::FeatureMap> inputs_;
  kernels::FeatureMap output_;
};

}  // namespace octet::cuda::driver::test
