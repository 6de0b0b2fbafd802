// Device kernels whose weights lie as a kernel of the CPU packs them.
#pragma once

#include <memory>
#include <utility>

#include "cuda/launch.h"

namespace octet::cuda {

/// Packs, and may be in place, as `cpu` does.
class PackedAs : public DeviceKernel {
 public:
  explicit PackedAs(std::unique_ptr<kernels::Kernel> cpu) : cpu_(std::move(cpu)) {}

  std::size_t packed_bytes() const override { return cpu_->packed_bytes(); }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    cpu_->pack(weights, packed);
  }
  bool in_place(int input) const override { return cpu_->in_place(input); }

 private:
  std::unique_ptr<kernels::Kernel> cpu_;
};

}  // namespace octet::cuda
