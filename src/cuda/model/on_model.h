// A device kernel as a kernel of the CPU, which the model runs: so it goes through the tests that the CPU's
// kernels go through, and through whole plans.
#pragma once

#include <memory>
#include <utility>

#include "cuda/launch.h"
#include "cuda/model/grid.h"

namespace octet::cuda::model {

class KernelOnModel final : public kernels::Kernel {
 public:
  KernelOnModel(std::unique_ptr<kernels::Kernel> kernel, int sm, Order order, int multiprocessors)
      : kernel_(std::move(kernel)), sm_(sm), order_(order), multiprocessors_(multiprocessors) {}

  std::size_t packed_bytes() const override { return kernel_->packed_bytes(); }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    kernel_->pack(weights, packed);
  }
  void pack_integer(const kernels::IntegerWeights& weights, std::span<std::byte> packed) const override {
    kernel_->pack_integer(weights, packed);
  }
  std::size_t scratch_bytes(int images) const override { return kernel_->scratch_bytes(images); }
  bool in_place(int input) const override { return kernel_->in_place(input); }
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    return kernel_->worker_macs(images, worker, workers);
  }
  /// The first worker does it all.
  void run(const kernels::Call& call) const noexcept override {
    if (call.worker != 0) return;
    ModelLauncher launcher(sm_, order_, multiprocessors_);
    dynamic_cast<const DeviceKernel&>(*kernel_).launch(call, launcher);
  }

 private:
  std::unique_ptr<kernels::Kernel> kernel_;
  int sm_;
  Order order_;
  int multiprocessors_;
};

/// As kernels::Entry wants it.
template <std::unique_ptr<kernels::Kernel> (*kCreate)(const kernels::OpDesc&), int kSm,
          Order kOrder = Order::kRising, int kMultiprocessors = 4>
std::unique_ptr<kernels::Kernel> on_model(const kernels::OpDesc& desc) {
  return std::make_unique<KernelOnModel>(kCreate(desc), kSm, kOrder, kMultiprocessors);
}

}  // namespace octet::cuda::model
