// The part of Winograd's F(4x4, 3x3) that is the same on every instruction set: packing, the walk over tiles,
// panels and points, and the cost. See winograd.h for the method and the layouts.
#include "kernels/conv_f32/winograd.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "kernels/conv_f32/convolution.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kBlock = kChannelBlock;
constexpr std::int64_t kPanelChannels = kWinogradPanelBlocks * kBlock;

// G of winograd.h; 1/sqrt 2 and sqrt 2 as doubles.
constexpr double kA = 0.70710678118654752440, kB = 1.41421356237309504880;
constexpr double kG[kWinogradPatch][3] = {{1, 0, 0},
                                          {-2.0 / 3, -2 * kA / 3, -1.0 / 3},
                                          {-2.0 / 3, 2 * kA / 3, -1.0 / 3},
                                          {1.0 / 6, kB / 6, 1.0 / 3},
                                          {1.0 / 6, -kB / 6, 1.0 / 3},
                                          {0, 0, 1}};

/// G g G^T of one 3 x 3 filter.
std::array<double, kWinogradPoints> transform_filter(const float* g) {
  double rows[kWinogradPatch][3];
  for (int i = 0; i < kWinogradPatch; ++i)
    for (int x = 0; x < 3; ++x) rows[i][x] = kG[i][0] * g[x] + kG[i][1] * g[3 + x] + kG[i][2] * g[6 + x];
  std::array<double, kWinogradPoints> u;
  for (int i = 0; i < kWinogradPatch; ++i)
    for (int j = 0; j < kWinogradPatch; ++j)
      u[i * kWinogradPatch + j] = rows[i][0] * kG[j][0] + rows[i][1] * kG[j][1] + rows[i][2] * kG[j][2];
  return u;
}

/// The description if this method computes it, else null.
const ConvDesc* supported(const OpDesc& op) {
  const ConvDesc* const desc = conv_f32::as_convolution(op);
  if (!desc || desc->groups != 1) return nullptr;
  const WindowDesc& w = desc->window;
  const bool window = w.kernel_h == 3 && w.kernel_w == 3 && w.stride_h == 1 && w.stride_w == 1 &&
                      w.dilation_h == 1 && w.dilation_w == 1;
  return window && desc->input.layout == Layout::kNchw16c && desc->input.channels >= kBlock ? desc : nullptr;
}

std::int64_t tiles_along(std::int64_t pixels) { return (pixels + kWinogradTile - 1) / kWinogradTile; }
std::int64_t tiles_per_image(const ConvDesc& desc) {
  return tiles_along(desc.output.height) * tiles_along(desc.output.width);
}

/// Floats from one point to the next where each holds `lines` cache lines.
std::ptrdiff_t point_stride(std::int64_t lines) { return (lines | 1) * kBlock; }

class WinogradKernel final : public Kernel {
 public:
  WinogradKernel(const ConvDesc& desc, const WinogradIsa& isa)
      : desc_(desc),
        isa_(isa),
        input_blocks_(desc.input.blocks()),
        output_blocks_(desc.output.blocks()),
        tiles_x_(tiles_along(desc.output.width)),
        tiles_per_image_(tiles_per_image(desc)),
        activation_(conv_f32::activation_of(desc)) {}

