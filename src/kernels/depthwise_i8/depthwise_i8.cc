// Depthwise convolution kernels of bytes: what does not depend on the instruction set. Packs weights, splits
// output rows over workers, and finds each run's taps.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/aligned_buffer.h"
#include "kernels/depthwise_i8/contract.h"
#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/integer/padding.h"

namespace octet::kernels {
namespace {

bool is_real(const FeatureMap& map) { return map.type == DataType::kFloat32; }
std::int16_t widen(std::int8_t weight) { return weight; }

class Depthwise final : public Kernel {
 public:
  Depthwise(const ConvDesc& desc, const DepthwiseI8Functions& functions)
      : desc_(desc),
        functions_(functions),
        channels_(desc.input.padded_channels()),
        taps_(desc.window.kernel_h * desc.window.kernel_w),
        pairs_((taps_ + 1) / 2) {
    // Parts of the packed weights, each on a cache line.
    const auto place = [this](std::size_t bytes) {
      const std::size_t at = packed_bytes_;
      packed_bytes_ += base::round_up(bytes, base::kCacheLine);
      return at;
    };
    const auto channels = static_cast<std::size_t>(channels_);
    const std::size_t biases = desc.bias_map ? static_cast<std::size_t>(desc.output.pixels()) : 1;
    weights_at_ = place(channels * static_cast<std::size_t>(2 * pairs_) * sizeof(std::int16_t));
    multipliers_at_ = place(channels * sizeof(float));
    bias_at_ = place(channels * biases * sizeof(std::int32_t));
    halo_at_ = place(channels);
  }

  std::size_t packed_bytes() const override { return packed_bytes_; }

  void pack_integer(const IntegerWeights& from, std::span<std::byte> packed) const override {
    std::fill(packed.begin(), packed.end(), std::byte{0});
    auto* weights = reinterpret_cast<std::int16_t*>(packed.data() + weights_at_);
    auto* multipliers = reinterpret_cast<float*>(packed.data() + multipliers_at_);
    auto* bias = reinterpret_cast<std::int32_t*>(packed.data() + bias_at_);
    const std::int64_t pixels = desc_.output.pixels();
    for (std::int64_t c = 0; c < desc_.input.channels; ++c) {
      const auto at = static_cast<std::size_t>(c);
      const Place to = place_of(c);
      for (std::int64_t tap = 0; tap < taps_; ++tap)
        weights[(to.unit * 2 * pairs_) + (tap / 2 * to.lanes + to.lane) * 2 + tap % 2] =
            widen(from.weights[static_cast<std::size_t>(c * taps_ + tap)]);
      multipliers[to.unit + to.lane] = from.multipliers[at];
      if (!desc_.bias_map) {
        bias[to.unit + to.lane] = from.bias[at];
        continue;
      }
      for (std::int64_t p = 0; p < pixels; ++p)
        bias[p * channels_ + to.unit + to.lane] = from.bias_map[static_cast<std::size_t>(c * pixels + p)];
    }
    auto* halo = reinterpret_cast<std::uint8_t*>(packed.data() + halo_at_);
    std::fill_n(halo, channels_, static_cast<std::uint8_t>(desc_.input.quantization.zero_point));
    std::copy(desc_.halo.begin(), desc_.halo.end(), halo);
  }

  std::size_t scratch_bytes(int) const override {
    return static_cast<std::size_t>(2 * pairs_) * sizeof(DepthwiseI8Tap);
  }
  // Each pixel's residual is read before its result is written.
  bool in_place(int input) const override {
    return input == 1 && desc_.residual_map.pixel_step() == desc_.output.pixel_step();
  }

