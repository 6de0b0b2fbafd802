// The walk of Winograd's convolution over tiles, panels and points, the same on every instruction set, and
// its cost. See winograd.h for the method and the layouts.
#include "kernels/conv_f32/winograd.h"

#include <algorithm>
#include <cassert>
#include <vector>

#include "kernels/conv_f32/convolution.h"
#include "kernels/conv_f32/winograd_layer.h"
#include "kernels/conv_f32/winograd_patch.h"
#include "kernels/conv_f32/winograd_weights.h"
#include "kernels/families.h"
#include "kernels/work_share.h"

namespace octet::kernels {
namespace conv_f32 {
namespace {

constexpr std::int64_t kBlock = kChannelBlock;

/// Floats from one point to the next where each holds `lines` cache lines.
std::ptrdiff_t point_stride(std::int64_t lines) { return (lines | 1) * kBlock; }

// Beside multiplying by a panel: what transforming a tile's input takes, in lanes, and what reading U does,
// which is mostly beyond the second-level cache, in tiles.
constexpr std::int64_t kInputLanes = kWinogradPanelBlocks * kChannelBlock, kWeightTiles = 16;

class WinogradConvolution final : public Kernel {
 public:
  WinogradConvolution(const WinogradLayer& layer, const WinogradIsa& isa)
      : layer_(layer), isa_(isa), activation_(activation_of(layer.desc.relu)) {
    for (std::int64_t p = 0; p < layer.panels(); ++p)
      lanes_before_.push_back(lanes_before_.back() + winograd_panel(layer, p).blocks * kBlock);
  }

  std::size_t packed_bytes() const override { return winograd_packed_bytes(layer_); }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    pack_winograd_weights(layer_, isa_.column_blocks, weights, packed);
  }
  std::size_t scratch_bytes(int images) const override {
    const std::int64_t tiles = std::min<std::int64_t>(isa_.block_tiles, layer_.tiles_per_image() * images);
    return static_cast<std::size_t>(kWinogradPoints * (v_stride(tiles) + m_stride(tiles)) + strip_floats()) *
           sizeof(float);
  }
  bool in_place(int input) const override { return input == 1; }
  void run(const Call& call) const noexcept override;
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    std::int64_t macs = 0;
    for_each_block(images, worker, workers, [&](Share tiles, Share panels) {
      const WinogradTiles some(layer_, tiles);
      std::int64_t products = 0;  // of a tile's points, all tiles
      for (int p = 0; p < kWinogradPoints; ++p) products += some.with_point(p).size();
      macs += products * layer_.depth * lanes_of(lanes_before_, panels);
    });
    return macs;
  }

 private:
  /// Calls f(tiles, panels) for blocks of tiles, numbered over a call's images, that are together the
  /// worker's share.
  template <typename F>
  void for_each_block(int images, int worker, int workers, F&& f) const {
    const OutputSpace space{.columns = layer_.tiles_per_image() * images,
                            .panels = lanes_before_,
                            .input_lanes = kInputLanes,
                            .weight_pixels = kWeightTiles};
    WorkShare(space, worker, workers)
        .for_each_tile({.columns = isa_.block_tiles}, [&](const WorkTile& block) {
          f(Share{block.column, block.column + block.columns}, block.panels);
        });
  }

  /// Tiles that are transformed and multiplied together, and where their values stand.
  struct Block {
    WinogradTiles tiles;
    float *strip, *v, *m;
  };

  bool planar() const { return layer_.desc.input.layout == Layout::kNchw; }
  static bool narrow(const FeatureMap& map) { return map.type == DataType::kBFloat16; }
  /// Scratch for the phases of a planar input under a row of tiles.
  std::int64_t strip_floats() const {
    if (!planar()) return 0;
    const std::int64_t tiles = std::min<std::int64_t>(isa_.block_tiles, layer_.columns.tiles());
    const std::int64_t pixels = (tiles - 1) * winograd_tile(layer_.kernel) + kWinogradPatch;
    return layer_.input_blocks * kWinogradPatch * pixels * kBlock;
  }
  std::ptrdiff_t v_stride(std::int64_t tiles) const { return point_stride(layer_.input_blocks * tiles); }
  static std::ptrdiff_t m_stride(std::int64_t tiles) { return point_stride(kWinogradPanelBlocks * tiles); }

