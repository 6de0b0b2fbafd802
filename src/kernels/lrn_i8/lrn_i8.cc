// Local response normalisation kernels of bytes: what does not depend on the instruction set. Splits pixels
// (across channels) or rows (within a channel) over workers and keeps the margins of their scratch zero.
#include <algorithm>

#include "base/aligned_buffer.h"
#include "kernels/families.h"
#include "kernels/lrn_i8/arithmetic.h"
#include "kernels/lrn_i8/contract.h"

namespace octet::kernels {
namespace {

class LrnAcrossChannels final : public Kernel {
 public:
  LrnAcrossChannels(const LrnDesc& desc, const LrnI8Functions& functions)
      : in_(desc.map),
        out_(desc.output),
        function_(functions.across_channels),
        arithmetic_(lrn_i8::arithmetic_of(desc)),
        // A window wider than the map sees nothing but zeros beyond it.
        half_(std::min((desc.size - 1) / 2, desc.map.padded_channels())),
        margin_(static_cast<std::int64_t>(base::round_up(static_cast<std::size_t>(half_ + kLrnI8Slack), 32))),
        pitch_(in_.padded_channels() + 2 * margin_),
        // Half of a first-level cache, the rest for the map itself.
        run_pixels_(std::clamp<std::int64_t>(kScratchBytes / 2 / pitch_, 1, in_.pixels())) {}

  std::size_t scratch_bytes(int) const override {
    return static_cast<std::size_t>(run_pixels_ * pitch_) * sizeof(std::int16_t);
  }
  // All of a run's pixels are read before any of its results is written.
  bool in_place(int) const override { return in_.pixel_step() == out_.pixel_step(); }

  void run(const Call& call) const noexcept override {
    const Share share = share_of(call.images * in_.pixels(), call.worker, call.workers);
    auto* centred = reinterpret_cast<std::int16_t*>(call.scratch);
    if (share.begin < share.end) std::fill_n(centred, run_pixels_ * pitch_, std::int16_t{0});
    for (const auto [image, pixel, pixels] : Stretches(share, in_.pixels(), run_pixels_)) {
      LrnI8Pixels run{};
      run.input_step = in_.pixel_step(), run.output_step = out_.pixel_step();
      run.input = call.inputs[0].bytes() + image * call.inputs[0].image_stride + pixel * run.input_step;
      run.output = call.output.bytes() + image * call.output.image_stride + pixel * run.output_step;
      run.channels = in_.padded_channels();
      run.pixels = pixels;
      run.half = half_;
      run.centred = centred;
      run.pitch = pitch_;
      run.margin = margin_;
      run.arithmetic = arithmetic_;
      function_(run);
    }
  }

 private:
  static constexpr std::int64_t kScratchBytes = 16384;

  FeatureMap in_, out_;
  void (*function_)(const LrnI8Pixels&);
  LrnI8Arithmetic arithmetic_;
  std::int64_t half_, margin_, pitch_, run_pixels_;
};

class LrnWithinChannel final : public Kernel {
 public:
  LrnWithinChannel(const LrnDesc& desc, const LrnI8Functions& functions)
      : in_(desc.map),
        out_(desc.output),
        function_(functions.within_channel),
        arithmetic_(lrn_i8::arithmetic_of(desc)),
        half_h_(std::min((desc.size - 1) / 2, in_.height)),
        half_w_(std::min((desc.size - 1) / 2, in_.width)) {}

  std::size_t scratch_bytes(int) const override {
    return static_cast<std::size_t>((in_.width + 2 * half_w_) * kChannelBlock) * sizeof(std::int32_t);
  }

  void run(const Call& call) const noexcept override {
    const Share share = share_of(call.images * in_.height, call.worker, call.workers);
    auto* sums = reinterpret_cast<std::int32_t*>(call.scratch);
    if (share.begin < share.end) {
      std::fill_n(sums, half_w_ * kChannelBlock, 0);
      std::fill_n(sums + (half_w_ + in_.width) * kChannelBlock, half_w_ * kChannelBlock, 0);
    }
    for (std::int64_t item = share.begin; item < share.end; ++item) {
      const std::int64_t image = item / in_.height, y = item % in_.height;
      const std::int64_t first = std::max<std::int64_t>(y - half_h_, 0);
      const std::int64_t last = std::min(y + half_h_, in_.height - 1);
      LrnI8Row row{};
      row.input_step = in_.pixel_step(), row.output_step = out_.pixel_step();
      row.row_pitch = in_.width * row.input_step;
      row.center = call.inputs[0].bytes() + image * call.inputs[0].image_stride + y * row.row_pitch;
      row.window_rows = row.center - (y - first) * row.row_pitch;
      row.rows = last - first + 1;
      row.output = call.output.bytes() + image * call.output.image_stride + y * in_.width * row.output_step;
      row.channels = in_.padded_channels();
      row.width = in_.width;
      row.half = half_w_;
      row.column_sums = sums;
      row.arithmetic = arithmetic_;
      function_(row);
    }
  }

 private:
  FeatureMap in_, out_;
  void (*function_)(const LrnI8Row&);
  LrnI8Arithmetic arithmetic_;
  std::int64_t half_h_, half_w_;
};

double cost(const OpDesc& desc, double unit) {
  const auto* lrn = std::get_if<LrnDesc>(&desc);
  if (lrn == nullptr || !lrn_i8::accepts(*lrn)) return -1;
  return unit * static_cast<double>(lrn->map.padded_channels()) * static_cast<double>(lrn->map.pixels());
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const LrnI8Functions& functions) {
  const auto& lrn = std::get<LrnDesc>(desc);
  if (lrn.across_channels) return std::make_unique<LrnAcrossChannels>(lrn, functions);
  return std::make_unique<LrnWithinChannel>(lrn, functions);
}

}  // namespace

double lrn_i8_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> lrn_i8_generic(const OpDesc& desc) { return create(desc, kLrnI8Generic); }

#ifdef OCTET_X86
double lrn_i8_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> lrn_i8_avx2(const OpDesc& desc) { return create(desc, kLrnI8Avx2); }
double lrn_i8_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> lrn_i8_avx512(const OpDesc& desc) { return create(desc, kLrnI8Avx512); }
#endif

}  // namespace octet::kernels