  std::size_t packed_bytes() const override {
    return static_cast<std::size_t>(u_floats() + output_blocks_ * kBlock) * sizeof(float);
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override;
  std::size_t scratch_bytes(int images) const override {
    const std::int64_t tiles = std::min<std::int64_t>(isa_.block_tiles, tiles_per_image_ * images);
    return static_cast<std::size_t>(kWinogradPoints * (v_stride(tiles) + m_stride(tiles))) * sizeof(float);
  }
  bool in_place(int input) const override { return desc_.residual && input == 1; }
  void run(const Call& call) const noexcept override;

 private:
  struct Tile {
    std::int64_t image, y, x;  // of its first output pixel
  };
  /// Consecutive tiles that are transformed and multiplied together, and where their values stand.
  struct Block {
    Tile tiles[kWinogradMaxBlock];
    std::int64_t count;
    float *v, *m;
  };

  std::ptrdiff_t v_stride(std::int64_t tiles) const { return point_stride(input_blocks_ * tiles); }
  static std::ptrdiff_t m_stride(std::int64_t tiles) { return point_stride(kWinogradPanelBlocks * tiles); }
  std::int64_t u_floats() const { return kWinogradPoints * input_blocks_ * kBlock * output_blocks_ * kBlock; }
  /// Of the panel that starts at 16-channel block `first`: its 16-channel blocks, and where its U begins.
  std::int64_t panel_blocks(std::int64_t first) const {
    return std::min<std::int64_t>(kWinogradPanelBlocks, output_blocks_ - first);
  }
  std::int64_t panel_offset(std::int64_t first) const {
    return kWinogradPoints * input_blocks_ * kBlock * first * kBlock;
  }

  void transform_inputs(const Call& call, const Block& block) const;
  void multiply_panel(const float* u, std::int64_t panel_blocks, const Block& block) const;
  void transform_outputs(const Call& call, std::int64_t output_block, const float* m,
                         const Block& block) const;

  const ConvDesc desc_;
  const WinogradIsa& isa_;
  const std::int64_t input_blocks_, output_blocks_;
  const std::int64_t tiles_x_, tiles_per_image_;
  const Activation activation_;
};

void WinogradKernel::pack(std::span<const std::span<const float>> weights,
                          std::span<std::byte> packed) const {
  assert(packed.size() == packed_bytes());
  const std::int64_t inputs = desc_.input.channels, outputs = desc_.output.channels;
  const std::int64_t padded_inputs = input_blocks_ * kBlock;
  float* const u = reinterpret_cast<float*>(packed.data());
  for (std::int64_t first = 0; first < output_blocks_; first += kWinogradPanelBlocks) {
    const std::int64_t channels = panel_blocks(first) * kBlock;
    const std::int64_t columns = std::min<std::int64_t>(isa_.column_blocks * kBlock, channels);
    float* const panel = u + panel_offset(first);
    for (std::int64_t c = 0; c < padded_inputs; ++c) {
      float points[kWinogradPoints][kPanelChannels] = {};
      for (std::int64_t k = 0; k < channels; ++k) {
        const std::int64_t output = first * kBlock + k;
        if (output >= outputs || c >= inputs) continue;
        const auto filter =
            transform_filter(&weights[0][static_cast<std::size_t>((output * inputs + c) * 9)]);
        for (int p = 0; p < kWinogradPoints; ++p) points[p][k] = static_cast<float>(filter[p]);
      }
      for (int p = 0; p < kWinogradPoints; ++p)
        for (std::int64_t k = 0; k < channels; k += columns)
          std::copy_n(points[p] + k, columns, panel + (p * channels + k) * padded_inputs + c * columns);
    }
  }
  float* const bias = u + u_floats();
  std::fill_n(bias, output_blocks_ * kBlock, 0.0f);
  if (desc_.has_bias) std::copy_n(weights[1].data(), outputs, bias);
}

/// How a call is cut: every tile part times every channel part is one worker's work. Parts of tiles come
/// first, since parts of channels repeat the input transform, but each must be long enough to be worth a pass
/// over U.
struct Split {
  std::int64_t tile_parts, channel_parts;
};
Split split_work(std::int64_t tiles, std::int64_t panels, int workers) {
  constexpr std::int64_t kFewestTiles = 20;
  Split best = {1, 1};
  for (std::int64_t parts = 1; parts <= workers; ++parts) {
    if (parts > 1 && tiles < parts * kFewestTiles) break;
    const Split split = {parts, std::min(workers / parts, panels)};
    if (split.tile_parts * split.channel_parts >= best.tile_parts * best.channel_parts) best = split;
  }
  return best;
}

void WinogradKernel::run(const Call& call) const noexcept {
  const std::int64_t total = tiles_per_image_ * call.images;
  const std::int64_t panels = (output_blocks_ + kWinogradPanelBlocks - 1) / kWinogradPanelBlocks;
  const Split split = split_work(total, panels, call.workers);
  if (call.worker >= split.tile_parts * split.channel_parts) return;
  const Share tiles = share_of(total, static_cast<int>(call.worker / split.channel_parts),
                               static_cast<int>(split.tile_parts));
  const Share panel_share = share_of(panels, static_cast<int>(call.worker % split.channel_parts),
                                     static_cast<int>(split.channel_parts));

  const std::int64_t blocks = (tiles.end - tiles.begin + isa_.block_tiles - 1) / isa_.block_tiles;
  const float* const u = reinterpret_cast<const float*>(call.weights);
  for (std::int64_t b = 0; b < blocks; ++b) {
    const Share range = share_of(tiles.end - tiles.begin, static_cast<int>(b), static_cast<int>(blocks));
    Block block;
    block.count = range.end - range.begin;
    for (std::int64_t t = 0; t < block.count; ++t) {
      const std::int64_t id = tiles.begin + range.begin + t, in_image = id % tiles_per_image_;
      block.tiles[t] = {id / tiles_per_image_, in_image / tiles_x_ * kWinogradTile,
                        in_image % tiles_x_ * kWinogradTile};
    }
    block.v = reinterpret_cast<float*>(call.scratch);
    block.m = block.v + kWinogradPoints * v_stride(block.count);

    transform_inputs(call, block);
    for (std::int64_t panel = panel_share.begin; panel < panel_share.end; ++panel) {
      const std::int64_t first = panel * kWinogradPanelBlocks, count = panel_blocks(first);
      multiply_panel(u + panel_offset(first), count, block);
      for (std::int64_t k = 0; k < count; ++k)
        transform_outputs(call, first + k, block.m + k * block.count * kBlock, block);
    }
  }
}

/// Copies the part of the 6 x 6 patch at (top, left) that lies inside the map; the rest becomes zero.
void copy_patch(const float* map, const FeatureMap& shape, std::int64_t top, std::int64_t left,
                float* patch) {
  const std::int64_t first = std::clamp<std::int64_t>(-left, 0, kWinogradPatch);
  const std::int64_t last = std::clamp<std::int64_t>(shape.width - left, first, kWinogradPatch);
  std::memset(patch, 0, kWinogradPatch * kWinogradPatch * kBlock * sizeof(float));
  if (first == last) return;
  for (std::int64_t i = 0; i < kWinogradPatch; ++i) {
    if (top + i < 0 || top + i >= shape.height) continue;
    std::memcpy(patch + (i * kWinogradPatch + first) * kBlock,
                map + ((top + i) * shape.width + left + first) * kBlock,
                static_cast<std::size_t>((last - first) * kBlock) * sizeof(float));
  }
}

void WinogradKernel::transform_inputs(const Call& call, const Block& block) const {
  const FeatureMap& input = desc_.input;
  const std::ptrdiff_t stride = v_stride(block.count);
  alignas(64) float patch[kWinogradPatch * kWinogradPatch * kBlock];
  for (std::int64_t c = 0; c < input_blocks_; ++c) {
    for (std::int64_t t = 0; t < block.count; ++t) {
      const Tile& tile = block.tiles[t];
      const float* const map =
          call.inputs[0].floats() + tile.image * call.inputs[0].image_stride + c * input.pixels() * kBlock;
      float* const v = block.v + (c * block.count + t) * kBlock;
      const std::int64_t top = tile.y - desc_.window.pad_top, left = tile.x - desc_.window.pad_left;
      if (top >= 0 && left >= 0 && top + kWinogradPatch <= input.height &&
          left + kWinogradPatch <= input.width) {
        isa_.input_transform(map + (top * input.width + left) * kBlock, input.width * kBlock, v, stride);
      } else {
        copy_patch(map, input, top, left, patch);
        isa_.input_transform(patch, kWinogradPatch * kBlock, v, stride);
      }
    }
  }
}

void WinogradKernel::multiply_panel(const float* u, std::int64_t panel_blocks, const Block& block) const {
  // Tiles in groups of nearly equal size, so that none is left with a row or two.
  const std::int64_t groups = (block.count + isa_.max_rows - 1) / isa_.max_rows;
  const std::int64_t columns = std::min<std::int64_t>(isa_.column_blocks, panel_blocks);
  const std::ptrdiff_t channel_stride = block.count * kBlock;
  for (std::int64_t p = 0; p < kWinogradPoints; ++p) {
    const float* const v = block.v + p * v_stride(block.count);
    float* const m = block.m + p * m_stride(block.count);
    for (std::int64_t k = 0; k < panel_blocks; k += columns) {
      for (std::int64_t g = 0; g < groups; ++g) {
        const Share rows = share_of(block.count, static_cast<int>(g), static_cast<int>(groups));
        isa_.multiply[columns - 1][rows.end - rows.begin - 1](
            v + rows.begin * kBlock, channel_stride, u, input_blocks_,
            m + k * channel_stride + rows.begin * kBlock, channel_stride);
      }
      u += input_blocks_ * kBlock * columns * kBlock;
    }
  }
}

void WinogradKernel::transform_outputs(const Call& call, std::int64_t output_block, const float* m,
                                       const Block& block) const {
  const FeatureMap& output = desc_.output;
  WinogradStore store = {};
  store.row_stride = output.width * kBlock;
  store.bias = reinterpret_cast<const float*>(call.weights) + u_floats() + output_block * kBlock;
  store.activation = activation_;
  for (std::int64_t t = 0; t < block.count; ++t) {
    const Tile& tile = block.tiles[t];
    const std::int64_t offset = (output_block * output.pixels() + tile.y * output.width + tile.x) * kBlock;
    store.output = call.output.floats() + tile.image * call.output.image_stride + offset;
    store.residual = desc_.residual
                         ? call.inputs[1].floats() + tile.image * call.inputs[1].image_stride + offset
                         : nullptr;
    store.rows = static_cast<int>(std::min<std::int64_t>(kWinogradTile, output.height - tile.y));
    store.columns = static_cast<int>(std::min<std::int64_t>(kWinogradTile, output.width - tile.x));
    isa_.output_transform(m + t * kBlock, m_stride(block.count), store);
  }
}

/// Microseconds of one image on one core that multiplies at `gflops` (the direct kernels' measure): the
/// products, the transforms, and the reading of U once a call.
double estimate(const OpDesc& op, int images, double gflops) {
  const ConvDesc* const desc = supported(op);
  if (!desc) return -1;
  constexpr double kMemoryGigabytes = 16;          // a second, where all cores read
  constexpr double kTransformMicroseconds = 0.15;  // of 16 channels of a tile, in or out
  const auto tiles = static_cast<double>(tiles_per_image(*desc));
  const auto inputs = static_cast<double>(desc->input.blocks()),
             outputs = static_cast<double>(desc->output.blocks());
  const double u_floats = kWinogradPoints * inputs * outputs * kBlock * kBlock;
  const double products = conv_f32::microseconds(tiles * u_floats, gflops);
  const double transforms = tiles * (inputs + outputs) * kTransformMicroseconds;
  const double reading = u_floats * sizeof(float) / (kMemoryGigabytes * 1e3) / std::max(images, 1);
  return products + transforms + reading;
}

std::unique_ptr<Kernel> make(const OpDesc& op, const WinogradIsa& isa) {
  const ConvDesc* const desc = supported(op);
  assert(desc);
  return std::make_unique<WinogradKernel>(*desc, isa);
}

}  // namespace

#ifdef OCTET_X86
double conv_f32_winograd_avx2_cost(const OpDesc& desc, int images) {
  return estimate(desc, images, conv_f32::kAvx2Gflops);
}
std::unique_ptr<Kernel> conv_f32_winograd_avx2(const OpDesc& desc) { return make(desc, kWinogradAvx2); }
double conv_f32_winograd_avx512_cost(const OpDesc& desc, int images) {
  return estimate(desc, images, conv_f32::kAvx512Gflops);
}
std::unique_ptr<Kernel> conv_f32_winograd_avx512(const OpDesc& desc) { return make(desc, kWinogradAvx512); }
#endif

}  // namespace octet::kernels
