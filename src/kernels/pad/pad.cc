// A map with a border of one value around it, in FP32 (kNchw16c) and the narrow types (kNhwc). Nearly all
// borders of a network are a convolution's own and never stored (optimize/fold_pad_into_convolution.cc); this
// is for the rest. It copies memory, so there is one implementation for all instruction sets.
//
// The unit of work is a row of the output of one image, in kNchw16c of one channel block. A *pixel* below is
// what lies together: all channels, or the 16 of a block.
#include <algorithm>
#include <cstring>

#include "kernels/bfloat16.h"
#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/integer/padding.h"

namespace octet::kernels {
namespace {

bool is_blocked(const FeatureMap& map) { return map.layout == Layout::kNchw16c; }

/// One value as the map's elements hold it.
template <class T>
void fill_channels(T value, const FeatureMap& map, std::vector<std::byte>& pixel) {
  for (std::int64_t c = 0; c < map.channels; ++c)
    std::memcpy(pixel.data() + c * static_cast<std::int64_t>(sizeof value), &value, sizeof value);
}

class Pad final : public Kernel {
 public:
  explicit Pad(const PadDesc& desc)
      : desc_(desc),
        blocks_(is_blocked(desc.output) ? desc.output.blocks() : 1),
        pixel_bytes_(static_cast<std::int64_t>(size_of(desc.output.type)) *
                     (is_blocked(desc.output) ? kChannelBlock : desc.output.padded_channels())) {
    const FeatureMap& out = desc.output;
    // The channels of all blocks; what is behind them stays zero, or the zero point.
    border_.resize(static_cast<std::size_t>(blocks_ * pixel_bytes_));
    if (out.type == DataType::kFloat32) {
      fill_channels(desc.value, out, border_);
    } else if (out.type == DataType::kBFloat16) {
      fill_channels(to_bfloat16(desc.value), out, border_);
    } else if (out.type == DataType::kInt16) {
      fill_channels(static_cast<std::int16_t>(quantized()), out, border_);
    } else {
      fill_channels(static_cast<std::uint8_t>(quantized()), out, border_);
      integer::fill_padding(border_.data(), out, 1);
    }
  }

  void run(const Call& call) const noexcept override {
    const FeatureMap& out = desc_.output;
    const std::int64_t rows = blocks_ * out.height;
    const Share share = share_of(call.images * rows, call.worker, call.workers);
    for (std::int64_t item = share.begin; item < share.end; ++item)
      run_row(call, item / rows, item % rows / out.height, item % out.height);
  }

 private:
  std::int32_t quantized() const {
    return integer::quantize(desc_.value, desc_.output.quantization, integer::range_of(desc_.output));
  }
  /// Bytes from one pixel to the next.
  static std::int64_t step(const FeatureMap& map) {
    return static_cast<std::int64_t>(size_of(map.type)) *
           (is_blocked(map) ? kChannelBlock : map.pixel_step());
  }
  static std::int64_t place(const FeatureMap& map, std::int64_t block, std::int64_t y) {
    return (block * map.pixels() + y * map.width) * step(map);
  }

  void run_row(const Call& call, std::int64_t image, std::int64_t block, std::int64_t y) const noexcept {
    const FeatureMap &in = desc_.input, &out = desc_.output;
    const auto size = static_cast<std::int64_t>(size_of(out.type));
    std::byte* const to = call.output.data + image * call.output.image_stride * size + place(out, block, y);
    const std::byte* const border = border_.data() + block * pixel_bytes_;
    const std::int64_t in_y = y - desc_.top;
    if (in_y < 0 || in_y >= in.height) return fill(border, to, out.width);
    fill(border, to, desc_.left);
    const std::byte* from =
        call.inputs[0].data + image * call.inputs[0].image_stride * size + place(in, block, in_y);
    for (std::int64_t x = 0; x < in.width; ++x)
      std::memcpy(to + (desc_.left + x) * step(out), from + x * step(in),
                  static_cast<std::size_t>(pixel_bytes_));
    fill(border, to + (desc_.left + in.width) * step(out), out.width - desc_.left - in.width);
  }
  void fill(const std::byte* border, std::byte* to, std::int64_t pixels) const noexcept {
    for (std::int64_t x = 0; x < pixels; ++x)
      std::memcpy(to + x * step(desc_.output), border, static_cast<std::size_t>(pixel_bytes_));
  }

  PadDesc desc_;
  std::int64_t blocks_, pixel_bytes_;
  std::vector<std::byte> border_;
};

}  // namespace

double pad_generic_cost(const OpDesc& desc, int) {
  const auto* d = std::get_if<PadDesc>(&desc);
  if (d == nullptr) return -1;
  const FeatureMap &in = d->input, &out = d->output;
  if (in.channels != out.channels || in.type != out.type || in.layout != out.layout) return -1;
  if (in.quantization != out.quantization) return -1;
  if (d->top < 0 || d->left < 0 || in.height + d->top > out.height || in.width + d->left > out.width)
    return -1;
  const bool real = in.type == DataType::kFloat32 && is_blocked(in);
  const bool narrow = integer::is_narrow_map(in) && integer::is_narrow_map(out);
  return real || narrow ? static_cast<double>(out.elements()) : -1;
}
std::unique_ptr<Kernel> pad_generic(const OpDesc& desc) {
  return std::make_unique<Pad>(std::get<PadDesc>(desc));
}

}  // namespace octet::kernels
