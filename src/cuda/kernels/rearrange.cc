#include "cuda/device/rearrange.h"

#include <cstring>

#include "cuda/kernels/families.h"
#include "cuda/kernels/map_view.h"
#include "cuda/kernels/parameters.h"
#include "kernels/integer/arithmetic.h"

namespace octet::cuda {
namespace {

using kernels::ChannelShuffleDesc;
using kernels::FeatureMap;
using kernels::PadDesc;

/// Both maps' type and layout are ones that values are moved in.
bool can_move(const FeatureMap& in, const FeatureMap& out) {
  if (in.channels != out.channels || in.type != out.type || in.layout != out.layout) return false;
  if (in.quantization != out.quantization) return false;
  return is_real_map(in) || (is_integer_map(in) && is_integer_map(out));
}

/// What padding lanes hold, in the low bits.
std::uint32_t padding_of(const FeatureMap& map) {
  return map.type == DataType::kUInt8 ? static_cast<std::uint32_t>(map.quantization.zero_point) : 0;
}

/// The function for elements of the map's size.
Function by_size(const FeatureMap& map, Function one_byte, Function two_bytes, Function four_bytes) {
  if (map.type == DataType::kFloat32) return four_bytes;
  return map.type == DataType::kInt16 ? two_bytes : one_byte;
}

class ChannelShuffle final : public DeviceKernel {
 public:
  explicit ChannelShuffle(const ChannelShuffleDesc& desc)
      : in_(desc.map),
        out_(desc.output),
        function_(by_size(out_, Function::channel_shuffle_8, Function::channel_shuffle_16,
                          Function::channel_shuffle_32)) {
    params_.groups = groups_of(out_);
    params_.pixels = to_int(out_.pixels());
    params_.channels = to_int(out_.channels);
    params_.rows = to_int(desc.groups);
    params_.columns = to_int(out_.channels / desc.groups);
    params_.padding = padding_of(out_);
  }

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    launch_on_views(call, launcher, function_, params_, in_, out_);
  }

 private:
  FeatureMap in_, out_;
  Function function_;
  device::ShuffleParams params_ = {};
};

class Pad final : public DeviceKernel {
 public:
  explicit Pad(const PadDesc& desc)
      : in_(desc.input),
        out_(desc.output),
        function_(by_size(out_, Function::pad_8, Function::pad_16, Function::pad_32)) {
    params_.groups = groups_of(out_);
    params_.channels = to_int(out_.channels);
    params_.in_height = to_int(in_.height), params_.in_width = to_int(in_.width);
    params_.out_height = to_int(out_.height), params_.out_width = to_int(out_.width);
    params_.top = to_int(desc.top), params_.left = to_int(desc.left);
    params_.padding = padding_of(out_);
    if (out_.type == DataType::kFloat32) {
      std::memcpy(&params_.value, &desc.value, sizeof params_.value);
    } else {
      const std::int32_t value =
          kernels::integer::quantize(desc.value, out_.quantization, kernels::integer::range_of(out_));
      params_.value = static_cast<std::uint32_t>(value);
    }
  }

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    launch_on_views(call, launcher, function_, params_, in_, out_);
  }

 private:
  FeatureMap in_, out_;
  Function function_;
  device::PadParams params_ = {};
};

}  // namespace

double channel_shuffle_cost(const kernels::OpDesc& desc, int /*images*/) {
  const auto* shuffle = std::get_if<ChannelShuffleDesc>(&desc);
  if (shuffle == nullptr || shuffle->groups < 1 || shuffle->map.channels < 1) return kCannot;
  if (shuffle->map.channels % shuffle->groups != 0 || !shuffle->map.same_sizes(shuffle->output))
    return kCannot;
  if (!can_move(shuffle->map, shuffle->output)) return kCannot;
  return microseconds_of_bytes(shuffle->map.bytes() + shuffle->output.bytes());
}
std::unique_ptr<kernels::Kernel> channel_shuffle(const kernels::OpDesc& desc) {
  return std::make_unique<ChannelShuffle>(std::get<ChannelShuffleDesc>(desc));
}

double pad_cost(const kernels::OpDesc& desc, int /*images*/) {
  const auto* pad = std::get_if<PadDesc>(&desc);
  if (pad == nullptr || !can_move(pad->input, pad->output)) return kCannot;
  if (pad->top < 0 || pad->left < 0) return kCannot;
  if (pad->input.height + pad->top > pad->output.height || pad->input.width + pad->left > pad->output.width)
    return kCannot;
  return microseconds_of_bytes(pad->input.bytes() + pad->output.bytes());
}
std::unique_ptr<kernels::Kernel> pad(const kernels::OpDesc& desc) {
  return std::make_unique<Pad>(std::get<PadDesc>(desc));
}

}  // namespace octet::cuda
