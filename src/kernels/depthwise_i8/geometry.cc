#include "kernels/depthwise_i8/geometry.h"

#include <algorithm>

#include "kernels/depthwise_i8/contract.h"

namespace octet::kernels {
namespace {

/// Half of a first-level cache of 32 KiB: the other half is for input rows, weights and outputs.
constexpr std::int64_t kColumnsBytes = 16 * 1024;
constexpr std::int64_t kPixels = 8;  // that instruction sets compute at once, of a row

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Parts lie rows apart, which only plain outputs can.
bool has_parts(const ConvDesc& desc) {
  return desc.output.type == DataType::kUInt8 && !desc.residual && !desc.bias_map;
}

}  // namespace

DepthwiseGeometry::DepthwiseGeometry(const ConvDesc& desc, std::int64_t unit, std::int64_t lane_rows)
    : window_(desc.window),
      lane_rows_(lane_rows),
      height_(desc.output.height),
      width_(desc.output.width),
      input_width_(desc.input.width) {
  const bool pairs = window_.dilation_h == 1 && height_ > 1 && cost_of(2) < cost_of(1);
  output_rows_ = pairs ? 2 : 1;
  groups_ = groups_of(output_rows_);
  cut_channels(desc, unit);
  cut_rows(unit / kChannelBlock);
  const std::int64_t columns = kColumnsBytes / (groups_ * kDepthwiseLaneBytes * unit);
  const std::int64_t reach = (window_.kernel_w - 1) * window_.dilation_w;
  const std::int64_t most = std::max(kPixels, (columns - reach - 1) / window_.stride_w + 1);
  pixels_ = divide_up(divide_up(width_, divide_up(width_, most)), kPixels) * kPixels;
}

std::int64_t DepthwiseGeometry::groups_of(std::int64_t output_rows) const {
  return divide_up((output_rows - 1) * window_.stride_h + window_.kernel_h, lane_rows_);
}

/// Instructions for an output pixel: 4 products a kernel column and group, 8 to interleave a column of a
/// group.
double DepthwiseGeometry::cost_of(std::int64_t output_rows) const {
  const auto groups = static_cast<double>(groups_of(output_rows));
  return groups * (4 * static_cast<double>(window_.kernel_w) +
                   8 * static_cast<double>(window_.stride_w) / static_cast<double>(output_rows));
}

void DepthwiseGeometry::cut_channels(const ConvDesc& desc, std::int64_t unit) {
  const std::int64_t channels = desc.input.padded_channels();
  for (std::int64_t first = 0, width = unit; first < channels; first += width) {
    while (width > channels - first) width /= 2;
    const auto number = static_cast<std::int64_t>(units_.size());
    units_.push_back({number, first, width, has_parts(desc) ? unit / width : 1});
  }
}

/// Unit by unit in bands of so many rows that every unit's parts have some: a unit's next rows then find in
/// cache what both read, and all units of a band what they share of cache lines.
void DepthwiseGeometry::cut_rows(std::int64_t most_parts) {
  const std::int64_t band = most_parts * output_rows_;
  for (std::int64_t top = 0; top < height_; top += band)
    for (const Unit& unit : units_) {
      const std::int64_t bottom = std::min(top + band, height_), step = unit.parts * output_rows_;
      for (std::int64_t y = top; y < bottom; y += step) {
        const std::int64_t rows = std::min(step, bottom - y);
        items_.push_back({unit, y, rows, divide_up(rows, output_rows_)});
      }
    }
}

std::int64_t DepthwiseGeometry::input_row(std::int64_t y, std::int64_t r) const {
  const bool read = kernel_row(0, r) >= 0 || (output_rows_ == 2 && kernel_row(1, r) >= 0);
  return read ? y * window_.stride_h - window_.pad_top + r * window_.dilation_h : -1;
}

std::int64_t DepthwiseGeometry::kernel_row(std::int64_t row, std::int64_t r) const {
  const std::int64_t k = r - row * window_.stride_h;
  return k >= 0 && k < window_.kernel_h ? k : -1;
}

std::int64_t DepthwiseGeometry::columns() const {
  return (pixels_ - 1) * window_.stride_w + (window_.kernel_w - 1) * window_.dilation_w + 1;
}

DepthwiseGeometry::Stretch DepthwiseGeometry::stretch(std::int64_t x) const {
  Stretch s{};
  s.x = x, s.pixels = std::min(pixels_, width_ - x);
  s.first_column = x * window_.stride_w - window_.pad_left;
  s.columns = columns() - (pixels_ - s.pixels) * window_.stride_w;
  s.left = std::clamp<std::int64_t>(-s.first_column, 0, s.columns);
  s.inside = std::clamp<std::int64_t>(input_width_ - s.first_column, s.left, s.columns) - s.left;
  return s;
}

}  // namespace octet::kernels
