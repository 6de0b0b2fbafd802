// The driver of direct convolution, the same for every element type and instruction set. For each tile of
// output pixels:
//
//   copy the tile's part of the input into scratch, unless it can be read in place
//   for each panel of output channels    (its weights stay in cache)
//     for each block of pixels           micro-kernel, over all taps
//
// Addresses of the tile's pixels are tabulated once; from panel to panel they move by a constant.
//
// A padded 1x1 layer's border sees nothing but the halo, so its pixels are all alike (a quarter of
// SqueezeNet's last layer). The layer is computed without padding; with an image's first pixel goes one of
// the border, which is then copied to the others.
#include "kernels/conv_dot/direct.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/aligned_buffer.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/geometry.h"
#include "kernels/conv_dot/merged_groups.h"
#include "kernels/conv_dot/packing.h"
#include "kernels/work_share.h"

namespace octet::kernels::conv_dot {
namespace {

constexpr std::int64_t kPointer = static_cast<std::int64_t>(sizeof(void*));

/// Addresses of a tile's pixels, all for one panel.
struct Addresses {
  const std::byte** input;
  const std::byte** bias;
  const std::byte** residual;
  std::byte** output;
};

template <class Pointer>
void advance(Pointer* pointers, std::int64_t count, std::int64_t bytes) {
  if (bytes == 0) return;
  for (std::int64_t i = 0; i < count; ++i) pointers[i] += bytes;
}

bool has_border(const ConvDesc& desc) {
  const WindowDesc& w = desc.window;
  const bool plain = w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1;
  return plain && desc.output.pixels() > desc.input.pixels() && desc.groups == 1 && !desc.residual &&
         !desc.bias_map;
}

/// The layer, or what is left of it without its border.
ConvDesc without_border(ConvDesc desc) {
  if (!has_border(desc)) return desc;
  desc.window.pad_top = desc.window.pad_left = desc.window.pad_bottom = desc.window.pad_right = 0;
  desc.output.height = desc.input.height;
  desc.output.width = desc.input.width;
  return desc;
}

class DirectConvolution final : public Kernel {
 public:
  DirectConvolution(const ConvDesc& desc, const ElementKernels& kernels)
      : desc_(desc),
        kernels_(kernels),
        packed_(desc, kernels.fast.lanes, tap_of(desc)),
        inner_(without_border(desc)),
        geometry_(inner_, tap_of(desc), packed_.tap_groups()),
        epilogue_(epilogue_of(desc)),
        bounded_epilogue_(bounded(epilogue_)),
        output_(desc.output),
        residual_(desc.residual_map),
        lanes_before_(lanes_before(packed_.panels())),
        border_(desc.output.pixels() - inner_.output.pixels()),
        halo_(halo_pixel(desc, divide_up(desc.input.channels, kChannelQuad) * kChannelQuad)) {}

  std::size_t packed_bytes() const override { return packed_.bytes(); }
  void pack_integer(const IntegerWeights& weights, std::span<std::byte> packed) const override {
    packed_.pack(weights, packed);
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    packed_.pack(weights[0], desc_.has_bias ? weights[1] : std::span<const float>(), packed);
  }
  // Four tables of addresses, then the copy of a tile's input.
  std::size_t scratch_bytes(int images) const override {
    return static_cast<std::size_t>(4 * table_bytes(images) + geometry_.copy_bytes(images));
  }
  // A block reads its residual before it writes its output, and no other block reads it.
  bool in_place(int input) const override { return input == 1; }

  void run(const Call& call) const noexcept override {
    for_each_item(call.images, call.worker, call.workers,
                  [&](const Tile& tile, Share panels) { run_tile(call, tile, panels); });
  }
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    std::int64_t lanes = 0;  // of all pixels
    for_each_item(images, worker, workers, [&](const Tile& tile, Share panels) {
      lanes += (tile.pixels() + (with_border(tile) ? 1 : 0)) * lanes_of(lanes_before_, panels);
    });
    const auto taps = static_cast<std::int64_t>(geometry_.taps().size());
    return lanes * taps * geometry_.tap_groups() * packed_.group_elements();
  }

