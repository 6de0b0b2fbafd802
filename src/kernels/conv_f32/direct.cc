// The driver of direct convolution, the same for every instruction set. For each tile of output pixels:
//
//   for each chunk of input units          (the order of a sum, whatever the workers and tiles are)
//     copy the tile's part of the input into scratch, unless it can be read in place
//     for each block of output channels    (its weights for the chunk stay in cache)
//       for each block of pixels           micro-kernel
//
// Sums of unfinished chunks wait in the output itself.
#include <algorithm>
#include <memory>

#include "base/aligned_buffer.h"
#include "kernels/conv_f32/contract.h"
#include "kernels/conv_f32/convolution.h"
#include "kernels/conv_f32/depthwise.h"
#include "kernels/conv_f32/direct_geometry.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace conv_f32 {
namespace {

// Weights of a layer that stay in any second-level cache. Those of larger layers come from further away each
// time: while one block's are in use, the next block's are fetched.
constexpr std::size_t kResidentWeights = 512 * 1024;

/// Output channels [channel, channel + 16 * vectors), which one micro-kernel call computes.
struct ChannelBlock {
  std::int64_t group, channel;
  int vectors;
};

/// Columns [0, columns) in as few pieces of at most `longest` as there can be, of lengths differing by at
/// most one, the longer ones first.
class Pieces {
 public:
  Pieces(std::int64_t columns, std::int64_t longest) : columns_(columns) {
    const std::int64_t pieces = divide_up(columns, longest);
    short_ = columns / pieces;
    long_end_ = columns % pieces * (short_ + 1);
  }
  explicit operator bool() const { return begin_ < columns_; }
  std::int64_t begin() const { return begin_; }
  std::int64_t count() const { return begin_ < long_end_ ? short_ + 1 : short_; }
  void operator++() { begin_ += count(); }

 private:
  std::int64_t columns_, short_, long_end_, begin_ = 0;
};

class DirectConvolution final : public Kernel {
 public:
  DirectConvolution(const ConvDesc& desc, const DirectMicroKernels& micro)
      : desc_(desc), micro_(micro), geometry_(desc) {
    const bool planar = desc.input.layout == Layout::kNchw;
    channels_ = desc.input.channels / desc.groups;
    tail_quads_ = planar ? 0 : divide_up(channels_ % kChannelBlock, 4);
    depth_ = (planar ? channels_ : channels_ / kChannelBlock * kChannelBlock + tail_quads_ * 4) *
             desc.window.kernel_h * desc.window.kernel_w;
    block_functions_ = micro.block[planar ? 1 : 0];
    fetches_ahead_ = DirectConvolution::packed_bytes() > kResidentWeights;

    const std::int64_t group_vectors = divide_up(desc.output.channels / desc.groups, kChannelBlock);
    for (std::int64_t group = 0; group < desc.groups; ++group) {
      for (std::int64_t v = 0; v < group_vectors; v += micro.max_vectors) {
        blocks_.push_back({group, (group * group_vectors + v) * kChannelBlock,
                           static_cast<int>(std::min<std::int64_t>(micro.max_vectors, group_vectors - v))});
      }
    }
    for (const ChannelBlock& block : blocks_)
      lanes_before_.push_back(lanes_before_.back() + block.vectors * kChannelBlock);
    // Short rows are taken in pairs, half of a block's rows from each, where that fills more of the block.
    const std::int64_t width = geometry_.max_columns, half = micro.max_rows / 2;
    paired_ = 2 * divide_up(width, micro.max_rows) > divide_up(width, half);
  }

  // Weights of all blocks, then the bias, padded with zeros.
  std::size_t packed_bytes() const override {
    return static_cast<std::size_t>(desc_.output.padded_channels() * (depth_ + 1)) * sizeof(float);
  }

  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    float* to = reinterpret_cast<float*>(packed.data());
    for (const ChannelBlock& block : blocks_) {
      for (std::int64_t unit = 0; unit < geometry_.units; ++unit) to = pack_unit(block, unit, weights[0], to);
    }
    const std::int64_t channels = desc_.output.channels;
    std::fill_n(to, desc_.output.padded_channels(), 0.0f);
    if (desc_.has_bias) std::copy_n(weights[1].data(), channels, to);
  }

  std::size_t scratch_bytes(int images) const override {
    return static_cast<std::size_t>(geometry_.scratch_floats(images)) * sizeof(float);
  }

