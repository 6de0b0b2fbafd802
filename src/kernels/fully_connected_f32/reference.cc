// Fully connected layers as their definition says it, on any machine: what the fast kernels are tested
// against, and what runs where they cannot. Sums are in double.
#include <algorithm>

#include "kernels/families.h"
#include "kernels/fully_connected_f32/layer.h"

namespace octet::kernels {
namespace fully_connected_f32 {
namespace {

class ReferenceFullyConnected final : public Kernel {
 public:
  explicit ReferenceFullyConnected(const FullyConnectedDesc& desc) : desc_(desc) {}

  // The weights as they come, then the bias (zeros where there is none).
  std::size_t packed_bytes() const override {
    return static_cast<std::size_t>(outputs() * (features() + 1)) * sizeof(float);
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    float* to = reinterpret_cast<float*>(packed.data());
    to = std::copy_n(weights[0].data(), outputs() * features(), to);
    std::fill_n(to, outputs(), 0.0f);
    if (desc_.has_bias) std::copy_n(weights[1].data(), outputs(), to);
  }

  void run(const Call& call) const noexcept override {
    const float* const weights = reinterpret_cast<const float*>(call.weights);
    const float* const bias = weights + outputs() * features();
    const Share share = outputs_of(call.worker, call.workers);
    for (std::int64_t n = 0; n < call.images; ++n) {
      const float* const input = call.inputs[0].floats() + n * call.inputs[0].image_stride;
      float* const output = call.output.floats() + n * call.output.image_stride;
      for (std::int64_t k = share.begin; k < share.end; ++k) {
        output[k] = k < outputs() ? activate(dot(input, weights + k * features(), bias[k])) : 0.0f;
      }
    }
  }
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    return images * outputs_of(worker, workers).size() * features();
  }

 private:
  Share outputs_of(int worker, int workers) const {
    return share_of(desc_.output.padded_channels(), worker, workers);
  }
  std::int64_t outputs() const { return desc_.output.channels; }
  std::int64_t features() const { return desc_.input.channels * desc_.input.pixels(); }

  double dot(const float* input, const float* weights, float bias) const {
    double sum = static_cast<double>(bias);
    for_each_feature(desc_.input, 0, desc_.input.channels, [&](std::int64_t place, std::int64_t feature) {
      sum += static_cast<double>(input[place]) * static_cast<double>(weights[feature]);
    });
    return sum;
  }
  float activate(double sum) const {
    if (desc_.relu && sum < 0)
      sum = desc_.relu->slope == 0 ? 0 : sum * static_cast<double>(desc_.relu->slope);
    if (desc_.relu) sum = std::min(sum, static_cast<double>(desc_.relu->limit));
    return static_cast<float>(sum);
  }

  const FullyConnectedDesc desc_;
};

}  // namespace
}  // namespace fully_connected_f32

double fully_connected_f32_generic_cost(const OpDesc& op, int images) {
  const FullyConnectedDesc* desc = fully_connected_f32::as_fully_connected(op);
  return desc ? fully_connected_f32::microseconds(*desc, images, 1) : -1;
}
std::unique_ptr<Kernel> fully_connected_f32_generic(const OpDesc& op) {
  return std::make_unique<fully_connected_f32::ReferenceFullyConnected>(std::get<FullyConnectedDesc>(op));
}

}  // namespace octet::kernels
