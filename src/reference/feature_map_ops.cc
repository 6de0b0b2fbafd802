// Operations that look at a neighbourhood or along an axis.
#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/operations.h"

namespace octet::reference {
namespace {

/// [begin, end) of a window on one axis: as placed on the padded input, and its part inside the input.
struct Extent {
  std::int64_t padded_size;
  std::int64_t begin, end;
};
Extent extent(std::int64_t position, std::int64_t kernel, std::int64_t stride, std::int64_t pad_before,
              std::int64_t pad_after, std::int64_t size) {
  const std::int64_t start = position * stride - pad_before;
  const std::int64_t end = std::min(start + kernel, size + pad_after);
  return {end - start, std::max<std::int64_t>(start, 0), std::min(end, size)};
}

/// Elements before, on and after `axis`: a tensor is outer x axis x inner.
struct AxisView {
  AxisView(const Shape& shape, std::int64_t axis_index) {
    for (std::size_t i = 0; i < shape.rank(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      (at < axis_index ? outer : at == axis_index ? axis : inner) *= shape[i];
    }
  }
  std::int64_t outer = 1, axis = 1, inner = 1;
};

void lrn_across(const graph::Lrn& op, const Input& in, const Output& out, Parallel& parallel) {
  const std::int64_t channels = in.shape[1];
  const std::int64_t pixels = in.shape[2] * in.shape[3];
  const std::int64_t reach = (op.size - 1) / 2;
  parallel.for_each(in.shape[0] * channels, [&](std::int64_t plane, int) {
    const std::int64_t image = plane / channels;
    const std::int64_t c = plane % channels;
    for (std::int64_t p = 0; p < pixels; ++p) {
      double squares = 0;
      for (std::int64_t other = std::max<std::int64_t>(c - reach, 0);
           other <= std::min(c + reach, channels - 1); ++other) {
        const double x =
            static_cast<double>(in.values[static_cast<std::size_t>((image * channels + other) * pixels + p)]);
        squares += x * x;
      }
      const double base =
          static_cast<double>(op.k) + static_cast<double>(op.alpha) / static_cast<double>(op.size) * squares;
      const auto at = static_cast<std::size_t>(plane * pixels + p);
      out.values[at] = static_cast<float>(static_cast<double>(in.values[at]) *
                                          std::pow(base, -static_cast<double>(op.beta)));
    }
  });
}

void lrn_within(const graph::Lrn& op, const Input& in, const Output& out, Parallel& parallel) {
  const std::int64_t height = in.shape[2];
  const std::int64_t width = in.shape[3];
  const std::int64_t reach = (op.size - 1) / 2;
  const double area = static_cast<double>(op.size) * static_cast<double>(op.size);
  parallel.for_each(in.shape[0] * in.shape[1], [&](std::int64_t plane, int) {
    const auto base = static_cast<std::size_t>(plane * height * width);
    const std::span<const float> map = in.values.subspan(base, static_cast<std::size_t>(height * width));
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        double squares = 0;
        for (std::int64_t yy = std::max<std::int64_t>(y - reach, 0); yy <= std::min(y + reach, height - 1);
             ++yy) {
          for (std::int64_t xx = std::max<std::int64_t>(x - reach, 0); xx <= std::min(x + reach, width - 1);
               ++xx) {
            const double v = static_cast<double>(map[static_cast<std::size_t>(yy * width + xx)]);
            squares += v * v;
          }
        }
        const auto at = static_cast<std::size_t>(y * width + x);
        const double divisor = static_cast<double>(op.k) + static_cast<double>(op.alpha) / area * squares;
        out.values[base + at] = static_cast<float>(static_cast<double>(map[at]) *
                                                   std::pow(divisor, -static_cast<double>(op.beta)));
      }
    }
  });
}

}  // namespace

