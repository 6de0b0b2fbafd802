// Reformat kernels with a narrow side: what does not depend on the instruction set. Decides which function
// makes the copy, splits pixels over workers, and writes padding lanes.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/integer/padding.h"
#include "kernels/reformat_i8/contract.h"

namespace octet::kernels {
namespace {

/// Pixels of one unit of work: few enough that 16 channels of them stay in the first-level cache.
constexpr std::int64_t kUnitPixels = 256;

bool is_real(const FeatureMap& map) { return map.type == DataType::kFloat32; }
bool is_quad(const FeatureMap& map) {
  const bool has_a_way = map.type == DataType::kUInt8 || map.type == DataType::kBFloat16;
  return has_a_way && map.pixel_step() == kChannelQuad && map.channels <= kChannelQuad;
}

/// Copies whole pixels of `bytes` bytes.
void copy_pixels(const std::byte* from, std::int64_t from_bytes, std::byte* to, std::int64_t to_bytes,
                 std::int64_t bytes, std::int64_t pixels) {
  if (from_bytes == bytes && to_bytes == bytes) {
    std::memcpy(to, from, static_cast<std::size_t>(pixels * bytes));
    return;
  }
  for (std::int64_t p = 0; p < pixels; ++p)
    std::memcpy(to + p * to_bytes, from + p * from_bytes, static_cast<std::size_t>(bytes));
}

/// 3 bytes a pixel to 4, the fourth `padding`: a word at a time, but for the last pixel, behind which the
/// caller's memory may end.
void widen_pixels(const std::byte* from, std::byte* to, std::int64_t pixels, std::uint8_t padding) {
  for (std::int64_t p = 0; p + 1 < pixels; ++p) {
    std::memcpy(to + 4 * p, from + 3 * p, 4);
    to[4 * p + 3] = static_cast<std::byte>(padding);
  }
  std::memcpy(to + 4 * (pixels - 1), from + 3 * (pixels - 1), 3);
  to[4 * pixels - 1] = static_cast<std::byte>(padding);
}

class Reformat final : public Kernel {
 public:
  Reformat(const ReformatDesc& desc, const ReformatI8Functions& functions)
      : in_(desc.input), out_(desc.output), offset_(desc.channel_offset), pixels_(desc.pixels) {
    // The reference alone writes channel blocks that begin in the middle.
    const bool shifted = out_.layout == Layout::kNchw16c && offset_ % kChannelBlock != 0;
    function_ = function_of(shifted ? kReformatI8Generic : functions);
    ends_ = offset_ + in_.channels == out_.channels;
    // A vector's channels lie together in kNchw as in kNchw16c.
    const FeatureMap& real = is_real(in_) ? in_ : out_;
    planar_ = real.layout == Layout::kNchw && real.pixels() > 1;
    plane_ = planar_                        ? real.pixels()
             : real.layout == Layout::kNchw ? kChannelBlock
                                            : real.pixels() * kChannelBlock;
    whole_blocks_ = real.layout == Layout::kNchw16c && ends_;
    set_arithmetic();
  }

  /// Pictures with a mean: a flag, whether it is one value a pixel, and the mean.
  std::size_t packed_bytes() const override {
    return has_mean() ? kPackedMeanAt + static_cast<std::size_t>(in_.channels * in_.pixels()) * sizeof(float)
                      : 0;
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    if (!has_mean()) return;
    std::fill(packed.begin(), packed.end(), std::byte{0});
    if (weights.empty()) return;  // a mean of zeros
    const std::size_t floats =
        std::min(weights[0].size(), packed_bytes() / sizeof(float) - kPackedMeanAt / sizeof(float));
    const std::int32_t per_pixel = floats > static_cast<std::size_t>(in_.channels) ? 1 : 0;
    std::memcpy(packed.data(), &per_pixel, sizeof per_pixel);
    std::memcpy(packed.data() + kPackedMeanAt, weights[0].data(), floats * sizeof(float));
  }

  void run(const Call& call) const noexcept override {
    const std::int64_t units_per_image = (in_.pixels() + kUnitPixels - 1) / kUnitPixels;
    const Share share = share_of(call.images * units_per_image, call.worker, call.workers);
    for (std::int64_t item = share.begin; item < share.end; ++item) {
      const std::int64_t image = item / units_per_image, pixel = item % units_per_image * kUnitPixels;
      run_pixels(call, image, pixel, std::min(kUnitPixels, in_.pixels() - pixel));
    }
  }