  void run_block(const Call& call, Share tiles, Share panels) const;
  void transform_inputs(const Call& call, std::int64_t group, const Block& block) const;
  void transform_phases(const Call& call, std::int64_t group, const Block& block) const;
  void widen_inputs(const Call& call, std::int64_t group, const Block& block) const;
  void transform_input(const WinogradTile& tile, const float* patch, std::ptrdiff_t row_stride, float* v,
                       std::ptrdiff_t stride) const {
    isa_.input_transform[tile.short_rows][tile.short_columns](patch, row_stride, v, stride);
  }
  void multiply_panel(const float* u, std::int64_t panel_blocks, const Block& block) const;
  void transform_outputs(const Call& call, std::int64_t output_block, const float* m,
                         const Block& block) const;
  void narrow_outputs(const Call& call, std::int64_t output_block, const float* m, const Block& block) const;

  const WinogradLayer layer_;
  const WinogradIsa& isa_;
  const Activation activation_;
  std::vector<std::int64_t> lanes_before_ = {0};  // each panel, and at last all
};

void WinogradConvolution::run(const Call& call) const noexcept {
  std::fill_n(reinterpret_cast<float*>(call.scratch), strip_floats(), 0.0f);  // lanes behind the last channel
  for_each_block(call.images, call.worker, call.workers,
                 [&](Share tiles, Share panels) { run_block(call, tiles, panels); });
}

void WinogradConvolution::run_block(const Call& call, Share tiles, Share panels) const {
  float* const scratch = reinterpret_cast<float*>(call.scratch);
  const float* const u = reinterpret_cast<const float*>(call.weights);
  Block block = {.tiles = WinogradTiles(layer_, tiles), .strip = scratch, .v = nullptr, .m = nullptr};
  const std::int64_t count = block.tiles.count();
  block.v = scratch + strip_floats();
  block.m = block.v + kWinogradPoints * v_stride(count);
  std::int64_t group = -1;
  for (std::int64_t p = panels.begin; p < panels.end; ++p) {
    const WinogradPanel panel = winograd_panel(layer_, p);
    if (panel.group != group) {
      group = panel.group;
      const auto transform = narrow(layer_.desc.input) ? &WinogradConvolution::widen_inputs
                             : planar()                ? &WinogradConvolution::transform_phases
                                                       : &WinogradConvolution::transform_inputs;
      (this->*transform)(call, group, block);
    }
    multiply_panel(u + panel.offset, panel.blocks, block);
    const auto transform = narrow(layer_.desc.output) ? &WinogradConvolution::narrow_outputs
                                                      : &WinogradConvolution::transform_outputs;
    for (std::int64_t k = 0; k < panel.blocks; ++k)
      (this->*transform)(call, panel.first_block + k, block.m + k * count * kBlock, block);
  }
}

void WinogradConvolution::transform_inputs(const Call& call, std::int64_t group, const Block& block) const {
  const FeatureMap& input = layer_.desc.input;
  const std::int64_t count = block.tiles.count();
  const std::ptrdiff_t stride = v_stride(count);
  alignas(64) float patch[kWinogradPatchFloats];
  for (std::int64_t c = 0; c < layer_.input_blocks; ++c) {
    for (std::int64_t t = 0; t < count; ++t) {
      const WinogradTile& tile = block.tiles[t];
      const float* const map = call.inputs[0].floats() + tile.image * call.inputs[0].image_stride +
                               (group * layer_.input_blocks + c) * input.pixels() * kBlock;
      float* const v = block.v + (c * count + t) * kBlock;
      const std::int64_t top = tile.y - layer_.desc.window.pad_top,
                         left = tile.x - layer_.desc.window.pad_left;
      const std::int64_t bottom = top + kWinogradPatch - (tile.short_rows ? 1 : 0),
                         right = left + kWinogradPatch - (tile.short_columns ? 1 : 0);
      if (top >= 0 && left >= 0 && bottom <= input.height && right <= input.width) {
        transform_input(tile, map + (top * input.width + left) * kBlock, input.width * kBlock, v, stride);
      } else {
        copy_patch(map, input, top, left, patch);
        transform_input(tile, patch, kWinogradPatch * kBlock, v, stride);
      }
    }
  }
}

void WinogradConvolution::transform_phases(const Call& call, std::int64_t group, const Block& block) const {
  const std::int64_t channels = layer_.desc.input.channels / layer_.groups;
  const std::int64_t count = block.tiles.count();
  for (std::int64_t begin = 0; begin < count;) {
    // Tiles side by side share the pixels between them.
    const WinogradTile& first = block.tiles[begin];
    std::int64_t end = begin + 1;
    while (end < count && block.tiles[end].follows(block.tiles[end - 1])) ++end;
    const std::int64_t pixels = block.tiles[end - 1].x - first.x + kWinogradPatch;
    const float* const image = call.inputs[0].floats() + first.image * call.inputs[0].image_stride +
                               group * channels * layer_.desc.input.pixels();
    gather_phases(layer_, image, first.y, first.x, pixels, block.strip);
    for (std::int64_t t = begin; t < end; ++t) {
      const WinogradTile& tile = block.tiles[t];
      for (std::int64_t c = 0; c < layer_.input_blocks; ++c) {
        const float* const patch = block.strip + (c * kWinogradPatch * pixels + tile.x - first.x) * kBlock;
        transform_input(tile, patch, pixels * kBlock, block.v + (c * count + t) * kBlock, v_stride(count));
      }
    }
    begin = end;
  }
}

void WinogradConvolution::widen_inputs(const Call& call, std::int64_t group, const Block& block) const {
  const FeatureMap& input = layer_.desc.input;
  const Operand& operand = call.inputs[0];
  const std::int64_t count = block.tiles.count();
  alignas(64) float patch[kWinogradPatchFloats];
  // All channels of a tile together, as they lie.
  for (std::int64_t t = 0; t < count; ++t) {
    const WinogradTile& tile = block.tiles[t];
    const std::int64_t top = tile.y - layer_.desc.window.pad_top, left = tile.x - layer_.desc.window.pad_left;
    for (std::int64_t c = 0; c < layer_.input_blocks; ++c) {
      const std::int64_t first =
          tile.image * operand.image_stride + (group * layer_.input_blocks + c) * kBlock;
      std::byte* const map = operand.data + first * static_cast<std::int64_t>(size_of(input.type));
      widen_patch(isa_.widen, map, input, top, left, patch);
      transform_input(tile, patch, kWinogradPatch * kBlock, block.v + (c * count + t) * kBlock,
                      v_stride(count));
    }
  }
}

void WinogradConvolution::multiply_panel(const float* u, std::int64_t panel_blocks,
                                         const Block& block) const {
  const std::int64_t columns = std::min<std::int64_t>(isa_.column_blocks, panel_blocks);
  const std::int64_t count = block.tiles.count();
  const std::ptrdiff_t channel_stride = count * kBlock;
  for (int p = 0; p < kWinogradPoints; ++p) {
    const Share tiles = block.tiles.with_point(p);
    const std::int64_t with = tiles.end - tiles.begin;
    const float* const v = block.v + p * v_stride(count) + tiles.begin * kBlock;
    float* const m = block.m + p * m_stride(count) + tiles.begin * kBlock;
    // Tiles in groups of nearly equal size, so that none is left with a row or two.
    const auto groups = static_cast<int>((with + isa_.max_rows - 1) / isa_.max_rows);
    for (std::int64_t k = 0; k < panel_blocks; k += columns) {
      for (int g = 0; g < groups; ++g) {
        const Share rows = share_of(with, g, groups);
        isa_.multiply[columns - 1][rows.end - rows.begin - 1](
            v + rows.begin * kBlock, channel_stride, u, layer_.depth,
            m + k * channel_stride + rows.begin * kBlock, channel_stride);
      }
      u += layer_.depth * columns * kBlock;
    }
  }
}

void WinogradConvolution::transform_outputs(const Call& call, std::int64_t output_block, const float* m,
                                            const Block& block) const {
  const FeatureMap& output = layer_.desc.output;
  const auto& transforms = isa_.output_transform[layer_.kernel - kWinogradSmallestKernel];
  const std::ptrdiff_t stride = m_stride(block.tiles.count());
  WinogradStore store = {};
  store.row_stride = output.width * kBlock;
  store.bias =
      reinterpret_cast<const float*>(call.weights) + winograd_u_floats(layer_) + output_block * kBlock;
  store.activation = activation_;
  for (std::int64_t t = 0; t < block.tiles.count(); ++t) {
    const WinogradTile& tile = block.tiles[t];
    const std::int64_t offset = (output_block * output.pixels() + tile.y * output.width + tile.x) * kBlock;
    store.output = call.output.floats() + tile.image * call.output.image_stride + offset;
    store.residual = layer_.desc.residual
                         ? call.inputs[1].floats() + tile.image * call.inputs[1].image_stride + offset
                         : nullptr;
    store.rows = static_cast<int>(tile.height);
    store.columns = static_cast<int>(tile.width);
    transforms[tile.short_rows][tile.short_columns](m + t * kBlock, stride, store);
  }
}

void WinogradConvolution::narrow_outputs(const Call& call, std::int64_t output_block, const float* m,
                                         const Block& block) const {
  constexpr std::int64_t kTile = winograd_tile(kWinogradSmallestKernel), kRow = kTile * kBlock;
  const auto& transforms = isa_.output_transform[layer_.kernel - kWinogradSmallestKernel];
  const std::ptrdiff_t stride = m_stride(block.tiles.count());
  const auto pixels = [&](const Operand& operand, const FeatureMap& map, const WinogradTile& tile) {
    const auto element = static_cast<std::int64_t>(size_of(map.type));
    const std::int64_t pixel = map.pixel_step() * element;
    return WinogradBf16Pixels{.first = operand.data +
                                       (tile.image * operand.image_stride + output_block * kBlock) * element +
                                       (tile.y * map.width + tile.x) * pixel,
                              .row_stride = map.width * pixel,
                              .pixel_stride = pixel,
                              .rows = tile.height,
                              .columns = tile.width};
  };
  alignas(64) float finished[kTile * kRow];  // holds the residual first
  WinogradStore store = {};
  store.output = finished;
  store.residual = layer_.desc.residual ? finished : nullptr;
  store.row_stride = kRow;
  store.bias =
      reinterpret_cast<const float*>(call.weights) + winograd_u_floats(layer_) + output_block * kBlock;
  store.activation = activation_;
  for (std::int64_t t = 0; t < block.tiles.count(); ++t) {
    const WinogradTile& tile = block.tiles[t];
    if (layer_.desc.residual)
      isa_.widen(pixels(call.inputs[1], layer_.desc.residual_map, tile), finished, kRow);
    store.rows = static_cast<int>(tile.height);
    store.columns = static_cast<int>(tile.width);
    transforms[tile.short_rows][tile.short_columns](m + t * kBlock, stride, store);
    isa_.narrow(finished, kRow, pixels(call.output, layer_.desc.output, tile));
  }
}

/// Microseconds of one image on one core that multiplies at `gflops` (the direct kernels' measure): the
/// products, the transforms, and the reading of U once a call.
double estimate(const OpDesc& op, DataType input, int images, double gflops) {
  const auto layer = WinogradLayer::of(op, input);
  if (!layer) return -1;
  constexpr double kMemoryGigabytes = 16;                                  // a second, where all cores read
  constexpr double kInputMicroseconds = 0.12, kOutputMicroseconds = 0.06;  // of 16 channels of a tile
  const auto tiles = static_cast<double>(layer->tiles_per_image());
  const auto points = static_cast<double>(layer->rows.points() * layer->columns.points());
  const auto inputs = static_cast<double>(layer->groups * layer->input_blocks),
             outputs = static_cast<double>(layer->groups * layer->output_blocks);
  const auto u_floats = static_cast<double>(winograd_u_floats(*layer));
  const double products = microseconds(points / kWinogradPoints * u_floats, gflops);
  const double transforms = tiles * (inputs * kInputMicroseconds + outputs * kOutputMicroseconds);
  const double reading = u_floats * sizeof(float) / (kMemoryGigabytes * 1e3) / std::max(images, 1);
  return products + transforms + reading;
}

std::unique_ptr<Kernel> make(const OpDesc& op, DataType input, const WinogradIsa& isa) {
  const auto layer = WinogradLayer::of(op, input);
  assert(layer);
  return std::make_unique<WinogradConvolution>(*layer, isa);
}

}  // namespace
}  // namespace conv_f32

#ifdef OCTET_X86
#define OCTET_WINOGRAD(function, type, gflops, isa)                  \
  double function##_cost(const OpDesc& desc, int images) {           \
    return conv_f32::estimate(desc, DataType::type, images, gflops); \
  }                                                                  \
  std::unique_ptr<Kernel> function(const OpDesc& desc) { return conv_f32::make(desc, DataType::type, isa); }

OCTET_WINOGRAD(conv_f32_winograd_avx2, kFloat32, conv_f32::kAvx2Gflops, kWinogradAvx2)
OCTET_WINOGRAD(conv_f32_winograd_avx512, kFloat32, conv_f32::kAvx512Gflops, kWinogradAvx512)
OCTET_WINOGRAD(conv_bf16_winograd_avx2, kBFloat16, conv_f32::kAvx2Gflops, kWinogradAvx2)
OCTET_WINOGRAD(conv_bf16_winograd_avx512, kBFloat16, conv_f32::kAvx512Gflops, kWinogradAvx512)

#undef OCTET_WINOGRAD
#endif

}  // namespace octet::kernels
