#include "kernels/fully_connected_dot/reference.h"

#include "kernels/families.h"
#include "kernels/fully_connected_dot/layer.h"

namespace octet::kernels::fully_connected_dot {
namespace {

std::unique_ptr<Kernel> make_convolution(const ConvDesc& desc) {
  if (desc.input.type == DataType::kUInt8) return conv_i8_direct_generic(desc);
  if (desc.input.type == DataType::kInt16) return conv_i16_direct_generic(desc);
  return conv_bf16_direct_generic(desc);
}

class ReferenceFullyConnected final : public Kernel {
 public:
  explicit ReferenceFullyConnected(const FullyConnectedDesc& desc)
      : convolution_(make_convolution(to_convolution(desc))) {}

  std::size_t packed_bytes() const override { return convolution_->packed_bytes(); }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    convolution_->pack(weights, packed);
  }
  void pack_integer(const IntegerWeights& weights, std::span<std::byte> packed) const override {
    convolution_->pack_integer(with_bias(weights), packed);
  }
  std::size_t scratch_bytes(int images) const override { return convolution_->scratch_bytes(images); }
  void run(const Call& call) const noexcept override { convolution_->run(call); }
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    return convolution_->worker_macs(images, worker, workers);
  }

 private:
  const std::unique_ptr<Kernel> convolution_;
};

}  // namespace

std::unique_ptr<Kernel> make_reference(const FullyConnectedDesc& desc) {
  return std::make_unique<ReferenceFullyConnected>(desc);
}

}  // namespace octet::kernels::fully_connected_dot