void pooling(const graph::Pooling& op, const Input& in, const Output& out, Parallel& parallel) {
  graph::Window w = op.window;
  if (op.global) w = {.kernel_h = in.shape[2], .kernel_w = in.shape[3]};
  const std::int64_t height = in.shape[2];
  const std::int64_t width = in.shape[3];
  const std::int64_t out_height = out.shape[2];
  const std::int64_t out_width = out.shape[3];
  const bool average = op.kind == graph::PoolKind::kAverage;
  const bool padded_divisor = op.divisor == graph::AverageDivisor::kPaddedWindow;

  parallel.for_each(in.shape[0] * in.shape[1], [&](std::int64_t plane, int) {
    const float* map = in.values.data() + plane * height * width;
    float* result = out.values.data() + plane * out_height * out_width;
    for (std::int64_t oy = 0; oy < out_height; ++oy) {
      const Extent rows = extent(oy, w.kernel_h, w.stride_h, w.pad_top, w.pad_bottom, height);
      for (std::int64_t ox = 0; ox < out_width; ++ox) {
        const Extent columns = extent(ox, w.kernel_w, w.stride_w, w.pad_left, w.pad_right, width);
        double sum = 0;
        float maximum = -std::numeric_limits<float>::infinity();
        for (std::int64_t y = rows.begin; y < rows.end; ++y) {
          for (std::int64_t x = columns.begin; x < columns.end; ++x) {
            sum += static_cast<double>(map[y * width + x]);
            const float value = map[y * width + x];
            maximum = std::isnan(value) ? value : std::max(maximum, value);  // and stays one
          }
        }
        const std::int64_t divisor = padded_divisor ? rows.padded_size * columns.padded_size
                                                    : (rows.end - rows.begin) * (columns.end - columns.begin);
        result[oy * out_width + ox] =
            average ? static_cast<float>(sum / static_cast<double>(divisor)) : maximum;
      }
    }
  });
}

void lrn(const graph::Lrn& op, const Input& in, const Output& out, Parallel& parallel) {
  if (op.region == graph::LrnRegion::kAcrossChannels) {
    lrn_across(op, in, out, parallel);
  } else {
    lrn_within(op, in, out, parallel);
  }
}

void softmax(const graph::Softmax& op, const Input& in, const Output& out) {
  const AxisView view(in.shape, op.axis);
  std::vector<double> powers(static_cast<std::size_t>(view.axis));
  for (std::int64_t outer = 0; outer < view.outer; ++outer) {
    for (std::int64_t inner = 0; inner < view.inner; ++inner) {
      const auto at = [&](std::int64_t i) {
        return static_cast<std::size_t>((outer * view.axis + i) * view.inner + inner);
      };
      float maximum = in.values[at(0)];
      for (std::int64_t i = 1; i < view.axis; ++i) maximum = std::max(maximum, in.values[at(i)]);
      double sum = 0;
      for (std::int64_t i = 0; i < view.axis; ++i) {
        double& power = powers[static_cast<std::size_t>(i)];
        power = std::exp(static_cast<double>(in.values[at(i)]) - static_cast<double>(maximum));
        sum += power;
      }
      for (std::int64_t i = 0; i < view.axis; ++i) {
        const double x = static_cast<double>(in.values[at(i)]) - static_cast<double>(maximum);
        out.values[at(i)] =
            static_cast<float>(op.logarithm ? x - std::log(sum) : powers[static_cast<std::size_t>(i)] / sum);
      }
    }
  }
}

void concat(const graph::Concat& op, std::span<const Input> inputs, const Output& out) {
  const AxisView view(out.shape, op.axis);
  float* to = out.values.data();
  for (std::int64_t outer = 0; outer < view.outer; ++outer) {
    for (const Input& in : inputs) {
      const std::int64_t run = AxisView(in.shape, op.axis).axis * view.inner;
      to = std::copy_n(in.values.data() + outer * run, run, to);
    }
  }
}

void pad(const graph::Pad& op, const Input& in, const Output& out) {
  const std::int64_t height = in.shape[2], width = in.shape[3];
  const std::int64_t out_height = out.shape[2], out_width = out.shape[3];
  std::fill(out.values.begin(), out.values.end(), op.value);
  for (std::int64_t plane = 0; plane < in.shape[0] * in.shape[1]; ++plane)
    for (std::int64_t y = 0; y < height; ++y)
      std::copy_n(in.values.data() + (plane * height + y) * width, width,
                  out.values.data() + (plane * out_height + y + op.top) * out_width + op.left);
}

void slice(const graph::Slice& op, const Input& in, const Output& out) {
  const std::int64_t channels = in.shape[1], pixels = in.shape.elements_per_image() / channels;
  float* to = out.values.data();
  for (std::int64_t image = 0; image < in.shape[0]; ++image)
    to = std::copy_n(in.values.data() + (image * channels + op.first) * pixels, op.count * pixels, to);
}

void channel_shuffle(const graph::ChannelShuffle& op, const Input& in, const Output& out) {
  const std::int64_t channels = in.shape[1], pixels = in.shape.elements_per_image() / channels;
  float* to = out.values.data();
  for (std::int64_t image = 0; image < in.shape[0]; ++image)
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t source = c % op.groups * (channels / op.groups) + c / op.groups;
      to = std::copy_n(in.values.data() + (image * channels + source) * pixels, pixels, to);
    }
}

}  // namespace octet::reference