 private:
  /// Calls f(tile, panels) for the worker's share of a call.
  template <typename F>
  void for_each_item(int images, int worker, int workers, F&& f) const {
    const OutputSpace space{.images = images, .columns = inner_.output.pixels(), .panels = lanes_before_};
    const TileLimits limits{.images = geometry_.tile_images(images), .columns = geometry_.max_pixels()};
    WorkShare(space, worker, workers).for_each_tile(limits, [&](const WorkTile& t) {
      f(Tile{static_cast<int>(t.image), static_cast<int>(t.images), t.column, t.column + t.columns},
        t.panels);
    });
  }

  std::int64_t table_bytes(int images) const {
    const std::int64_t bytes = geometry_.tile_images(images) * (geometry_.max_pixels() + border_) * kPointer;
    return static_cast<std::int64_t>(base::round_up(static_cast<std::size_t>(bytes), base::kCacheLine));
  }

  void run_tile(const Call& call, const Tile& tile, Share panels) const noexcept {
    const std::int64_t table = table_bytes(call.images), inner = tile.pixels();
    std::byte* copy = call.scratch + 4 * table;
    if (!geometry_.in_place()) geometry_.copy(tile, call.inputs[0], copy);

    const Addresses at{reinterpret_cast<const std::byte**>(call.scratch),
                       reinterpret_cast<const std::byte**>(call.scratch + table),
                       reinterpret_cast<const std::byte**>(call.scratch + 2 * table),
                       reinterpret_cast<std::byte**>(call.scratch + 3 * table)};
    geometry_.input_addresses(tile, call.inputs[0], copy, at.input);
    fill(tile, call.output, output_, at.output);
    if (desc_.residual) fill(tile, call.inputs[1], residual_, at.residual);
    fill_bias(tile, call.weights, at.bias);
    std::int64_t computed = inner, pixels = inner;
    if (with_border(tile)) {
      at.input[computed] = halo_.data();
      at.bias[computed++] = packed_.bias(call.weights);
      pixels += fill_border(tile, call.output, at.output + inner);
    }

    Panel before;  // that the tables stand at: channel 0 of group 0
    for (std::int64_t i = panels.begin; i < panels.end; ++i) {
      const Panel& panel = packed_.panels()[static_cast<std::size_t>(i)];
      const std::int64_t channels = panel.channel - before.channel;
      advance(at.input, computed, (panel.group - before.group) * geometry_.group_bytes());
      advance(at.output, pixels, channels / kChannelBlock * output_.block);
      advance(at.bias, computed, channels * 4);
      if (desc_.residual) advance(at.residual, computed, channels / kChannelBlock * residual_.block);
      run_panel(call.weights, static_cast<std::size_t>(i), at, computed);
      for (std::int64_t p = computed; p < pixels; ++p)
        copy_pixel(at.output[inner], at.output[p], panel.lanes);
      before = panel;
    }
  }

  // The address of channel 0 of each pixel.
  template <class Pointer>
  void fill(const Tile& tile, const Operand& operand, const Steps& steps, Pointer* addresses) const noexcept {
    for (int image = 0; image < tile.images; ++image) {
      std::byte* map = operand.data + (tile.image + image) * operand.image_stride * steps.element;
      for (std::int64_t p = tile.begin; p < tile.end; ++p) *addresses++ = map + place_of(p) * steps.pixel;
    }
  }
  /// An inner pixel's number among all.
  std::int64_t place_of(std::int64_t pixel) const {
    if (border_ == 0) return pixel;
    const WindowDesc& w = desc_.window;
    const std::int64_t columns = inner_.output.width;
    return (pixel / columns + w.pad_top) * desc_.output.width + pixel % columns + w.pad_left;
  }

  bool with_border(const Tile& tile) const { return border_ > 0 && tile.begin == 0; }
  /// How many addresses it has written.
  std::int64_t fill_border(const Tile& tile, const Operand& output, std::byte** addresses) const noexcept {
    std::byte** const first = addresses;
    const std::int64_t top = desc_.window.pad_top, left = desc_.window.pad_left;
    const auto inside = [&](std::int64_t y, std::int64_t x) {
      return y >= top && y < top + inner_.output.height && x >= left && x < left + inner_.output.width;
    };
    for (int image = 0; image < tile.images; ++image) {
      std::byte* pixel = output.data + (tile.image + image) * output.image_stride * output_.element;
      for (std::int64_t y = 0; y < desc_.output.height; ++y)
        for (std::int64_t x = 0; x < desc_.output.width; ++x, pixel += output_.pixel)
          if (!inside(y, x)) *addresses++ = pixel;
    }
    return addresses - first;
  }
  void copy_pixel(const std::byte* from, std::byte* to, int lanes) const noexcept {
    const auto bytes = static_cast<std::size_t>(kChannelBlock * output_.element);
    for (std::int64_t block = 0; block < lanes / kChannelBlock; ++block)
      std::memcpy(to + block * output_.block, from + block * output_.block, bytes);
  }

