// FP32 convolution as its definition says it, for any parameters and on any machine: what the fast kernels
// are tested against, and what runs where they cannot. Sums are in double, over input channel, ky, kx.
#include <algorithm>
#include <memory>

#include "kernels/conv_f32/convolution.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace conv_f32 {
namespace {

class ReferenceConvolution final : public Kernel {
 public:
  explicit ReferenceConvolution(const ConvDesc& desc) : desc_(desc) {}

  // The weights as they come, then the bias (zeros where there is none).
  std::size_t packed_bytes() const override {
    return static_cast<std::size_t>(desc_.output.channels * (depth() + 1)) * sizeof(float);
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    float* to = reinterpret_cast<float*>(packed.data());
    to = std::copy_n(weights[0].data(), desc_.output.channels * depth(), to);
    std::fill_n(to, desc_.output.channels, 0.0f);
    if (desc_.has_bias) std::copy_n(weights[1].data(), desc_.output.channels, to);
  }

  void run(const Call& call) const noexcept override {
    const std::int64_t channels = desc_.output.padded_channels();
    const Share mine = channels_of(call.images, call.worker, call.workers);
    for (std::int64_t item = mine.begin; item < mine.end; ++item) {
      run_channel(call, item / channels, item % channels);
    }
  }

  std::int64_t worker_macs(int images, int worker, int workers) const override {
    return channels_of(images, worker, workers).size() * desc_.output.pixels() * depth();
  }

 private:
  /// Of all images.
  Share channels_of(int images, int worker, int workers) const {
    return share_of(images * desc_.output.padded_channels(), worker, workers);
  }
  std::int64_t group_channels() const { return desc_.input.channels / desc_.groups; }
  std::int64_t depth() const { return group_channels() * desc_.window.kernel_h * desc_.window.kernel_w; }

  static std::int64_t offset(const FeatureMap& map, std::int64_t channel, std::int64_t y, std::int64_t x) {
    const std::int64_t pixel = y * map.width + x;
    if (map.layout == Layout::kNchw) return channel * map.pixels() + pixel;
    return (channel / kChannelBlock * map.pixels() + pixel) * kChannelBlock + channel % kChannelBlock;
  }

  void run_channel(const Call& call, std::int64_t image, std::int64_t channel) const noexcept {
    float* output = call.output.floats() + image * call.output.image_stride;
    for (std::int64_t y = 0; y < desc_.output.height; ++y) {
      for (std::int64_t x = 0; x < desc_.output.width; ++x) {
        const std::int64_t place = offset(desc_.output, channel, y, x);
        if (channel >= desc_.output.channels) {
          output[place] = 0;
          continue;
        }
        double sum = convolve(call, image, channel, y, x);
        if (desc_.residual) {
          sum += static_cast<double>(call.inputs[1].floats()[image * call.inputs[1].image_stride + place]);
        }
        if (desc_.relu && sum < 0)
          sum = desc_.relu->slope == 0 ? 0 : sum * static_cast<double>(desc_.relu->slope);
        if (desc_.relu) sum = std::min(sum, static_cast<double>(desc_.relu->limit));
        output[place] = static_cast<float>(sum);
      }
    }
  }

  double convolve(const Call& call, std::int64_t image, std::int64_t channel, std::int64_t y,
                  std::int64_t x) const noexcept {
    const WindowDesc& w = desc_.window;
    const float* input = call.inputs[0].floats() + image * call.inputs[0].image_stride;
    const float* packed = reinterpret_cast<const float*>(call.weights);
    const float* weight = packed + channel * depth();
    const std::int64_t first_channel = channel / (desc_.output.channels / desc_.groups) * group_channels();
    double sum = static_cast<double>(packed[desc_.output.channels * depth() + channel]);
    for (std::int64_t c = first_channel; c < first_channel + group_channels(); ++c) {
      for (std::int64_t ky = 0; ky < w.kernel_h; ++ky) {
        for (std::int64_t kx = 0; kx < w.kernel_w; ++kx, ++weight) {
          const std::int64_t input_y = y * w.stride_h - w.pad_top + ky * w.dilation_h;
          const std::int64_t input_x = x * w.stride_w - w.pad_left + kx * w.dilation_w;
          if (input_y < 0 || input_y >= desc_.input.height || input_x < 0 || input_x >= desc_.input.width)
            continue;
          sum += static_cast<double>(input[offset(desc_.input, c, input_y, input_x)]) *
                 static_cast<double>(*weight);
        }
      }
    }
    return sum;
  }

  const ConvDesc desc_;
};

}  // namespace
}  // namespace conv_f32

double conv_f32_direct_generic_cost(const OpDesc& desc, int /*images*/) {
  const ConvDesc* conv = conv_f32::as_convolution(desc);
  return conv == nullptr ? -1 : conv_f32::microseconds(conv_f32::macs(*conv), conv_f32::kGenericGflops);
}
std::unique_ptr<Kernel> conv_f32_direct_generic(const OpDesc& desc) {
  return std::make_unique<conv_f32::ReferenceConvolution>(std::get<ConvDesc>(desc));
}

}  // namespace octet::kernels
