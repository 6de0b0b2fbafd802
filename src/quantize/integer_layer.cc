#include "quantize/integer_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/error.h"
#include "quantize/pixel_bias.h"
#include "quantize/weight_integers.h"

namespace octet::quantize {
namespace {

constexpr double kLargestSum = std::numeric_limits<std::int32_t>::max();

/// The integer bias that a channel without weights gets: enough to say the real one as precisely as FP32.
constexpr double kLoneBias = 0x1p23;

/// The bias counts for no more than this many units in int16_limit: a channel with more is made coarser
/// instead.
constexpr double kLargestCountedBias = 0x1p15;

/// Weights that came as integers, but for FP32's rounding.
constexpr float kLeastGivenQuotient = kLeastGivenWeight - 0.25f, kMostGivenQuotient = kLargestWeight + 0.25f;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

class LayerMaker {
 public:
  explicit LayerMaker(const IntegerLayerSpec& spec) : spec_(spec) {
    check();
    taps_ = static_cast<std::int64_t>(spec.weights.size()) / spec.out_channels;
    if (!spec.pixel_mean.empty()) settle_pixels();
  }

  IntegerLayer run() {
    layer_.weights.resize(spec_.weights.size());
    layer_.multipliers.resize(index(spec_.out_channels));
    layer_.weight_scales.resize(index(spec_.out_channels));
    if (mean_image_)
      layer_.bias_map.resize(index(spec_.out_channels * pixels_.out_pixels()));
    else
      layer_.bias.resize(index(spec_.out_channels));
    for (std::int64_t k = 0; k < spec_.out_channels; ++k) make_channel(k);
    return std::move(layer_);
  }

 private:
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const {
    throw Error(code, fmt::format("{}: {}", spec_.where, what));
  }

  void check() const {
    const std::int64_t out = spec_.out_channels;
    const std::size_t weights = spec_.weights.size();
    if (out < 1 || weights == 0 || weights % index(out) != 0)
      fail(ErrorCode::kInvalidNetwork,
           fmt::format("{} weights cannot be shared between {} output channels", weights, out));
    if (!spec_.bias.empty() && spec_.bias.size() != index(out))
      fail(ErrorCode::kMismatch, fmt::format("expected {} biases, got {}", out, spec_.bias.size()));
    if (!spec_.weight_scales.empty() && spec_.weight_scales.size() != index(out))
      fail(ErrorCode::kMismatch,
           fmt::format("expected {} scales of weights, got {}", out, spec_.weight_scales.size()));
    check_scale("input", spec_.input.scale);
    if (spec_.output_type != DataType::kFloat32) check_scale("output", spec_.output.scale);
    if (spec_.calibration == nullptr) return;
    const std::vector<float>& correction = spec_.calibration->bias_correction;
    if (!correction.empty() && correction.size() != index(out))
      fail(ErrorCode::kMismatch,
           fmt::format("the calibration corrects {} biases, the layer has {}", correction.size(), out));
    const std::vector<std::uint8_t>& bits = spec_.calibration->rounding_bits;
    if (!bits.empty() && bits.size() != bit_bytes(weights))
      fail(ErrorCode::kMismatch, fmt::format("the calibration rounds {} bytes' worth of weights, expected {} "
                                             "bytes for {} weights",
                                             bits.size(), bit_bytes(weights), weights));
  }
  void check_scale(const char* what, float scale) const {
    if (scale > 0 && std::isfinite(scale)) return;
    fail(ErrorCode::kMismatch,
         fmt::format("scale of the {}: expected a finite number above 0, got {}", what, scale));
  }