  void run(const Call& call) const noexcept override {
    const WindowDesc& w = desc_.window;
    const std::int64_t height = desc_.output.height, width = desc_.output.width;
    // Columns whose taps are all inside the row; others are runs of one pixel.
    const std::int64_t reach = (w.kernel_w - 1) * w.dilation_w;
    const std::int64_t last = desc_.input.width - 1 - reach + w.pad_left;
    const std::int64_t begin = std::min((w.pad_left + w.stride_w - 1) / w.stride_w, width);
    const std::int64_t end = last < 0 ? begin : std::clamp(last / w.stride_w + 1, begin, width);
    const Share share = rows_of(call.images, call.worker, call.workers);
    for (std::int64_t item = share.begin; item < share.end; ++item) {
      const std::int64_t image = item / height, y = item % height;
      for (std::int64_t x = 0; x < begin; ++x) run_pixels(call, image, y, x, 1);
      if (begin < end) run_pixels(call, image, y, begin, end - begin);
      for (std::int64_t x = end; x < width; ++x) run_pixels(call, image, y, x, 1);
    }
  }

  std::int64_t worker_macs(int images, int worker, int workers) const override {
    const FeatureMap& out = desc_.output;
    return rows_of(images, worker, workers).size() * out.width * out.blocks() * kChannelBlock *
           desc_.window.kernel_h * desc_.window.kernel_w;
  }

 private:
  Share rows_of(int images, int worker, int workers) const {
    return share_of(images * desc_.output.height, worker, workers);
  }

  struct Place {
    std::int64_t unit;   // first channel of the unit
    std::int64_t lanes;  // of the unit
    std::int64_t lane;
  };
  Place place_of(std::int64_t channel) const {
    const std::int64_t unit = channel / functions_.unit * functions_.unit;
    const std::int64_t lanes = std::min(functions_.unit, channels_ - unit);
    return {unit, lanes, lane_of(channel - unit, lanes)};
  }

  void run_pixels(const Call& call, std::int64_t image, std::int64_t y, std::int64_t x,
                  std::int64_t pixels) const noexcept {
    const FeatureMap& out = desc_.output;
    DepthwiseI8Run run{};
    auto* taps = reinterpret_cast<DepthwiseI8Tap*>(call.scratch);
    find_taps(call, image, y, x, taps);
    run.taps = taps, run.pairs = pairs_, run.pixels = pixels, run.channels = channels_;
    run.weights = reinterpret_cast<const std::int16_t*>(call.weights + weights_at_);
    run.multipliers = reinterpret_cast<const float*>(call.weights + multipliers_at_);
    run.bias = reinterpret_cast<const std::int32_t*>(call.weights + bias_at_);
    if (desc_.bias_map) {
      run.bias_step = channels_;
      run.bias += (y * out.width + x) * channels_;
    }
    run.real_output = is_real(out);
    run.output_step = out.pixel_step(), run.output_plane = out.pixels() * kChannelBlock;
    run.output = call.output.data + offset_of(call.output, out, image, y, x);
    if (desc_.residual) {
      const FeatureMap& map = desc_.residual_map;
      run.residual = call.inputs[1].data + offset_of(call.inputs[1], map, image, y, x);
      run.residual_step = map.pixel_step(), run.residual_plane = map.pixels() * kChannelBlock;
    }
    set_epilogue(run);
    functions_.run(run);
  }

  /// Bytes from an operand's start to a pixel (FP32: of the first channel block).
  static std::int64_t offset_of(const Operand& operand, const FeatureMap& map, std::int64_t image,
                                std::int64_t y, std::int64_t x) {
    const std::int64_t step = is_real(map) ? kChannelBlock : map.pixel_step();
    return (image * operand.image_stride + (y * map.width + x) * step) *
           static_cast<std::int64_t>(size_of(map.type));
  }

  void find_taps(const Call& call, std::int64_t image, std::int64_t y, std::int64_t x,
                 DepthwiseI8Tap* taps) const noexcept {
    const WindowDesc& w = desc_.window;
    const FeatureMap& in = desc_.input;
    const std::uint8_t* map = call.inputs[0].bytes() + image * call.inputs[0].image_stride;
    const auto* halo = reinterpret_cast<const std::uint8_t*>(call.weights + halo_at_);
    for (std::int64_t ky = 0; ky < w.kernel_h; ++ky)
      for (std::int64_t kx = 0; kx < w.kernel_w; ++kx) {
        const std::int64_t in_y = y * w.stride_h - w.pad_top + ky * w.dilation_h;
        const std::int64_t in_x = x * w.stride_w - w.pad_left + kx * w.dilation_w;
        const bool inside = in_y >= 0 && in_y < in.height && in_x >= 0 && in_x < in.width;
        taps[ky * w.kernel_w + kx] = inside ? DepthwiseI8Tap{map + (in_y * in.width + in_x) * in.pixel_step(),
                                                             w.stride_w * in.pixel_step()}
                                            : DepthwiseI8Tap{halo, 0};
      }
    if (taps_ % 2 != 0) taps[taps_] = {halo, 0};
  }

