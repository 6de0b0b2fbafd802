#include "kernels/conv_f32/winograd_patch.h"

#include <cstring>

namespace octet::kernels::conv_f32 {
namespace {

constexpr std::int64_t kBlock = kChannelBlock;

/// Part [begin, end) of a row or column of the patch that lies inside the map.
Share inside(std::int64_t first, std::int64_t length, std::int64_t map) {
  const std::int64_t begin = std::clamp<std::int64_t>(-first, 0, length);
  return {begin, std::clamp<std::int64_t>(map - first, begin, length)};
}

/// `values` floats to each of the pixels; kValues 0: as the argument says.
template <std::int64_t kValues>
void spread(const float* from, std::int64_t values, std::int64_t pixels, float* to) {
  if (kValues > 0) values = kValues;
  for (std::int64_t j = 0; j < pixels; ++j)
    std::memcpy(to + j * kBlock, from + j * values, static_cast<std::size_t>(values) * sizeof(float));
}

void spread(const float* from, std::int64_t values, std::int64_t pixels, float* to) {
  if (values == 2) return spread<2>(from, values, pixels, to);
  if (values == 4) return spread<4>(from, values, pixels, to);
  spread<0>(from, values, pixels, to);
}

/// The same for a row of which only values [exist.begin, exist.end) lie in the map; the others are zero.
void spread_row(const float* from, Share exist, std::int64_t values, std::int64_t pixels, float* to) {
  const auto one_by_one = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t j = begin; j < end; ++j)
      for (std::int64_t i = 0; i < values; ++i) {
        const std::int64_t at = j * values + i;
        to[j * kBlock + i] = at >= exist.begin && at < exist.end ? from[at] : 0.0f;
      }
  };
  const std::int64_t begin = (exist.begin + values - 1) / values, end = std::max(begin, exist.end / values);
  one_by_one(0, begin);
  spread(from + begin * values, values, end - begin, to + begin * kBlock);
  one_by_one(end, pixels);
}

}  // namespace

void copy_patch(const float* map, const FeatureMap& shape, std::int64_t top, std::int64_t left,
                float* patch) {
  const Share rows = inside(top, kWinogradPatch, shape.height),
              columns = inside(left, kWinogradPatch, shape.width);
  std::memset(patch, 0, kWinogradPatchFloats * sizeof(float));
  if (columns.begin == columns.end) return;
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    std::memcpy(patch + (i * kWinogradPatch + columns.begin) * kBlock,
                map + ((top + i) * shape.width + left + columns.begin) * kBlock,
                static_cast<std::size_t>((columns.end - columns.begin) * kBlock) * sizeof(float));
  }
}

void widen_patch(WinogradIsa::Widen widen, std::byte* map, const FeatureMap& shape, std::int64_t top,
                 std::int64_t left, float* patch) {
  const Share rows = inside(top, kWinogradPatch, shape.height),
              columns = inside(left, kWinogradPatch, shape.width);
  const std::int64_t height = rows.end - rows.begin, width = columns.end - columns.begin;
  if (height * width < kWinogradPoints) std::memset(patch, 0, kWinogradPatchFloats * sizeof(float));
  if (height * width == 0) return;
  const std::int64_t pixel = shape.pixel_step() * static_cast<std::int64_t>(size_of(shape.type));
  widen({.first = map + ((top + rows.begin) * shape.width + left + columns.begin) * pixel,
         .row_stride = shape.width * pixel,
         .pixel_stride = pixel,
         .rows = height,
         .columns = width},
        patch + (rows.begin * kWinogradPatch + columns.begin) * kBlock, kWinogradPatch * kBlock);
}

void gather_phases(const WinogradLayer& layer, const float* image, std::int64_t y, std::int64_t x,
                   std::int64_t pixels, float* strip) {
  const FeatureMap& input = layer.desc.input;
  const std::int64_t stride = layer.stride;
  const std::int64_t top = y * stride - layer.desc.window.pad_top,
                     left = x * stride - layer.desc.window.pad_left;
  const Share columns = inside(left, pixels * stride, input.width);
  // Row by row, so that the lines being filled stay in the first-level cache for all their channels.
  for (std::int64_t i = 0; i < kWinogradPatch; ++i) {
    std::int64_t channel = 0;
    for (std::int64_t c = 0; c < input.channels / layer.groups; ++c) {
      for (std::int64_t phase = 0; phase < stride; ++phase, channel += stride) {
        const std::int64_t row = top + i * stride + phase;
        const bool exists = row >= 0 && row < input.height;
        const float* const from = image + (c * input.height + (exists ? row : 0)) * input.width + left;
        float* const to =
            strip + (channel / kBlock * kWinogradPatch + i) * pixels * kBlock + channel % kBlock;
        spread_row(from, exists ? columns : Share{0, 0}, stride, pixels, to);
      }
    }
  }
}

}  // namespace octet::kernels::conv_f32