  void settle_pixels() {
    pixels_ = {.in_channels = spec_.in_channels,
               .in_height = spec_.in_height,
               .in_width = spec_.in_width,
               .out_channels = spec_.out_channels,
               .out_height = spec_.out_height,
               .out_width = spec_.out_width,
               .group_channels = 0,
               .window = spec_.window};
    graph::Window& window = pixels_.window;
    if (taps_ == spec_.in_channels * spec_.in_height * spec_.in_width &&
        spec_.out_height * spec_.out_width == 1 && window == graph::Window{})  // fully connected
      window.kernel_h = spec_.in_height, window.kernel_w = spec_.in_width;
    pixels_.group_channels = taps_ / (window.kernel_h * window.kernel_w);
    const std::int64_t values = static_cast<std::int64_t>(spec_.pixel_mean.size());
    const std::int64_t image = spec_.in_channels * spec_.in_height * spec_.in_width;
    if (values != spec_.in_channels && values != image)
      fail(ErrorCode::kMismatch, fmt::format("the pictures' mean: expected {} values or {}, got {}",
                                             spec_.in_channels, image, values));
    if (pixels_.taps() != taps_ || pixels_.group_channels < 1 ||
        spec_.in_channels % pixels_.group_channels != 0 ||
        spec_.out_channels % (spec_.in_channels / pixels_.group_channels) != 0)
      fail(ErrorCode::kInvalidNetwork,
           fmt::format("{} weights an output channel do not fit a {}x{} window over "
                       "{} channels",
                       taps_, window.kernel_h, window.kernel_w, spec_.in_channels));
    mean_image_ = values != spec_.in_channels;
    if (mean_image_) map_.resize(index(pixels_.out_pixels()));
  }

  double real_bias(std::int64_t k) const {
    double bias = spec_.bias.empty() ? 0 : static_cast<double>(spec_.bias[index(k)]);
    if (spec_.calibration != nullptr && !spec_.calibration->bias_correction.empty())
      bias += static_cast<double>(spec_.calibration->bias_correction[index(k)]);
    if (!std::isfinite(bias))
      fail(ErrorCode::kInvalidNetwork, fmt::format("output channel {}: the bias is not finite", k));
    return bias;
  }

  float first_scale(std::span<const float> weights, double bias, std::int64_t k) const {
    const float largest = largest_magnitude(weights);
    if (!std::isfinite(largest))
      fail(ErrorCode::kInvalidNetwork, fmt::format("output channel {}: a weight is NaN or infinite", k));
    if (const float given = given_scale(k); given > 0 && covers(given, weights)) return given;
    if (largest > 0 || bias == 0) return nearest_weight_scale(largest);
    const double scale = std::abs(bias) / (static_cast<double>(spec_.input.scale) * kLoneBias);
    return static_cast<float>(std::clamp(scale, static_cast<double>(kSmallestWeightScale),
                                         static_cast<double>(std::numeric_limits<float>::max())));
  }

  /// The scale with which the channel's integers came; 0 if the weights are any floats, or if the calibration
  /// rounds them, which refers to a scale of its own.
  float given_scale(std::int64_t k) const {
    const bool rounds = spec_.calibration != nullptr && !spec_.calibration->rounding_bits.empty();
    return spec_.weight_scales.empty() || rounds ? 0.0f : spec_.weight_scales[index(k)];
  }

  /// Whether weights are this many bytes' worth of steps at most; channels that changed their sign, or whose
  /// zero point was none of the middle, may not be.
  static bool covers(float scale, std::span<const float> weights) {
    const auto [least, most] = std::minmax_element(weights.begin(), weights.end());
    return *least >= scale * kLeastGivenQuotient && *most <= scale * kMostGivenQuotient;
  }

  /// The largest |q| that the input can hold.
  double largest_input() const {
    return spec_.input_type == DataType::kInt16 ? static_cast<double>(spec_.input.limit) : 255.0;
  }

  void make_channel(std::int64_t k) {
    const auto weights = spec_.weights.subspan(index(k * taps_), index(taps_));
    const auto integers = std::span(layer_.weights).subspan(index(k * taps_), index(taps_));
    const double bias = real_bias(k);
    float scale = first_scale(weights, bias, k);
    // A scale twice as large halves the integers, weights and bias alike.
    while (!try_scale(k, weights, integers, bias, scale)) {
      scale *= 2;
      if (!std::isfinite(scale * spec_.input.scale))
        fail(ErrorCode::kUnsupported,
             fmt::format(
                 "output channel {}: bias {} and weights up to {} do not fit into 32-bit sums at any scale",
                 k, bias, largest_magnitude(weights)));
    }
    layer_.weight_scales[index(k)] = scale;
    layer_.multipliers[index(k)] = multiplier(k, scale);
  }

