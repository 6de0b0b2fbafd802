#include "kernels/conv_dot/merged_groups.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/conv_dot/convolution.h"

namespace octet::kernels::conv_dot {
namespace {

template <class Value>
std::vector<Value> extended(std::span<const Value> values, std::int64_t size) {
  std::vector<Value> all(values.begin(), values.end());
  if (!all.empty()) all.resize(static_cast<std::size_t>(size), Value{});
  return all;
}

class MergedGroups final : public Kernel {
 public:
  MergedGroups(const ConvDesc& desc, std::unique_ptr<Kernel> kernel) : kernel_(std::move(kernel)) {
    const ConvDesc merged = merge_groups(desc);
    outputs_ = desc.output.channels, all_outputs_ = merged.output.channels;
    pixels_ = desc.output.pixels();
    group_outputs_ = outputs_ / desc.groups;
    values_ = desc.input.channels / desc.groups * desc.window.kernel_h * desc.window.kernel_w;
    count_ = merged.output.channels / merged.groups / group_outputs_;
  }

  std::size_t packed_bytes() const override { return kernel_->packed_bytes(); }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    const std::vector<float> dense = merge_weights(weights[0]);
    const std::vector<float> bias =
        extended(weights.size() > 1 ? weights[1] : std::span<const float>(), all_outputs_);
    const std::span<const float> all[] = {dense, bias};
    kernel_->pack(std::span(all).first(weights.size()), packed);
  }
  void pack_integer(const IntegerWeights& weights, std::span<std::byte> packed) const override {
    const std::vector<std::int8_t> dense = merge_weights(weights.weights);
    const std::vector<std::int32_t> bias = extended(weights.bias, all_outputs_);
    const std::vector<std::int32_t> bias_map = extended(weights.bias_map, all_outputs_ * pixels_);
    const std::vector<float> multipliers = extended(weights.multipliers, all_outputs_);
    kernel_->pack_integer({dense, bias, multipliers, bias_map}, packed);
  }
  std::size_t scratch_bytes(int images) const override { return kernel_->scratch_bytes(images); }
  bool in_place(int input) const override { return kernel_->in_place(input); }
  void run(const Call& call) const noexcept override { kernel_->run(call); }
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    return kernel_->worker_macs(images, worker, workers);
  }

 private:
  /// Each output channel's weights to their place among those of its merged group's inputs.
  template <class Weight>
  std::vector<Weight> merge_weights(std::span<const Weight> weights) const {
    std::vector<Weight> dense(static_cast<std::size_t>(all_outputs_ * count_ * values_), Weight{0});
    for (std::int64_t out = 0; out < outputs_; ++out) {
      const std::int64_t place = out * count_ + out / group_outputs_ % count_;
      std::copy_n(weights.begin() + out * values_, values_, dense.begin() + place * values_);
    }
    return dense;
  }

  std::unique_ptr<Kernel> kernel_;
  std::int64_t outputs_, all_outputs_, pixels_;
  std::int64_t group_outputs_, values_;  // outputs of a group; weights of an output
  std::int64_t count_;                   // groups merged into one
};

}  // namespace

ConvDesc merge_groups(const ConvDesc& desc) {
  ConvDesc merged = desc;
  const std::int64_t in = desc.input.channels / desc.groups, out = desc.output.channels / desc.groups;
  for (std::int64_t count = 1; count < desc.groups; ++count) {
    const std::int64_t groups = divide_up(desc.groups, count);
    const std::int64_t all_in = groups * count * in, all_out = groups * count * out;
    if (in * count % kChannelQuad != 0 || out * count % kChannelBlock != 0) continue;
    if (all_in > desc.input.padded_channels() || all_out > desc.output.padded_channels()) continue;
    merged.groups = groups;
    merged.input.channels = all_in;
    merged.output.channels = merged.residual_map.channels = all_out;
    if (!desc.halo.empty())
      merged.halo.resize(static_cast<std::size_t>(all_in),
                         static_cast<std::uint8_t>(desc.input.quantization.zero_point));
    return merged;
  }
  merged.groups = 1;  // which may have any number of channels
  return merged;
}

std::unique_ptr<Kernel> with_merged_groups(const ConvDesc& desc, std::unique_ptr<Kernel> merged) {
  return std::make_unique<MergedGroups>(desc, std::move(merged));
}

}  // namespace octet::kernels::conv_dot
