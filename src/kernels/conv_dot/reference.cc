// Convolution of integers and of BF16 as its definition says it (kernels/integer/arithmetic.h), for any
// parameters and on any machine: what the fast kernels are tested against, and what runs where they cannot.
// The innermost loop runs over the output channels, so that whole networks can be checked with it.
//
// BF16: inputs and weights are BF16, the sum is double; sum, bias and residual are added, activated, rounded
// to float and, for BF16 output, from there to BF16.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/aligned_buffer.h"
#include "kernels/bfloat16.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace conv_dot {
namespace {

struct U8 {
  using Value = std::uint8_t;
  using Weight = std::int8_t;
  using Sum = std::int32_t;
  static Sum widen(Value x) { return x; }
};
struct S16 {
  using Value = std::int16_t;
  using Weight = std::int8_t;
  using Sum = std::int32_t;
  static Sum widen(Value x) { return x; }
};
struct Bf16 {
  using Value = std::uint16_t;
  using Weight = float;
  using Sum = double;
  static Sum widen(Value x) { return static_cast<double>(from_bfloat16(x)); }
};

/// Type must be one of the above.
template <class Type>
class ReferenceConvolution final : public Kernel {
 public:
  using Value = typename Type::Value;
  using Weight = typename Type::Weight;
  using Sum = typename Type::Sum;

  explicit ReferenceConvolution(const ConvDesc& desc)
      : desc_(desc),
        epilogue_(epilogue_of(desc)),
        in_(desc.input.channels / desc.groups),
        out_(desc.output.channels / desc.groups),
        kernel_(desc.window.kernel_h * desc.window.kernel_w),
        bias_pixels_(desc.bias_map ? desc.output.pixels() : 1) {
    bias_at_ = round_up(desc.output.channels * in_ * kernel_ * sizeof(Weight));
    multipliers_at_ = bias_at_ + round_up(desc.output.channels * bias_pixels_ * 4);
  }

  // Weights [group][ky][kx][in][out], then the bias (a map: [pixel][out]) and the multipliers.
  std::size_t packed_bytes() const override { return multipliers_at_ + round_up(desc_.output.channels * 4); }
  void pack_integer(const IntegerWeights& weights, std::span<std::byte> packed) const override {
    std::fill(packed.begin(), packed.end(), std::byte{0});
    if constexpr (std::is_same_v<Weight, std::int8_t>) {
      pack_weights(weights.weights, packed.data(), [](std::int8_t w) { return w; });
    }
    const std::span<const std::int32_t> bias = desc_.bias_map ? weights.bias_map : weights.bias;
    auto* to = reinterpret_cast<std::int32_t*>(packed.data() + bias_at_);
    for (std::int64_t k = 0; k < desc_.output.channels; ++k)
      for (std::int64_t p = 0; p < bias_pixels_; ++p)
        to[p * desc_.output.channels + k] = bias[static_cast<std::size_t>(k * bias_pixels_ + p)];
    std::copy_n(weights.multipliers.data(), desc_.output.channels,
                reinterpret_cast<float*>(packed.data() + multipliers_at_));
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    std::fill(packed.begin(), packed.end(), std::byte{0});
    if constexpr (std::is_same_v<Weight, float>) {
      pack_weights(weights[0], packed.data(), [](float w) { return from_bfloat16(to_bfloat16(w)); });
    }
    if (desc_.has_bias) {
      std::copy_n(weights[1].data(), desc_.output.channels,
                  reinterpret_cast<float*>(packed.data() + bias_at_));
    }
  }

  std::size_t scratch_bytes(int) const override {
    return static_cast<std::size_t>(desc_.output.channels) * sizeof(Sum);
  }
  bool in_place(int input) const override { return input == 1; }

  void run(const Call& call) const noexcept override {
    const Share mine = pixels_of(call.images, call.worker, call.workers);
    auto* sums = reinterpret_cast<Sum*>(call.scratch);
    for (std::int64_t i = mine.begin; i < mine.end; ++i) {
      const std::int64_t image = i / desc_.output.pixels(), pixel = i % desc_.output.pixels();
      convolve(call, image, pixel, sums);
      for (std::int64_t k = 0; k < desc_.output.blocks() * kChannelBlock; ++k) {
        if (desc_.output.layout == Layout::kNhwc && k >= desc_.output.padded_channels()) break;
        finish(call, image, pixel, k, sums);
      }
    }
  }