  void run(const Call& call) const noexcept override {
    for_each_tile(call.images, call.worker, call.workers, [&](const Tile& tile) { run_tile(call, tile); });
  }
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    std::int64_t lanes = 0;  // of all pixels
    for_each_tile(images, worker, workers,
                  [&](const Tile& tile) { lanes += tile.pixels() * lanes_of(lanes_before_, tile.panels); });
    return lanes * depth_;
  }

 private:
  /// Calls f(tile) for the worker's share of a call; a tile's panels are blocks.
  template <typename F>
  void for_each_tile(int images, int worker, int workers, F&& f) const {
    const OutputSpace space{.images = images,
                            .rows = geometry_.rows.outputs,
                            .columns = geometry_.columns.outputs,
                            .panels = lanes_before_};
    WorkShare(space, worker, workers)
        .for_each_tile({geometry_.tile_images(images), geometry_.max_rows, geometry_.max_columns}, f);
  }

  std::int64_t unit_channels(std::int64_t unit) const {
    const bool tail = tail_quads_ > 0 && unit == geometry_.units - 1;
    return tail ? tail_quads_ * 4 : geometry_.pixel;
  }

  float* pack_unit(const ChannelBlock& block, std::int64_t unit, std::span<const float> weights,
                   float* to) const {
    const std::int64_t kernel = desc_.window.kernel_h * desc_.window.kernel_w;
    const std::int64_t group_end = (block.group + 1) * (desc_.output.channels / desc_.groups);
    for (std::int64_t tap = 0; tap < kernel; ++tap) {
      for (std::int64_t c = unit * geometry_.pixel; c < unit * geometry_.pixel + unit_channels(unit); ++c) {
        for (std::int64_t out = block.channel; out < block.channel + block.vectors * kChannelBlock; ++out) {
          const bool real = out < group_end && c < channels_;
          *to++ = real ? weights[static_cast<std::size_t>((out * channels_ + c) * kernel + tap)] : 0.0f;
        }
      }
    }
    return to;
  }

  void run_tile(const Call& call, const Tile& tile) const noexcept {
    Share blocks = tile.panels;
    const Operand& input = call.inputs[0];
    float* scratch = reinterpret_cast<float*>(call.scratch);
    while (blocks.begin < blocks.end) {
      // The blocks of one group read the same input.
      const std::int64_t group = block_at(blocks.begin).group;
      std::int64_t end = blocks.begin;
      while (end < blocks.end && block_at(end).group == group) ++end;

      const float* map = input.floats() + tile.image * input.image_stride +
                         group * geometry_.units * desc_.input.pixels() * geometry_.pixel;
      for (std::int64_t i = 0; i < geometry_.chunks; ++i) {
        const Share units =
            share_of(geometry_.units, static_cast<int>(i), static_cast<int>(geometry_.chunks));
        Source source{scratch, geometry_.max_chunk * geometry_.unit_stride};
        if (geometry_.in_place) {
          source = {map + units.begin * geometry_.unit_stride + tile.column * geometry_.pixel,
                    input.image_stride};
        } else {
          copy_tile(geometry_, tile, units.begin, units.end - units.begin, map, input.image_stride, scratch);
        }
        for (std::int64_t b = blocks.begin; b < end; ++b) {
          const bool fetch = fetches_ahead_ && b + 1 < end;
          run_block(call, tile, units, source, block_at(b),
                    fetch ? packed_weights(call, block_at(b + 1), units) : nullptr);
        }
      }
      blocks.begin = end;
    }
  }

  /// A place in an output row: the input of that pixel, the output and, where it is to be added, the
  /// shortcut.
  struct Row {
    const float* input;
    float* output;
    const float* residual;

    Row from(std::int64_t column, std::int64_t input_pixel) const {
      const std::int64_t place = column * kChannelBlock;
      return {input + column * input_pixel, output + place, residual != nullptr ? residual + place : nullptr};
    }
  };

  struct Source {
    const float* first;  // input of the tile's first output pixel, chunk's first unit
    std::int64_t image_stride;
  };

  const ChannelBlock& block_at(std::int64_t index) const { return blocks_[static_cast<std::size_t>(index)]; }

  const float* packed_weights(const Call& call, const ChannelBlock& block, Share units) const {
    const std::int64_t kernel = desc_.window.kernel_h * desc_.window.kernel_w;
    return reinterpret_cast<const float*>(call.weights) + block.channel * depth_ +
           units.begin * geometry_.pixel * kernel * block.vectors * kChannelBlock;
  }

  // All pixels of a tile for one block of channels and one chunk of units.
  void run_block(const Call& call, const Tile& tile, Share units, const Source& source,
                 const ChannelBlock& block, const float* next_weights) const noexcept {
    const std::int64_t kernel = desc_.window.kernel_h * desc_.window.kernel_w;
    const float* packed = reinterpret_cast<const float*>(call.weights);
    const bool first = units.begin == 0, last = units.end == geometry_.units;
    const bool tail = last && tail_quads_ > 0;

    DirectBlock b{};
    b.taps = geometry_.taps.data();
    b.tail_taps = tail ? kernel : 0;
    b.full_taps = (units.end - units.begin) * kernel - b.tail_taps;
    b.tail_quads = tail_quads_;
    b.weights = packed_weights(call, block, units);
    b.ahead = next_weights;
    const std::int64_t calls = divide_up(tile.images * tile.rows * tile.columns, micro_.max_rows);
    b.ahead_lines = next_weights != nullptr ? divide_up(geometry_.pixel * block.vectors, calls) : 0;
    b.bias = first ? packed + desc_.output.padded_channels() * depth_ + block.channel : nullptr;
    b.vector_stride = desc_.output.pixels() * kChannelBlock;
    b.activation = last ? activation_of(desc_.relu) : kNoActivation;

    const std::int64_t corner =  // of the tile, in an image of the output
        block.channel * desc_.output.pixels() +
        (tile.row * geometry_.columns.outputs + tile.column) * kChannelBlock;
    const Operand* residual = first && desc_.residual ? &call.inputs[1] : nullptr;
    // Rows are numbered over the images of the tile.
    const auto row_at = [&](std::int64_t row) {
      const std::int64_t image = row / tile.rows, y = row % tile.rows;
      const std::int64_t place = corner + y * geometry_.columns.outputs * kChannelBlock;
      const auto in_image = [&](const Operand& operand) {
        return operand.floats() + (tile.image + image) * operand.image_stride + place;
      };
      return Row{source.first + image * source.image_stride + y * geometry_.row_stride, in_image(call.output),
                 residual != nullptr ? in_image(*residual) : nullptr};
    };

    const std::int64_t rows = tile.images * tile.rows;
    std::int64_t row = 0;
    if (paired_) {
      for (; row + 1 < rows; row += 2) {
        const Row upper = row_at(row), lower = row_at(row + 1);
        for (Pieces piece(tile.columns, micro_.max_rows / 2); piece; ++piece) {
          run_pixels(b, block.vectors, upper.from(piece.begin(), geometry_.pixel), piece.count(),
                     lower.from(piece.begin(), geometry_.pixel), piece.count());
        }
      }
    }
    for (; row < rows; ++row) {
      const Row whole = row_at(row);
      for (Pieces piece(tile.columns, micro_.max_rows); piece; ++piece) {
        const std::int64_t first_run = (piece.count() + 1) / 2;
        run_pixels(b, block.vectors, whole.from(piece.begin(), geometry_.pixel), first_run,
                   whole.from(piece.begin() + first_run, geometry_.pixel), piece.count() - first_run);
      }
    }
  }

  // Two runs of pixels next to each other, the first as long as the second or one longer.
  void run_pixels(DirectBlock& b, int vectors, const Row& first, std::int64_t first_count, const Row& second,
                  std::int64_t second_count) const noexcept {
    b.input = first.input;
    b.input_gap = second.input - first.input;
    b.output = first.output;
    b.output_gap = second.output - first.output;
    b.residual = first.residual;
    b.residual_gap = second.residual - first.residual;
    block_functions_[vectors - 1][first_count + second_count - 1](b);
    b.ahead += b.ahead_lines * (b.full_taps + b.tail_taps) * kChannelBlock;
  }

  const ConvDesc desc_;
  const DirectMicroKernels& micro_;
  const DirectGeometry geometry_;
  std::int64_t channels_ = 0;    // of one group's input
  std::int64_t tail_quads_ = 0;  // of the last unit's channels, if it is cut; else 0
  std::int64_t depth_ = 0;       // terms of one sum, with the tail's padding
  bool paired_ = false;
  bool fetches_ahead_ = false;  // the next block's weights
  void (*const (*block_functions_)[kMaxRows])(const DirectBlock&) = nullptr;
  std::vector<ChannelBlock> blocks_;
  std::vector<std::int64_t> lanes_before_ = {0};  // each block, and at last of all
};

