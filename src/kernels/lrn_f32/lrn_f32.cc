// Local response normalisation kernels: what does not depend on the instruction set. Splits pixels (across
// channels) or rows (within a channel) over workers and keeps the margins of their scratch zero.
#include <algorithm>
#include <cmath>

#include "base/aligned_buffer.h"
#include "kernels/families.h"
#include "kernels/lrn_f32/contract.h"

namespace octet::kernels {
namespace {

class LrnAcrossChannels final : public Kernel {
 public:
  LrnAcrossChannels(const LrnDesc& desc, const LrnF32Functions& functions)
      : map_(desc.map),
        function_(functions.across_channels),
        power_{desc.alpha / static_cast<float>(desc.size), desc.k, desc.beta},
        // A window wider than the map sees nothing but zeros beyond it.
        half_(std::min((desc.size - 1) / 2, desc.map.padded_channels())),
        margin_(static_cast<std::int64_t>(base::round_up(static_cast<std::size_t>(half_), kChannelBlock))),
        squares_pitch_(map_.padded_channels() + 2 * margin_),
        // About half of a first-level cache of squares, the rest for the map itself.
        run_pixels_(std::clamp<std::int64_t>(kSquaresFloats / squares_pitch_, 1, map_.pixels())) {}

  std::size_t scratch_bytes(int) const override {
    return static_cast<std::size_t>(run_pixels_ * squares_pitch_) * sizeof(float);
  }
  // A pixel's squares are all taken before any of its results is written.
  bool in_place(int) const override { return true; }

  void run(const Call& call) const noexcept override {
    const Share share = share_of(call.images * map_.pixels(), call.worker, call.workers);
    float* squares = reinterpret_cast<float*>(call.scratch);
    if (share.begin < share.end) clear_margins(squares);
    for (const auto [image, pixel, count] : Stretches(share, map_.pixels(), run_pixels_)) {
      LrnPixels pixels;
      pixels.input = call.inputs[0].floats() + image * call.inputs[0].image_stride + pixel * kChannelBlock;
      pixels.output = call.output.floats() + image * call.output.image_stride + pixel * kChannelBlock;
      pixels.block_pitch = map_.pixels() * kChannelBlock;
      pixels.blocks = map_.blocks();
      pixels.pixels = count;
      pixels.half = half_;
      pixels.squares = squares;
      pixels.squares_pitch = squares_pitch_;
      pixels.margin = margin_;
      pixels.power = power_;
      function_(pixels);
    }
  }

 private:
  static constexpr std::int64_t kSquaresFloats = 4096;

  void clear_margins(float* squares) const noexcept {
    for (std::int64_t p = 0; p < run_pixels_; ++p) {
      float* row = squares + p * squares_pitch_;
      std::fill_n(row, margin_, 0.0f);
      std::fill_n(row + squares_pitch_ - margin_, margin_, 0.0f);
    }
  }

  FeatureMap map_;
  void (*function_)(const LrnPixels&);
  LrnPower power_;
  std::int64_t half_, margin_, squares_pitch_, run_pixels_;
};

class LrnWithinChannel final : public Kernel {
 public:
  LrnWithinChannel(const LrnDesc& desc, const LrnF32Functions& functions)
      : map_(desc.map),
        function_(functions.within_channel),
        power_{desc.alpha / (static_cast<float>(desc.size) * static_cast<float>(desc.size)), 1, desc.beta},
        half_h_(std::min((desc.size - 1) / 2, map_.height)),
        half_w_(std::min((desc.size - 1) / 2, map_.width)) {}

  std::size_t scratch_bytes(int) const override {
    return static_cast<std::size_t>((map_.width + 2 * half_w_) * kChannelBlock) * sizeof(float);
  }

  void run(const Call& call) const noexcept override {
    const std::int64_t rows_per_image = map_.blocks() * map_.height;
    const std::int64_t row_pitch = map_.width * kChannelBlock;
    const Share share = share_of(call.images * rows_per_image, call.worker, call.workers);
    float* sums = reinterpret_cast<float*>(call.scratch);
    if (share.begin < share.end) {
      std::fill_n(sums, half_w_ * kChannelBlock, 0.0f);
      std::fill_n(sums + (half_w_ + map_.width) * kChannelBlock, half_w_ * kChannelBlock, 0.0f);
    }
    for (std::int64_t item = share.begin; item < share.end; ++item) {
      const std::int64_t image = item / rows_per_image;
      const std::int64_t block_row = item % rows_per_image;  // rows of all blocks lie one after another
      const std::int64_t y = block_row % map_.height;
      const std::int64_t first = std::max<std::int64_t>(y - half_h_, 0);
      const std::int64_t last = std::min(y + half_h_, map_.height - 1);
      LrnRow row;
      row.center = call.inputs[0].floats() + image * call.inputs[0].image_stride + block_row * row_pitch;
      row.window_rows = row.center - (y - first) * row_pitch;
      row.rows = last - first + 1;
      row.row_pitch = row_pitch;
      row.output = call.output.floats() + image * call.output.image_stride + block_row * row_pitch;
      row.width = map_.width;
      row.half = half_w_;
      row.column_sums = sums;
      row.power = power_;
      function_(row);
    }
  }

 private:
  FeatureMap map_;
  void (*function_)(const LrnRow&);
  LrnPower power_;
  std::int64_t half_h_, half_w_;
};

double cost(const OpDesc& desc, double unit) {
  const auto* lrn = std::get_if<LrnDesc>(&desc);
  if (lrn == nullptr) return -1;
  if (lrn->map.layout != Layout::kNchw16c || lrn->map.type != DataType::kFloat32) return -1;
  if (lrn->size < 1 || lrn->size % 2 == 0) return -1;
  if (!(lrn->alpha >= 0) || !std::isfinite(lrn->alpha) || !std::isfinite(lrn->beta)) return -1;
  if (lrn->across_channels && !(lrn->k > 0 && std::isfinite(lrn->k))) return -1;
  return unit * static_cast<double>(lrn->map.elements());
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const LrnF32Functions& functions) {
  const auto& lrn = std::get<LrnDesc>(desc);
  if (lrn.across_channels) return std::make_unique<LrnAcrossChannels>(lrn, functions);
  return std::make_unique<LrnWithinChannel>(lrn, functions);
}

}  // namespace

double lrn_f32_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> lrn_f32_generic(const OpDesc& desc) { return create(desc, kLrnF32Generic); }

#ifdef OCTET_X86
double lrn_f32_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> lrn_f32_avx2(const OpDesc& desc) { return create(desc, kLrnF32Avx2); }
double lrn_f32_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> lrn_f32_avx512(const OpDesc& desc) { return create(desc, kLrnF32Avx512); }
#endif

}  // namespace octet::kernels