  std::int64_t worker_macs(int images, int worker, int workers) const override {
    return pixels_of(images, worker, workers).size() * static_cast<std::int64_t>(macs(desc_)) /
           desc_.output.pixels();
  }

 private:
  Share pixels_of(int images, int worker, int workers) const {
    return share_of(images * desc_.output.pixels(), worker, workers);
  }

  static std::size_t round_up(std::size_t bytes) { return base::round_up(bytes, base::kCacheLine); }

  template <class From, class Convert>
  void pack_weights(std::span<const From> from, std::byte* packed, Convert convert) const {
    auto* to = reinterpret_cast<Weight*>(packed);
    for (std::int64_t k = 0; k < desc_.output.channels; ++k) {
      const std::int64_t group = k / out_;
      for (std::int64_t c = 0; c < in_; ++c) {
        for (std::int64_t tap = 0; tap < kernel_; ++tap) {
          to[((group * kernel_ + tap) * in_ + c) * out_ + k % out_] =
              convert(from[static_cast<std::size_t>((k * in_ + c) * kernel_ + tap)]);
        }
      }
    }
  }

  // What the halo holds in `channel`.
  Sum halo(std::int64_t channel) const {
    if constexpr (std::is_same_v<Type, U8>) {
      return desc_.halo.empty() ? desc_.input.quantization.zero_point
                                : desc_.halo[static_cast<std::size_t>(channel)];
    }
    return 0;
  }

  void convolve(const Call& call, std::int64_t image, std::int64_t pixel, Sum* sums) const noexcept {
    const WindowDesc& w = desc_.window;
    const std::int64_t top = pixel / desc_.output.width * w.stride_h - w.pad_top;
    const std::int64_t left = pixel % desc_.output.width * w.stride_w - w.pad_left;
    const auto* map =
        reinterpret_cast<const Value*>(call.inputs[0].data) + image * call.inputs[0].image_stride;
    const auto* weights = reinterpret_cast<const Weight*>(call.weights);
    start(call, pixel, sums);
    for (std::int64_t group = 0; group < desc_.groups; ++group, sums += out_) {
      for (std::int64_t ky = 0; ky < w.kernel_h; ++ky) {
        for (std::int64_t kx = 0; kx < w.kernel_w; ++kx) {
          const std::int64_t y = top + ky * w.dilation_h, x = left + kx * w.dilation_w;
          const bool inside = y >= 0 && y < desc_.input.height && x >= 0 && x < desc_.input.width;
          const Value* input =
              inside ? map + (y * desc_.input.width + x) * desc_.input.pixel_step() : nullptr;
          for (std::int64_t c = group * in_; c < (group + 1) * in_; ++c, weights += out_) {
            const Sum value = inside ? Type::widen(input[c]) : halo(c);
            if (value == 0) continue;  // half of what a ReLU leaves
            for (std::int64_t k = 0; k < out_; ++k) sums[k] += value * static_cast<Sum>(weights[k]);
          }
        }
      }
    }
  }

  void start(const Call& call, std::int64_t pixel, Sum* sums) const noexcept {
    if constexpr (std::is_same_v<Type, Bf16>) {
      const auto* bias = reinterpret_cast<const float*>(call.weights + bias_at_);
      for (std::int64_t k = 0; k < desc_.output.channels; ++k)
        sums[k] = desc_.has_bias ? static_cast<double>(bias[k]) : 0;
    } else {
      const auto* bias = reinterpret_cast<const std::int32_t*>(call.weights + bias_at_);
      std::copy_n(bias + (desc_.bias_map ? pixel * desc_.output.channels : 0), desc_.output.channels, sums);
    }
  }

  // Place of a channel of a pixel, in elements.
  static std::int64_t place(const FeatureMap& map, std::int64_t channel, std::int64_t pixel) {
    if (map.layout == Layout::kNhwc) return pixel * map.pixel_step() + channel;
    return (channel / kChannelBlock * map.pixels() + pixel) * kChannelBlock + channel % kChannelBlock;
  }