  /// Writes the channel's integers for this scale; false if a sum could leave 32 bits.
  bool try_scale(std::int64_t k, std::span<const float> weights, std::span<std::int8_t> integers, double bias,
                 float scale) {
    const bool by_bits = spec_.calibration != nullptr && !spec_.calibration->rounding_bits.empty();
    const WeightSums sums =
        by_bits ? round_by_bits(weights, scale, spec_.calibration->rounding_bits, k * taps_, integers)
                : round_to_nearest(weights, scale, integers);
    const double room = kLargestSum - largest_input() * static_cast<double>(sums.absolute);
    const double unit = static_cast<double>(spec_.input.scale) * static_cast<double>(scale);
    double base = bias / unit;
    if (mean_image_) return room >= 0 && set_bias_map(k, integers, base, room);
    if (!spec_.pixel_mean.empty())
      base += channel_mean_bias(pixels_, k, integers, spec_.pixel_mean);
    else
      base -= static_cast<double>(sums.sum) * static_cast<double>(spec_.input.zero_point);
    const double rounded = std::nearbyint(base);
    if (!(std::abs(rounded) <= room)) return false;
    layer_.bias[index(k)] = static_cast<std::int32_t>(rounded);
    return true;
  }

  bool set_bias_map(std::int64_t k, std::span<const std::int8_t> integers, double base, double room) {
    std::fill(map_.begin(), map_.end(), base);
    add_mean_image_bias(pixels_, k, integers, spec_.pixel_mean, map_);
    std::int32_t* out = layer_.bias_map.data() + k * pixels_.out_pixels();
    for (const double value : map_) {
      const double rounded = std::nearbyint(value);
      if (!(std::abs(rounded) <= room)) return false;
      *out++ = static_cast<std::int32_t>(rounded);
    }
    return true;
  }

  float multiplier(std::int64_t k, float scale) const {
    double m = static_cast<double>(spec_.input.scale) * static_cast<double>(scale);
    if (spec_.output_type != DataType::kFloat32) m /= static_cast<double>(spec_.output.scale);
    const auto rounded = static_cast<float>(m);
    if (!std::isfinite(rounded))
      fail(ErrorCode::kUnsupported, fmt::format("output channel {}: one unit of its sums is {} levels of the "
                                                "output (scales {} and {} in, {} out)",
                                                k, m, spec_.input.scale, scale, spec_.output.scale));
    // Where denormals are flushed to zero this is what the kernels would take it for; so it is everywhere.
    return rounded < std::numeric_limits<float>::min() ? 0.0f : rounded;
  }

  const IntegerLayerSpec& spec_;
  std::int64_t taps_ = 0;
  PixelGeometry pixels_;
  bool mean_image_ = false;
  std::vector<double> map_;
  IntegerLayer layer_;
};

}  // namespace

IntegerLayer make_integer_layer(const IntegerLayerSpec& spec) { return LayerMaker(spec).run(); }

std::vector<std::uint8_t> pixel_halo(std::span<const float> pixel_mean, std::int64_t channels) {
  std::vector<std::uint8_t> halo(index(channels), 0);
  if (pixel_mean.size() != halo.size()) return halo;
  for (std::size_t c = 0; c < halo.size(); ++c)
    halo[c] = static_cast<std::uint8_t>(std::nearbyint(std::clamp(pixel_mean[c], 0.0f, 255.0f)));
  return halo;
}

std::int32_t int16_limit(std::span<const float> weights, std::span<const float> bias,
                         std::int64_t out_channels, float largest_input) {
  // With s_in = largest_input / limit the bound reads limit * (sum |wq| + |bias| / (largest_input * s_w)).
  const std::int64_t taps = static_cast<std::int64_t>(weights.size()) / out_channels;
  double most = 1;
  for (std::int64_t k = 0; k < out_channels; ++k) {
    const auto channel = weights.subspan(index(k * taps), index(taps));
    const float scale = nearest_weight_scale(largest_magnitude(channel));
    double sum = 0;
    for (const float w : channel)  // rounded up, whichever way the weight will be
      sum += std::min<double>(std::ceil(std::abs(w / scale)), kLargestWeight);
    if (!bias.empty()) {
      const double units = std::abs(static_cast<double>(bias[index(k)])) /
                           (static_cast<double>(largest_input) * static_cast<double>(scale));
      sum += std::min(units, kLargestCountedBias);
    }
    most = std::max(most, sum);
  }
  return static_cast<std::int32_t>(std::clamp(std::floor((kLargestSum - 1) / most), 1.0, 32767.0));
}

}  // namespace octet::quantize