 private:
  bool has_mean() const { return pixels_ && (is_real(in_) || is_real(out_)); }
  bool is_copy() const {
    if (is_real(in_) || is_real(out_)) return false;
    return pixels_ || in_.type == DataType::kBFloat16 || in_.quantization == out_.quantization;
  }

  /// Copies that write all four values of a picture's pixels by themselves.
  bool writes_quads() const {
    if (!is_quad(out_) || in_.channels != out_.channels) return false;
    if (is_real(in_)) return in_.layout == Layout::kNchw;
    return pixels_ && in_.pixel_step() == 3 && in_.channels == 3;
  }

  ReformatFunction function_of(const ReformatI8Functions& f) const {
    if (is_real(in_)) {
      if (writes_quads()) return out_.type == DataType::kUInt8 ? f.quantize_pixels : f.quantize_bf16_pixels;
      return out_.type == DataType::kUInt8   ? f.quantize_u8
             : out_.type == DataType::kInt16 ? f.quantize_s16
                                             : f.quantize_bf16;
    }
    if (is_real(out_)) {
      return in_.type == DataType::kUInt8   ? f.dequantize_u8
             : in_.type == DataType::kInt16 ? f.dequantize_s16
                                            : f.dequantize_bf16;
    }
    return in_.type == DataType::kUInt8 ? f.requantize_u8 : f.requantize_s16;
  }

  void set_arithmetic() {
    if (!is_real(out_) && out_.type != DataType::kBFloat16) {
      const integer::Range range = integer::range_of(out_);
      low_ = range.low, high_ = range.high;
    }
    const Quantization& q = is_real(in_) ? out_.quantization : in_.quantization;
    scale_ = q.scale, zero_ = static_cast<float>(q.zero_point);
    if (!is_real(in_) && !is_real(out_)) {
      const integer::Rescale rescale = integer::rescale(in_.quantization, out_.quantization);
      scale_ = rescale.scale, zero_ = rescale.offset;
    }
  }

  void run_pixels(const Call& call, std::int64_t image, std::int64_t pixel,
                  std::int64_t count) const noexcept {
    const std::byte* input =
        call.inputs[0].data + (image * call.inputs[0].image_stride + place(in_, pixel, 0)) *
                                  static_cast<std::int64_t>(size_of(in_.type));
    std::byte* first = call.output.data + (image * call.output.image_stride + place(out_, pixel, 0)) *
                                              static_cast<std::int64_t>(size_of(out_.type));
    std::byte* output = first + (place(out_, pixel, offset_) - place(out_, pixel, 0)) *
                                    static_cast<std::int64_t>(size_of(out_.type));
    if (is_copy()) {
      copy(input, output, count);
    } else {
      ReformatRun run{};
      run.input = input, run.output = output;
      run.pixels = count, run.channels = in_.channels;
      run.input_step = in_.pixel_step(), run.output_step = out_.pixel_step();
      run.plane = plane_, run.planar = planar_;
      run.first_lane = is_real(out_) && !planar_ ? offset_ % kChannelBlock : 0;
      run.whole_blocks = whole_blocks_;
      run.scale = scale_, run.offset = zero_, run.low = low_, run.high = high_;
      if (has_mean()) set_mean(run, call.weights, pixel);
      run.padding = static_cast<std::uint8_t>(out_.quantization.zero_point);
      if (pixels_ && is_real(out_)) {
        subtract_mean(run);
      } else {
        if (writes_quads()) run.plane = in_.pixels();
        function_(run);
      }
    }
    if (ends_ && !writes_quads()) fill_rest(first, count);
  }

  /// Elements from an image's start to a channel of a pixel (kNchw16c: to the channel's block).
  static std::int64_t place(const FeatureMap& map, std::int64_t pixel, std::int64_t channel) {
    if (map.layout == Layout::kNchw) return channel * map.pixels() + pixel;
    if (map.layout == Layout::kNhwc) return pixel * map.pixel_step() + channel;
    return (channel / kChannelBlock * map.pixels() + pixel) * kChannelBlock;
  }

  void copy(const std::byte* from, std::byte* to, std::int64_t count) const noexcept {
    const auto size = static_cast<std::int64_t>(size_of(in_.type));
    if (writes_quads()) {
      widen_pixels(from, to, count, static_cast<std::uint8_t>(out_.quantization.zero_point));
      return;
    }
    // Where both tensors end alike, padding goes with the rest, and dense maps are one block.
    const bool same_padding = ends_ && in_.padded_channels() == out_.padded_channels() - offset_;
    const std::int64_t lanes = same_padding ? in_.padded_channels() : in_.channels;
    copy_pixels(from, in_.pixel_step() * size, to, out_.pixel_step() * size, lanes * size, count);
  }

