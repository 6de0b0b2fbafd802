#include "kernels/conv_f32/winograd_weights.h"

#include <algorithm>
#include <cassert>

#include "kernels/bfloat16.h"

namespace octet::kernels::conv_f32 {
namespace {

constexpr std::int64_t kBlock = kChannelBlock;
constexpr std::int64_t kLanes = kWinogradPanelBlocks * kBlock;

/// One number for each output channel of a panel: the transform runs over all of them together.
using Lanes = double[kLanes];

/// All rows of G times r values: out[point] = G[point] . values. The rows of +-p share their even and odd
/// parts.
template <int r>
void apply_g(const Lanes* const (&values)[r], Lanes* const (&out)[kWinogradPatch]) {
  constexpr double kA = 0.70710678118654752440, kB = 1.41421356237309504880;
  const auto pair = [&](std::int64_t k, int first, double point, double scale) {
    const double square = point * point;
    double even = (*values[0])[k] + square * (*values[2])[k], odd = (*values[1])[k];
    if constexpr (r > 3) odd += square * (*values[3])[k];
    if constexpr (r > 4) even += square * square * (*values[4])[k];
    (*out[first])[k] = scale * (even + point * odd);
    (*out[first + 1])[k] = scale * (even - point * odd);
  };
  for (std::int64_t k = 0; k < kLanes; ++k) {
    (*out[0])[k] = (*values[0])[k];
    pair(k, 1, kA, -2.0 / 3);
    pair(k, 3, kB, 1.0 / 6);
    (*out[5])[k] = (*values[r - 1])[k];
  }
}

/// u = G g G^T for the r x r filters g of a panel.
template <int r>
void transform_filters(const Lanes (&g)[r][r], Lanes (&u)[kWinogradPatch][kWinogradPatch]) {
  Lanes half[r][kWinogradPatch];  // G g, by columns
  for (int x = 0; x < r; ++x) {
    const Lanes* column[r];
    Lanes* out[kWinogradPatch];
    for (int y = 0; y < r; ++y) column[y] = &g[y][x];
    for (int i = 0; i < kWinogradPatch; ++i) out[i] = &half[x][i];
    apply_g<r>(column, out);
  }
  for (int i = 0; i < kWinogradPatch; ++i) {
    const Lanes* row[r];
    Lanes* out[kWinogradPatch];
    for (int x = 0; x < r; ++x) row[x] = &half[x][i];
    for (int j = 0; j < kWinogradPatch; ++j) out[j] = &u[i][j];
    apply_g<r>(row, out);
  }
}

/// The filters from channel `input` of a group (a phase of a channel, if the layer has a stride) to the
/// panel's channels; zero where there is none.
template <int r>
void gather_filters(const WinogradLayer& layer, const WinogradPanel& panel, std::span<const float> weights,
                    std::int64_t input, Lanes (&g)[r][r]) {
  const std::int64_t size = layer.desc.window.kernel_h, stride = layer.stride;
  const std::int64_t channels = layer.desc.input.channels / layer.groups;
  const std::int64_t channel = input / (stride * stride), top = input / stride % stride,
                     left = input % stride;
  const std::int64_t first = panel.first_block * kBlock;
  const std::int64_t count = std::min(panel.blocks * kBlock, layer.desc.output.channels - first);
  const bool bf16 = layer.desc.input.type == DataType::kBFloat16;
  std::fill_n(&g[0][0][0], r * r * kLanes, 0.0);
  for (std::int64_t k = 0; k < count; ++k) {
    const float* const filter = weights.data() + ((first + k) * channels + channel) * size * size;
    for (std::int64_t y = top; y < size; y += stride)
      for (std::int64_t x = left; x < size; x += stride) {
        const float weight = filter[y * size + x];
        g[y / stride][x / stride][k] = bf16 ? from_bfloat16(to_bfloat16(weight)) : weight;
      }
  }
}

template <int r>
void pack_panel(const WinogradLayer& layer, int column_blocks, const WinogradPanel& panel,
                std::span<const float> weights, float* to) {
  const std::int64_t channels = panel.blocks * kBlock;
  const std::int64_t columns = std::min<std::int64_t>(column_blocks * kBlock, channels);
  Lanes g[r][r], u[kWinogradPatch][kWinogradPatch];
  for (std::int64_t c = 0; c < layer.depth; ++c) {
    if (c < layer.inputs) {
      gather_filters(layer, panel, weights, c, g);
      transform_filters(g, u);
    } else {
      std::fill_n(&u[0][0][0], kWinogradPoints * kLanes, 0.0);
    }
    for (int p = 0; p < kWinogradPoints; ++p) {
      const Lanes& from = u[p / kWinogradPatch][p % kWinogradPatch];
      for (std::int64_t k = 0; k < channels; k += columns) {
        float* const set = to + (p * channels + k) * layer.depth + c * columns;
        for (std::int64_t i = 0; i < columns; ++i) set[i] = static_cast<float>(from[k + i]);
      }
    }
  }
}

}  // namespace

WinogradPanel winograd_panel(const WinogradLayer& layer, std::int64_t panel) {
  const std::int64_t group = panel / layer.panels_of_group;
  const std::int64_t block = panel % layer.panels_of_group * kWinogradPanelBlocks;
  const std::int64_t first = group * layer.output_blocks + block;
  return {.group = group,
          .first_block = first,
          .blocks = std::min<std::int64_t>(kWinogradPanelBlocks, layer.output_blocks - block),
          .offset = kWinogradPoints * layer.depth * first * kBlock};
}

std::int64_t winograd_u_floats(const WinogradLayer& layer) {
  return kWinogradPoints * layer.depth * layer.groups * layer.output_blocks * kBlock;
}
std::size_t winograd_packed_bytes(const WinogradLayer& layer) {
  return static_cast<std::size_t>(winograd_u_floats(layer) + layer.groups * layer.output_blocks * kBlock) *
         sizeof(float);
}

void pack_winograd_weights(const WinogradLayer& layer, int column_blocks,
                           std::span<const std::span<const float>> weights, std::span<std::byte> packed) {
  assert(packed.size() == winograd_packed_bytes(layer));
  float* const u = reinterpret_cast<float*>(packed.data());
  for (std::int64_t p = 0; p < layer.panels(); ++p) {
    const WinogradPanel panel = winograd_panel(layer, p);
    const auto pack = layer.kernel == 3 ? pack_panel<3> : layer.kernel == 4 ? pack_panel<4> : pack_panel<5>;
    pack(layer, column_blocks, panel, weights[0], u + panel.offset);
  }
  float* const bias = u + winograd_u_floats(layer);
  std::fill_n(bias, layer.groups * layer.output_blocks * kBlock, 0.0f);
  if (layer.desc.has_bias) std::copy_n(weights[1].data(), layer.desc.output.channels, bias);
}

}  // namespace octet::kernels::conv_f32