bool groups_are_whole_blocks(const ConvDesc& desc) {
  if (desc.groups == 1) return true;
  const bool whole_input =
      desc.input.layout == Layout::kNchw || desc.input.channels / desc.groups % kChannelBlock == 0;
  return whole_input && desc.output.channels / desc.groups % kChannelBlock == 0;
}

double cost(const OpDesc& desc, double gflops) {
  const ConvDesc* conv = as_convolution(desc);
  if (conv == nullptr) return -1;
  // Depthwise sums load two values for each multiply-add.
  if (is_depthwise(*conv)) return microseconds(macs(*conv), gflops / 8);
  if (!groups_are_whole_blocks(*conv)) return -1;
  const double padded_outputs = static_cast<double>(conv->output.padded_channels());
  return microseconds(macs(*conv) * padded_outputs / static_cast<double>(conv->output.channels), gflops);
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const DirectMicroKernels& micro) {
  const ConvDesc& conv = std::get<ConvDesc>(desc);
  if (is_depthwise(conv)) return make_depthwise(conv, micro);
  return std::make_unique<DirectConvolution>(conv, micro);
}

}  // namespace
}  // namespace conv_f32

#ifdef OCTET_X86
double conv_f32_direct_avx2_cost(const OpDesc& desc, int /*images*/) {
  return conv_f32::cost(desc, conv_f32::kAvx2Gflops);
}
std::unique_ptr<Kernel> conv_f32_direct_avx2(const OpDesc& desc) {
  return conv_f32::create(desc, conv_f32::kDirectAvx2);
}
double conv_f32_direct_avx512_cost(const OpDesc& desc, int /*images*/) {
  return conv_f32::cost(desc, conv_f32::kAvx512Gflops);
}
std::unique_ptr<Kernel> conv_f32_direct_avx512(const OpDesc& desc) {
  return conv_f32::create(desc, conv_f32::kDirectAvx512);
}
#endif

}  // namespace octet::kernels