  void set_mean(ReformatRun& run, const std::byte* packed, std::int64_t pixel) const noexcept {
    std::int32_t per_pixel;
    std::memcpy(&per_pixel, packed, sizeof per_pixel);
    run.mean_plane = per_pixel != 0 ? in_.pixels() : 1;
    run.mean_step = per_pixel != 0 ? 1 : 0;
    run.mean = reinterpret_cast<const float*>(packed + kPackedMeanAt) + pixel * run.mean_step;
  }

  void subtract_mean(const ReformatRun& run) const noexcept {
    const auto* from = reinterpret_cast<const std::uint8_t*>(run.input);
    auto* to = reinterpret_cast<float*>(run.output);
    const std::int64_t lane_step = planar_ ? run.plane : 1, pixel_step = planar_ ? 1 : kChannelBlock;
    for (std::int64_t c = 0; c < run.channels; ++c)
      for (std::int64_t p = 0; p < run.pixels; ++p)
        to[c * lane_step + p * pixel_step] = static_cast<float>(from[p * run.input_step + c]) -
                                             run.mean[c * run.mean_plane + p * run.mean_step];
  }

  /// Padding lanes behind the output's last channel; `first`: channel 0 of the first pixel.
  void fill_rest(std::byte* first, std::int64_t count) const noexcept {
    if (out_.layout == Layout::kNhwc) {
      integer::fill_padding(first, out_, count);
    } else if (out_.layout == Layout::kNchw16c && out_.channels % kChannelBlock != 0) {
      float* block = reinterpret_cast<float*>(first) + (out_.blocks() - 1) * out_.pixels() * kChannelBlock;
      const std::int64_t lane = out_.channels % kChannelBlock;
      for (std::int64_t p = 0; p < count; ++p)
        std::fill_n(block + p * kChannelBlock + lane, kChannelBlock - lane, 0.0f);
    }
  }

  FeatureMap in_, out_;
  std::int64_t offset_;
  bool pixels_;
  ReformatFunction function_;
  bool ends_, planar_, whole_blocks_;
  std::int64_t plane_;
  float scale_ = 1, zero_ = 0, low_ = 0, high_ = 0;
};

bool fits_pictures(const ReformatDesc& d) {
  const FeatureMap &in = d.input, &out = d.output;
  if (in.channels > kChannelQuad || in.channels != out.channels) return false;
  if (is_real(in)) return in.layout == Layout::kNchw && is_quad(out) && out.type == DataType::kUInt8;
  if (in.type != DataType::kUInt8) return false;
  return is_real(out) || out.type == DataType::kUInt8;
}

double cost(const OpDesc& desc, double unit) {
  const auto* d = std::get_if<ReformatDesc>(&desc);
  if (d == nullptr) return -1;
  const FeatureMap &in = d->input, &out = d->output;
  if (is_real(in) && is_real(out)) return -1;
  if (!is_real(in) && !is_real(out) && in.type != out.type) return -1;
  for (const FeatureMap* map : {&in, &out}) {
    if (map->type == DataType::kInt8 || map->type == DataType::kInt32) return -1;
    if ((map->layout == Layout::kNhwc) == is_real(*map)) return -1;
    if (map->channels < 1 || map->height < 1 || map->width < 1) return -1;
    if (!integer::has_valid_quantization(*map)) return -1;
    if (map->layout == Layout::kNhwc && map->pixel_step() < map->channels) return -1;
  }
  if (in.height != out.height || in.width != out.width || d->input_lane != 0) return -1;
  if (d->channel_offset < 0 || d->channel_offset > out.channels - in.channels) return -1;
  if (out.layout == Layout::kNchw && in.channels != out.channels) return -1;
  if (d->pixels && !fits_pictures(*d)) return -1;
  return unit * static_cast<double>(in.channels) * static_cast<double>(in.pixels());
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const ReformatI8Functions& functions) {
  return std::make_unique<Reformat>(std::get<ReformatDesc>(desc), functions);
}

}  // namespace

double reformat_i8_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> reformat_i8_generic(const OpDesc& desc) { return create(desc, kReformatI8Generic); }

#ifdef OCTET_X86
double reformat_i8_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> reformat_i8_avx2(const OpDesc& desc) { return create(desc, kReformatI8Avx2); }
double reformat_i8_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> reformat_i8_avx512(const OpDesc& desc) { return create(desc, kReformatI8Avx512); }
#endif

}  // namespace octet::kernels
