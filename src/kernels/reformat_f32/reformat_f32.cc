// The reformat kernel: finds which lanes of which block come from where, and splits blocks and pixels over
// workers.
#include <algorithm>
#include <cstring>

#include "kernels/families.h"
#include "kernels/reformat_f32/contract.h"

namespace octet::kernels {
namespace {

/// Pixels of one unit of work: 16 KiB of a channel block, so that its lanes can be visited several times.
constexpr std::int64_t kUnitPixels = 256;

/// One unit of work: pixels [begin, begin + count) of one channel block of one image.
struct Unit {
  const float* input;  // of the image
  float* output;
  std::int64_t block;
  std::int64_t begin, count;
};

class Reformat final : public Kernel {
 public:
  explicit Reformat(const ReformatDesc& desc)
      : in_(desc.input), out_(desc.output), offset_(desc.channel_offset), input_lane_(desc.input_lane) {
    if (out_.layout == Layout::kNchw16c) {
      first_block_ = offset_ / kChannelBlock;
      blocks_ = (offset_ + in_.channels - 1) / kChannelBlock + 1 - first_block_;
    } else {
      blocks_ = (in_.channels + kChannelBlock - 1) / kChannelBlock;
    }
  }

  void run(const Call& call) const noexcept override {
    const std::int64_t units_per_block = (in_.pixels() + kUnitPixels - 1) / kUnitPixels;
    const std::int64_t units_per_image = blocks_ * units_per_block;
    const Share share = share_of(call.images * units_per_image, call.worker, call.workers);
    for (std::int64_t item = share.begin; item < share.end; ++item) {
      const std::int64_t image = item / units_per_image;
      Unit unit;
      unit.input = call.inputs[0].floats() + image * call.inputs[0].image_stride;
      unit.output = call.output.floats() + image * call.output.image_stride;
      unit.block = first_block_ + item % units_per_image / units_per_block;
      unit.begin = item % units_per_block * kUnitPixels;
      unit.count = std::min(kUnitPixels, in_.pixels() - unit.begin);
      if (out_.layout == Layout::kNchw16c) {
        to_blocked(unit);
      } else {
        to_nchw(unit);
      }
    }
  }

 private:
  void to_blocked(const Unit& unit) const {
    const std::int64_t block_begin = unit.block * kChannelBlock;
    const std::int64_t begin = std::max(block_begin, offset_);
    const std::int64_t end = std::min(block_begin + kChannelBlock, offset_ + in_.channels);
    const bool zero_rest = end == out_.channels;
    BlockedLanes to;
    to.data = unit.output + (unit.block * out_.pixels() + unit.begin) * kChannelBlock;
    to.first = begin - block_begin;
    to.count = end - begin;
    if (in_.layout == Layout::kNchw) {
      const float* from = unit.input + (begin - offset_) * in_.pixels() + unit.begin;
      interleave(from, in_.pixels(), to, zero_rest, unit.count);
      return;
    }
    // At most two input blocks meet in one output block.
    for (std::int64_t channel = begin; channel < end;) {
      const std::int64_t from_channel = input_lane_ + channel - offset_,
                         from_lane = from_channel % kChannelBlock;
      BlockedLanes part = to;
      part.first = channel - block_begin;
      part.count = std::min(end - channel, kChannelBlock - from_lane);
      copy_lanes(blocked_input(unit, from_channel / kChannelBlock), from_lane, part, unit.count);
      channel += part.count;
    }
    if (zero_rest) zero_lanes(to.data, end - block_begin, unit.count);
  }

  void to_nchw(const Unit& unit) const {
    const std::int64_t begin = unit.block * kChannelBlock;
    const std::int64_t channels = std::min(kChannelBlock, in_.channels - begin);
    const std::int64_t at = begin * in_.pixels() + unit.begin;
    if (in_.layout == Layout::kNchw16c) {
      deinterleave(blocked_input(unit, unit.block), channels, unit.output + at, in_.pixels(), unit.count);
      return;
    }
    for (std::int64_t c = 0; c < channels; ++c)
      std::memcpy(unit.output + at + c * in_.pixels(), unit.input + at + c * in_.pixels(),
                  static_cast<std::size_t>(unit.count) * sizeof(float));
  }

  const float* blocked_input(const Unit& unit, std::int64_t block) const {
    return unit.input + (block * in_.pixels() + unit.begin) * kChannelBlock;
  }

  FeatureMap in_, out_;
  std::int64_t offset_, input_lane_;
  std::int64_t first_block_ = 0, blocks_ = 0;  // of the output where it has blocks
};

}  // namespace

double reformat_f32_generic_cost(const OpDesc& desc, int) {
  const auto* reformat = std::get_if<ReformatDesc>(&desc);
  if (reformat == nullptr) return -1;
  const FeatureMap &in = reformat->input, &out = reformat->output;
  if (in.type != DataType::kFloat32 || out.type != DataType::kFloat32) return -1;
  if (in.height != out.height || in.width != out.width || in.channels < 1) return -1;
  if (reformat->channel_offset < 0 || reformat->channel_offset + in.channels > out.channels) return -1;
  const bool blocked = in.layout == Layout::kNchw16c && out.layout == Layout::kNchw16c;
  if (reformat->input_lane < 0 || reformat->input_lane >= (blocked ? kChannelBlock : 1)) return -1;
  // Only a blocked tensor is filled in parts.
  if (out.layout == Layout::kNchw && in.channels != out.channels) return -1;
  return static_cast<double>(in.elements());
}
std::unique_ptr<Kernel> reformat_f32_generic(const OpDesc& desc) {
  return std::make_unique<Reformat>(std::get<ReformatDesc>(desc));
}

}  // namespace octet::kernels
