#include "kernels/conv_f32/depthwise.h"

#include <algorithm>

#include "kernels/conv_f32/convolution.h"
#include "kernels/conv_f32/direct_geometry.h"

namespace octet::kernels::conv_f32 {
namespace {

/// Taps [begin, end) of one axis that lie inside the input for the output at `position`.
Share taps_inside(std::int64_t position, std::int64_t stride, std::int64_t pad, std::int64_t dilation,
                  std::int64_t kernel, std::int64_t inputs) {
  const std::int64_t first = position * stride - pad;
  const std::int64_t begin = first < 0 ? divide_up(-first, dilation) : 0;
  const std::int64_t end = first < inputs ? divide_up(inputs - first, dilation) : 0;
  return {std::min(begin, kernel), std::max(std::min(begin, kernel), std::min(end, kernel))};
}

class DepthwiseConvolution final : public Kernel {
 public:
  DepthwiseConvolution(const ConvDesc& desc, const DirectMicroKernels& micro) : desc_(desc), micro_(micro) {
    const WindowDesc& w = desc.window;
    const auto whole = [&](std::int64_t x) {
      const Share taps = taps_inside(x, w.stride_w, w.pad_left, w.dilation_w, w.kernel_w, desc.input.width);
      return taps.end - taps.begin == w.kernel_w;
    };
    // The whole kernel fits in one range of columns, which may be empty.
    while (inner_.begin < desc.output.width && !whole(inner_.begin)) ++inner_.begin;
    inner_.end = inner_.begin;
    while (inner_.end < desc.output.width && whole(inner_.end)) ++inner_.end;
  }

  std::size_t packed_bytes() const override {
    return static_cast<std::size_t>(desc_.output.padded_channels() * (kernel_size() + 1)) * sizeof(float);
  }

  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    float* to = reinterpret_cast<float*>(packed.data());
    std::fill_n(to, packed_bytes() / sizeof(float), 0.0f);
    for (std::int64_t c = 0; c < desc_.output.channels; ++c) {
      float* block = to + c / kChannelBlock * kernel_size() * kChannelBlock + c % kChannelBlock;
      for (std::int64_t tap = 0; tap < kernel_size(); ++tap) {
        block[tap * kChannelBlock] = weights[0][static_cast<std::size_t>(c * kernel_size() + tap)];
      }
    }
    float* bias = to + desc_.output.padded_channels() * kernel_size();
    if (desc_.has_bias) std::copy_n(weights[1].data(), desc_.output.channels, bias);
  }

  void run(const Call& call) const noexcept override {
    const std::int64_t blocks = desc_.output.blocks();
    const Share mine = rows_of(call.images, call.worker, call.workers);
    for (std::int64_t item = mine.begin; item < mine.end; ++item) {
      const std::int64_t y = item % desc_.output.height, block = item / desc_.output.height % blocks;
      run_row(call, item / desc_.output.height / blocks, block, y);
    }
  }

  std::int64_t worker_macs(int images, int worker, int workers) const override {
    return rows_of(images, worker, workers).size() * desc_.output.width * kChannelBlock * kernel_size();
  }

 private:
  /// Of all blocks and images.
  Share rows_of(int images, int worker, int workers) const {
    return share_of(images * desc_.output.blocks() * desc_.output.height, worker, workers);
  }
  std::int64_t kernel_size() const { return desc_.window.kernel_h * desc_.window.kernel_w; }

  void run_row(const Call& call, std::int64_t image, std::int64_t block, std::int64_t y) const noexcept {
    const WindowDesc& w = desc_.window;
    const Share rows = taps_inside(y, w.stride_h, w.pad_top, w.dilation_h, w.kernel_h, desc_.input.height);
    const float* packed = reinterpret_cast<const float*>(call.weights);
    const float* weights = packed + block * kernel_size() * kChannelBlock;
    const float* map = call.inputs[0].floats() + image * call.inputs[0].image_stride +
                       block * desc_.input.pixels() * kChannelBlock;
    const std::int64_t place = (block * desc_.output.pixels() + y * desc_.output.width) * kChannelBlock;

    const auto run = [&](std::int64_t begin, std::int64_t end) {
      const Share columns =
          taps_inside(begin, w.stride_w, w.pad_left, w.dilation_w, w.kernel_w, desc_.input.width);
      DepthwiseRun r{};
      r.pixel_step = w.stride_w * kChannelBlock;
      r.kernel_h = rows.end - rows.begin;
      r.kernel_w = columns.end - columns.begin;
      r.row_step = w.dilation_h * desc_.input.width * kChannelBlock;
      r.column_step = w.dilation_w * kChannelBlock;
      if (r.kernel_h > 0 && r.kernel_w > 0) {
        const std::int64_t input_y = y * w.stride_h - w.pad_top + rows.begin * w.dilation_h;
        const std::int64_t input_x = begin * w.stride_w - w.pad_left + columns.begin * w.dilation_w;
        r.input = map + (input_y * desc_.input.width + input_x) * kChannelBlock;
      } else {
        r.kernel_h = 0;
        r.input = map;
      }
      r.weights = weights + (rows.begin * w.kernel_w + columns.begin) * kChannelBlock;
      r.weights_row_step = w.kernel_w * kChannelBlock;
      r.bias = packed + desc_.output.padded_channels() * kernel_size() + block * kChannelBlock;
      const std::int64_t pixel = place + begin * kChannelBlock;
      if (desc_.residual) {
        r.residual = call.inputs[1].floats() + image * call.inputs[1].image_stride + pixel;
      }
      r.output = call.output.floats() + image * call.output.image_stride + pixel;
      r.pixels = end - begin;
      r.activation = activation_of(desc_.relu);
      micro_.depthwise(r);
    };
    for (std::int64_t x = 0; x < inner_.begin; ++x) run(x, x + 1);
    if (inner_.begin < inner_.end) run(inner_.begin, inner_.end);
    for (std::int64_t x = inner_.end; x < desc_.output.width; ++x) run(x, x + 1);
  }

  const ConvDesc desc_;
  const DirectMicroKernels& micro_;
  Share inner_{0, 0};  // output columns that see the whole kernel width
};

}  // namespace

std::unique_ptr<Kernel> make_depthwise(const ConvDesc& desc, const DirectMicroKernels& micro) {
  return std::make_unique<DepthwiseConvolution>(desc, micro);
}

}  // namespace octet::kernels::conv_f32
