// The driver of direct convolution, the same for every element type and instruction set. For each tile of
// output pixels:
//
//   copy the tile's part of the input into scratch, unless it can be read in place
//   for each panel of output channels    (its weights stay in cache)
//     for each block of pixels           micro-kernel, over all taps
//
// Addresses of the tile's pixels are tabulated once; from panel to panel they move by a constant.
#include "kernels/conv_dot/direct.h"

#include <algorithm>

#include "base/aligned_buffer.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/geometry.h"
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

class DirectConvolution final : public Kernel {
 public:
  DirectConvolution(const ConvDesc& desc, const ElementKernels& kernels)
      : desc_(desc),
        kernels_(kernels),
        packed_(desc, kernels.fast.lanes, tap_of(desc)),
        geometry_(desc, tap_of(desc), packed_.tap_groups()),
        epilogue_(epilogue_of(desc)),
        bounded_epilogue_(bounded(epilogue_)),
        output_(desc.output),
        residual_(desc.residual_map),
        lanes_before_(lanes_before(packed_.panels())) {}

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
      lanes += tile.pixels() * (lanes_before_[static_cast<std::size_t>(panels.end)] -
                                lanes_before_[static_cast<std::size_t>(panels.begin)]);
    });
    const auto taps = static_cast<std::int64_t>(geometry_.taps().size());
    return lanes * taps * packed_.tap_groups() * packed_.group_elements();
  }

 private:
  /// Calls f(tile, panels) for the worker's share of a call.
  template <typename F>
  void for_each_item(int images, int worker, int workers, F&& f) const {
    const OutputSpace space{.images = images, .columns = desc_.output.pixels(), .panels = lanes_before_};
    const TileLimits limits{.images = geometry_.tile_images(images), .columns = geometry_.max_pixels()};
    WorkShare(space, worker, workers).for_each_tile(limits, [&](const WorkTile& t) {
      f(Tile{static_cast<int>(t.image), static_cast<int>(t.images), t.column, t.column + t.columns},
        t.panels);
    });
  }

  std::int64_t table_bytes(int images) const {
    const std::int64_t bytes = geometry_.tile_images(images) * geometry_.max_pixels() * kPointer;
    return static_cast<std::int64_t>(base::round_up(static_cast<std::size_t>(bytes), base::kCacheLine));
  }

  void run_tile(const Call& call, const Tile& tile, Share panels) const noexcept {
    const std::int64_t table = table_bytes(call.images), pixels = tile.pixels();
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

    Panel before;  // that the tables stand at: channel 0 of group 0
    for (std::int64_t i = panels.begin; i < panels.end; ++i) {
      const Panel& panel = packed_.panels()[static_cast<std::size_t>(i)];
      const std::int64_t channels = panel.channel - before.channel;
      advance(at.input, pixels, (panel.group - before.group) * geometry_.group_bytes());
      advance(at.output, pixels, channels / kChannelBlock * output_.block);
      advance(at.bias, pixels, channels * 4);
      if (desc_.residual) advance(at.residual, pixels, channels / kChannelBlock * residual_.block);
      run_panel(call.weights, static_cast<std::size_t>(i), at, pixels);
      before = panel;
    }
  }

  // The address of channel 0 of each pixel.
  template <class Pointer>
  void fill(const Tile& tile, const Operand& operand, const Steps& steps, Pointer* addresses) const noexcept {
    for (int image = 0; image < tile.images; ++image) {
      std::byte* map = operand.data + (tile.image + image) * operand.image_stride * steps.element;
      for (std::int64_t p = tile.begin; p < tile.end; ++p) *addresses++ = map + p * steps.pixel;
    }
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
  const Geometry geometry_;
  const Epilogue epilogue_, bounded_epilogue_;  // for the panels that allow the second
  const Steps output_, residual_;
  const std::vector<std::int64_t> lanes_before_;
};

}  // namespace

double direct_cost(const OpDesc& desc, DataType input, double gops) {
  const ConvDesc* conv = as_convolution(desc, input);
  if (conv == nullptr) return -1;
  // Outputs are written, and residuals read, 16 channels at a time.
  const auto whole_blocks = [](const FeatureMap& map) {
    return map.layout != Layout::kNhwc || map.pixel_step() >= map.blocks() * kChannelBlock;
  };
  if (!whole_blocks(conv->output) || (conv->residual && !whole_blocks(conv->residual_map))) return -1;
  const std::int64_t in = conv->input.channels / conv->groups, out = conv->output.channels / conv->groups;
  if (conv->groups > 1 && (in % kChannelQuad != 0 || out % kChannelBlock != 0)) return -1;
  const Tap tap = tap_of(*conv);
  const std::int64_t values = tap_groups_of(*conv, tap) * (input == DataType::kUInt8 ? 4 : 2);
  const double padding = static_cast<double>(taps_of(*conv, tap) * values) /
                         static_cast<double>(in * conv->window.kernel_h * conv->window.kernel_w) *
                         static_cast<double>(divide_up(out, kChannelBlock) * kChannelBlock) /
                         static_cast<double>(out);
  return microseconds(macs(*conv) * padding, gops);
}

std::unique_ptr<Kernel> make_direct(const OpDesc& desc, const ElementKernels& kernels) {
  return std::make_unique<DirectConvolution>(std::get<ConvDesc>(desc), kernels);
}

}  // namespace octet::kernels::conv_dot