  void fill_bias(const Tile& tile, const std::byte* weights, const std::byte** addresses) const noexcept {
    const std::byte* bias = packed_.bias(weights);
    for (int image = 0; image < tile.images; ++image) {
      for (std::int64_t p = tile.begin; p < tile.end; ++p) {
        *addresses++ = bias + p * packed_.bias_pixel_bytes();
      }
    }
  }

  void run_panel(const std::byte* weights, std::size_t index, const Addresses& at,
                 std::int64_t pixels) const noexcept {
    const Panel& panel = packed_.panels()[index];
    const MicroKernels& micro = packed_.exact(weights, index) ? kernels_.exact : kernels_.fast;
    const auto& functions = micro.block[panel.lanes / kChannelBlock - 1];
    int most_rows = kMaxRows;
    while (functions[most_rows - 1] == nullptr) --most_rows;

    Block block{};
    block.taps = geometry_.taps().data();
    block.tap_count = static_cast<std::int64_t>(geometry_.taps().size());
    block.groups = geometry_.tap_groups();
    block.weights = weights + panel.weights;
    block.multipliers = packed_.multipliers(weights) + panel.channel;
    block.epilogue = packed_.bounded(weights, index) ? &bounded_epilogue_ : &epilogue_;
    block.output_block_step = output_.block;
    block.residual_block_step = residual_.block;
    block.blocks = panel.lanes / static_cast<int>(kChannelBlock);
    // As few blocks as there can be, of sizes differing by at most one.
    const std::int64_t blocks = divide_up(pixels, most_rows);
    for (std::int64_t i = 0; i < blocks; ++i) {
      const Share rows = share_of(pixels, static_cast<int>(i), static_cast<int>(blocks));
      block.input = at.input + rows.begin;
      block.bias = at.bias + rows.begin;
      block.output = at.output + rows.begin;
      block.residual = desc_.residual ? at.residual + rows.begin : nullptr;
      functions[rows.end - rows.begin - 1](block);
    }
  }

  const ConvDesc desc_;
  const ElementKernels& kernels_;
  const PackedWeights packed_;
  const ConvDesc inner_;
  const Geometry geometry_;
  const Epilogue epilogue_, bounded_epilogue_;  // for the panels that allow the second
  const Steps output_, residual_;
  const std::vector<std::int64_t> lanes_before_;
  const std::int64_t border_;  // pixels of an image
  const std::vector<std::byte> halo_;
};

}  // namespace

double direct_cost(const OpDesc& desc, DataType input, double gops) {
  const ConvDesc* grouped = as_convolution(desc, input);
  if (grouped == nullptr) return -1;
  const ConvDesc conv = merge_groups(*grouped);
  // Outputs are written, and residuals read, 16 channels at a time.
  const auto whole_blocks = [](const FeatureMap& map) {
    return map.layout != Layout::kNhwc || map.pixel_step() >= map.blocks() * kChannelBlock;
  };
  if (!whole_blocks(conv.output) || (conv.residual && !whole_blocks(conv.residual_map))) return -1;
  const std::int64_t in = conv.input.channels / conv.groups, out = conv.output.channels / conv.groups;
  const Tap tap = tap_of(conv);
  const std::int64_t values = tap_groups_of(conv, tap) * (input == DataType::kUInt8 ? 4 : 2);
  const double padding = static_cast<double>(taps_of(conv, tap) * values) /
                         static_cast<double>(in * conv.window.kernel_h * conv.window.kernel_w) *
                         static_cast<double>(divide_up(out, kChannelBlock) * kChannelBlock) /
                         static_cast<double>(out);
  return microseconds(macs(conv) * padding, gops);
}

std::unique_ptr<Kernel> make_direct(const OpDesc& desc, const ElementKernels& kernels) {
  const auto& conv = std::get<ConvDesc>(desc);
  const ConvDesc merged = merge_groups(conv);
  auto kernel = std::make_unique<DirectConvolution>(merged, kernels);
  if (merged.groups == conv.groups) return kernel;
  return with_merged_groups(conv, std::move(kernel));
}

}  // namespace octet::kernels::conv_dot