  void finish(const Call& call, std::int64_t image, std::int64_t pixel, std::int64_t k,
              const Sum* sums) const noexcept {
    const std::int64_t to = image * call.output.image_stride + place(desc_.output, k, pixel);
    const std::int64_t from =
        desc_.residual ? image * call.inputs[1].image_stride + place(desc_.residual_map, k, pixel) : 0;
    const bool padding = k >= desc_.output.channels;
    if (epilogue_.output == Output::kF32) {
      const float residual = desc_.residual ? call.inputs[1].floats()[from] : 0.0f;
      call.output.floats()[to] = padding ? 0.0f : real(call, k, sums, residual);
    } else if constexpr (std::is_same_v<Type, Bf16>) {
      const float residual =
          desc_.residual ? from_bfloat16(reinterpret_cast<const Value*>(call.inputs[1].data)[from]) : 0.0f;
      reinterpret_cast<Value*>(call.output.data)[to] =
          padding ? Value{0} : to_bfloat16(real(call, k, sums, residual));
    } else {
      const float zero = epilogue_.zero;
      float t = zero;
      if (!padding) {
        float addend = epilogue_.addend;
        if (desc_.residual) {
          const auto r = static_cast<float>(reinterpret_cast<const Value*>(call.inputs[1].data)[from]);
          addend = std::fmaf(r, epilogue_.residual_scale, epilogue_.residual_offset);
        }
        t = std::fmaf(static_cast<float>(sums[k]), multiplier(call, k), addend);
        if (epilogue_.leaky) t = integer::leaky(t, zero, epilogue_.slope);
      }
      reinterpret_cast<Value*>(call.output.data)[to] =
          static_cast<Value>(integer::to_integer(t, {epilogue_.low, epilogue_.high}));
    }
  }

  float multiplier(const Call& call, std::int64_t k) const noexcept {
    return reinterpret_cast<const float*>(call.weights + multipliers_at_)[k];
  }

  /// An output that is not an integer, FP32 or on its way to BF16.
  float real(const Call& call, std::int64_t k, const Sum* sums, float residual) const noexcept {
    if constexpr (std::is_same_v<Type, Bf16>) {
      double t = sums[k] + static_cast<double>(residual);
      if (epilogue_.rectified) {
        t = std::max(t, 0.0) + static_cast<double>(epilogue_.slope) * std::min(t, 0.0);
        t = std::min(t, static_cast<double>(epilogue_.high));
      }
      return static_cast<float>(t);
    } else {
      const float t = std::fmaf(static_cast<float>(sums[k]), multiplier(call, k), residual);
      if (!epilogue_.rectified) return t;
      return std::min(std::max(t, 0.0f) + epilogue_.slope * std::min(t, 0.0f), epilogue_.high);
    }
  }

  const ConvDesc desc_;
  const Epilogue epilogue_;
  const std::int64_t in_, out_;  // channels of a group
  const std::int64_t kernel_, bias_pixels_;
  std::size_t bias_at_, multipliers_at_;
};

double reference_cost(const OpDesc& desc, DataType input) {
  const ConvDesc* conv = as_convolution(desc, input);
  return conv == nullptr ? -1 : microseconds(macs(*conv), kGenericGops);
}

}  // namespace
}  // namespace conv_dot

double conv_i8_direct_generic_cost(const OpDesc& desc, int /*images*/) {
  return conv_dot::reference_cost(desc, DataType::kUInt8);
}
std::unique_ptr<Kernel> conv_i8_direct_generic(const OpDesc& desc) {
  return std::make_unique<conv_dot::ReferenceConvolution<conv_dot::U8>>(std::get<ConvDesc>(desc));
}
double conv_i16_direct_generic_cost(const OpDesc& desc, int /*images*/) {
  return conv_dot::reference_cost(desc, DataType::kInt16);
}
std::unique_ptr<Kernel> conv_i16_direct_generic(const OpDesc& desc) {
  return std::make_unique<conv_dot::ReferenceConvolution<conv_dot::S16>>(std::get<ConvDesc>(desc));
}
double conv_bf16_direct_generic_cost(const OpDesc& desc, int /*images*/) {
  return conv_dot::reference_cost(desc, DataType::kBFloat16);
}
std::unique_ptr<Kernel> conv_bf16_direct_generic(const OpDesc& desc) {
  return std::make_unique<conv_dot::ReferenceConvolution<conv_dot::Bf16>>(std::get<ConvDesc>(desc));
}

}  // namespace octet::kernels