  void set_epilogue(DepthwiseI8Run& run) const noexcept {
    const Quantization& q = desc_.output.quantization;
    run.slope = desc_.relu ? desc_.relu->slope : 0;
    run.rectified = desc_.relu.has_value();
    if (run.real_output) {
      if (desc_.relu) run.high = desc_.relu->limit;
      return;
    }
    run.leaky = desc_.relu && run.slope != 0;
    run.zero = run.addend = static_cast<float>(q.zero_point);
    const integer::Range range = integer::range_of(desc_.output, desc_.relu);
    run.low = range.low, run.high = range.high;
    if (desc_.residual) {
      const integer::Rescale rescale = integer::rescale(desc_.residual_map.quantization, q);
      run.residual_scale = rescale.scale, run.residual_offset = rescale.offset;
    }
  }

  const ConvDesc desc_;
  const DepthwiseI8Functions& functions_;
  std::int64_t channels_, taps_, pairs_;
  std::size_t packed_bytes_ = 0, weights_at_, multipliers_at_, bias_at_, halo_at_;
};

bool is_output(const FeatureMap& map, const FeatureMap& sizes) {
  if (!map.same_sizes(sizes)) return false;
  if (is_real(map)) return map.layout == Layout::kNchw16c;
  return map.type == DataType::kUInt8 && integer::is_narrow_map(map);
}

/// Microseconds for one image, as conv_dot counts them, from the multiply-adds a nanosecond that bench.cc
/// shows; below 0 if this is not ours.
double cost(const OpDesc& desc, double speed) {
  const auto* conv = std::get_if<ConvDesc>(&desc);
  if (conv == nullptr || conv->input.type != DataType::kUInt8 || !integer::is_narrow_map(conv->input))
    return -1;
  if (conv->groups != conv->input.channels || conv->groups != conv->output.channels) return -1;
  if (!is_output(conv->output, conv->output)) return -1;
  if (conv->residual &&
      (!is_output(conv->residual_map, conv->output) || conv->residual_map.type != conv->output.type))
    return -1;
  const WindowDesc& w = conv->window;
  if (w.kernel_h < 1 || w.kernel_w < 1 || w.stride_h < 1 || w.stride_w < 1) return -1;
  if (w.dilation_h < 1 || w.dilation_w < 1 || w.pad_top < 0 || w.pad_left < 0) return -1;
  if (!conv->halo.empty() && conv->halo.size() != static_cast<std::size_t>(conv->input.channels)) return -1;
  if (!integer::has_valid_relu(conv->relu)) return -1;
  const double products = static_cast<double>(conv->output.padded_channels()) *
                          static_cast<double>(conv->output.pixels()) * static_cast<double>(w.kernel_h) *
                          static_cast<double>(w.kernel_w);
  return products / speed / 1000;
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const DepthwiseI8Functions& functions) {
  return std::make_unique<Depthwise>(std::get<ConvDesc>(desc), functions);
}

}  // namespace

double depthwise_i8_generic_cost(const OpDesc& desc, int) { return cost(desc, 0.5); }
std::unique_ptr<Kernel> depthwise_i8_generic(const OpDesc& desc) { return create(desc, kDepthwiseI8Generic); }

#ifdef OCTET_X86
double depthwise_i8_avx2_cost(const OpDesc& desc, int) { return cost(desc, 20); }
std::unique_ptr<Kernel> depthwise_i8_avx2(const OpDesc& desc) { return create(desc, kDepthwiseI8Avx2); }
double depthwise_i8_avx512_cost(const OpDesc& desc, int) { return cost(desc, 28); }
std::unique_ptr<Kernel> depthwise_i8_avx512(const OpDesc& desc) { return create(desc, kDepthwiseI8Avx512); }
#endif

}  // namespace octet::kernels
