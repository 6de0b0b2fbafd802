// The driver of convolution by tiles. For each band of output rows (or images):
//
//   copy the band's input into scratch, unless it is read in place
//   for each chunk of panels           (their weights stay in the second-level cache)
//     for each block of 32 rows        (its input stays in the first-level cache)
//       tile kernels, over all panels of the chunk
//
// A fully connected layer is the convolution whose window is the whole map.
#include "kernels/conv_dot/amx_convolution.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/conv_dot/amx_geometry.h"
#include "kernels/conv_dot/amx_grid.h"
#include "kernels/conv_dot/amx_packing.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace conv_dot {
namespace {

// Beside each other in a second-level cache of 2 MiB: the weights of a chunk, and the input of a band that is
// read in place.
constexpr std::int64_t kChunkBytes = 1024 * 1024;
constexpr std::int64_t kInputBytes = 512 * 1024;

/// Addresses of something that belongs to pixels, `pixel` bytes apart in a line and `line` from line to line.
template <class Byte>
struct Lines {
  Byte* first = nullptr;
  std::int64_t pixel = 0, line = 0;

  Byte* at(std::int64_t y, std::int64_t x) const {
    return first == nullptr ? nullptr : first + y * line + x * pixel;
  }
};

/// A run of rows of input, and where their results go: row r is column r % pitch of line r / pitch, an output
/// if there are so many columns. Without a copy, a line is an image.
struct Span {
  const std::byte* input;
  std::int64_t begin, end;  ///< rows to compute
  std::int64_t readable;    ///< rows that may be read
  std::int64_t pitch, columns;
  Lines<std::byte> output;
  Lines<const std::byte> residual, bias;

  /// Fills `table` with the outputs among rows [row, row + count) of a block that begins at `first`.
  int outputs(std::int64_t first, std::int64_t row, std::int64_t count, AmxOutput* table) const {
    std::int64_t y = row / pitch, x = row % pitch;
    int found = 0;
    for (std::int64_t r = row; r < row + count; ++r) {
      if (x < columns) {
        table[found++] = {static_cast<int>(r - first), output.at(y, x), residual.at(y, x), bias.at(y, x)};
      }
      if (++x == pitch) x = 0, ++y;
    }
    return found;
  }
};

class AmxConvolution final : public Kernel {
 public:
  AmxConvolution(const ConvDesc& desc, const AmxKernels& kernels)
      : desc_(desc),
        kernels_(kernels),
        geometry_(desc),
        weights_(desc, geometry_),
        epilogue_(epilogue_of(desc)),
        output_(desc.output),
        residual_(desc.residual ? desc.residual_map : desc.output) {}

  std::size_t packed_bytes() const override { return weights_.bytes(); }
  void pack_integer(const IntegerWeights& weights, std::span<std::byte> packed) const override {
    weights_.pack(weights, packed);
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    weights_.pack(weights[0], desc_.has_bias ? weights[1] : std::span<const float>(), packed);
  }
  // The sums of two panels, then the copy of a band's input.
  std::size_t scratch_bytes(int images) const override {
    return static_cast<std::size_t>(2 * kBlockSumsBytes + geometry_.copy_bytes(images));
  }
  // A row reads its residual before it writes its output, and no other row reads it.
  bool in_place(int input) const override { return input == 1; }

  void run(const Call& call) const noexcept override {
    const InPlace rows = rows_in_place(call);
    const AmxGrid grid(grid_size(call, rows), panels(), call.workers);
    const Share mine = share_of(grid.bands() * grid.parts(), call.worker, call.workers);
    if (mine.begin == mine.end) return;
    // Fewer rows than a block has are all that the tiles may read.
    const bool few = geometry_.in_place() && rows.rows < kBlockRows;
    const auto available = static_cast<int>(few ? rows.rows : kBlockRows);
    kernels_.configure({std::min(available, kTileRows), std::max(available - kTileRows, 1)});
    for (std::int64_t item = mine.begin; item < mine.end; ++item) {
      const Share part = share_of(panels(), static_cast<int>(item % grid.parts()), grid.parts());
      for (std::int64_t group = 0; group < desc_.groups; ++group) {
        run_band({call, rows, grid.band(item / grid.parts()), group, part});
      }
    }
    kernels_.release();
  }

 private:
  /// Rows of input that lie one step apart in the tensor itself.
  struct InPlace {
    std::int64_t images = 0;  // that such a run of rows spans
    std::int64_t rows = 0;    // of the run
    std::int64_t step = 0;
  };
  /// One group of channels of one band, for some panels.
  struct Item {
    const Call& call;
    const InPlace& in_place;
    AmxBand band;
    std::int64_t group;
    Share panels;
  };

  std::int64_t panels() const { return divide_up(weights_.channel_blocks(), kPanelTiles); }
  std::int64_t input_element() const { return static_cast<std::int64_t>(size_of(desc_.input.type)); }

  InPlace rows_in_place(const Call& call) const {
    const std::int64_t image_bytes = call.inputs[0].image_stride * input_element();
    if (geometry_.source() == AmxGeometry::Source::kWholeMap) return {call.images, call.images, image_bytes};
    const std::int64_t step = geometry_.row_step(), pixels = desc_.input.pixels();
    const int images = call.images > 1 && image_bytes == pixels * step ? call.images : 1;
    return {images, images * pixels, step};
  }

  AmxGridSize grid_size(const Call& call, const InPlace& rows) const {
    if (!geometry_.in_place()) {
      return {call.images, desc_.output.height, geometry_.row_pitch(), geometry_.max_images(call.images),
              geometry_.max_rows()};
    }
    const std::int64_t most = std::max<std::int64_t>(kInputBytes / (kBlockRows * depth_bytes()), 1);
    return {call.images / rows.images, divide_up(rows.rows, kBlockRows), kBlockRows, 1, most};
  }
  /// Of the input that goes into one output.
  std::int64_t depth_bytes() const {
    return static_cast<std::int64_t>(geometry_.taps().size()) * geometry_.tap_bytes();
  }

  void run_band(const Item& item) const noexcept {
    const Call& call = item.call;
    std::byte* const copy = call.scratch + 2 * kBlockSumsBytes;
    if (!geometry_.in_place()) {
      for (std::int64_t i = 0; i < item.band.images; ++i) {
        const std::byte* image =
            call.inputs[0].data + (item.band.image + i) * call.inputs[0].image_stride * input_element();
        geometry_.copy(image, item.group, item.band.unit, item.band.units,
                       copy + i * geometry_.image_bytes());
      }
    }
    const AmxLayer layer = {.steps = geometry_.step_offsets().data(),
                            .step_count = static_cast<std::int64_t>(geometry_.steps().size()),
                            .row_step = geometry_.in_place() ? item.in_place.step : geometry_.row_step(),
                            .weights = weights_.tiles(call.weights, item.group),
                            .multipliers = weights_.multipliers(call.weights, item.group),
                            .epilogue = &epilogue_,
                            .output_block_step = output_.block,
                            .residual_block_step = residual_.block};
    const std::int64_t panel_bytes = layer.step_count * kPanelTiles * kTileBytes;
    const std::int64_t chunk = std::max<std::int64_t>(kChunkBytes / panel_bytes, 1);
    AmxPipeline pipeline = {.sums = call.scratch};
    std::array<std::array<AmxOutput, kBlockRows>, 2> tables;  // the last block's is needed for one more
    std::size_t table = 0;
    for (std::int64_t first = item.panels.begin; first < item.panels.end; first += chunk) {
      const std::int64_t block = first * kPanelTiles;
      const std::int64_t blocks =
          std::min(std::min(first + chunk, item.panels.end) * kPanelTiles, weights_.channel_blocks()) - block;
      for (std::int64_t i = 0; i < item.band.images; ++i) {
        const Span span = geometry_.in_place() ? span_in_place(item, item.band.image + i)
                                               : span_of_copy(item, i, copy + i * geometry_.image_bytes());
        for (std::int64_t row = span.begin; row < span.end; row += kBlockRows) {
          const std::int64_t count = std::min<std::int64_t>(span.end - row, kBlockRows);
          const int row_tiles = count > kTileRows ? 2 : 1;
          // At the end of a tensor the tiles begin earlier, over rows that are done.
          const std::int64_t start =
              std::max(std::min(row, span.readable - row_tiles * kTileRows), std::int64_t{0});
          const int outputs = span.outputs(start, row, count, tables[table].data());
          if (outputs == 0) continue;
          kernels_.multiply({&layer, span.input + start * layer.row_step, row_tiles, block, blocks,
                             tables[table].data(), outputs},
                            pipeline);
          table ^= 1;
        }
      }
    }
    kernels_.finish(pipeline);
  }

  Span span_in_place(const Item& item, std::int64_t run) const {
    const Call& call = item.call;
    const std::int64_t image = run * item.in_place.images, pixels = desc_.output.pixels();
    Span span = lines(item, image, 0);
    span.input = call.inputs[0].data + image * call.inputs[0].image_stride * input_element() +
                 item.group * geometry_.group_bytes();
    span.begin = item.band.unit * kBlockRows;
    span.end = std::min((item.band.unit + item.band.units) * kBlockRows, item.in_place.rows);
    span.readable = item.in_place.rows;
    span.pitch = span.columns = pixels;
    span.output.line = call.output.image_stride * output_.element;
    if (desc_.residual) span.residual.line = call.inputs[1].image_stride * residual_.element;
    return span;
  }

  Span span_of_copy(const Item& item, std::int64_t image, const std::byte* copy) const {
    const std::int64_t width = desc_.output.width;
    Span span = lines(item, item.band.image + image, item.band.unit * width);
    span.input = copy;
    span.begin = 0;
    span.end = (item.band.units - 1) * geometry_.row_pitch() + width;
    span.readable = span.end + kBlockRows;
    span.pitch = geometry_.row_pitch();
    span.columns = width;
    span.output.line = width * span.output.pixel;
    span.residual.line = width * span.residual.pixel;
    span.bias.line = width * span.bias.pixel;
    return span;
  }

  /// Outputs, residuals and biases from a pixel of an image on.
  Span lines(const Item& item, std::int64_t image, std::int64_t pixel) const {
    const Call& call = item.call;
    const std::int64_t group_block = item.group * weights_.channel_blocks();
    const auto place = [&](const Operand& operand, const Steps& steps) {
      return operand.data + image * operand.image_stride * steps.element + pixel * steps.pixel +
             group_block * steps.block;
    };
    Span span{};
    span.output = {place(call.output, output_), output_.pixel};
    if (desc_.residual) span.residual = {place(call.inputs[1], residual_), residual_.pixel};
    const std::int64_t bias_pixel = weights_.bias_pixel_bytes();
    span.bias = {weights_.bias(call.weights, item.group) + pixel * bias_pixel, bias_pixel};
    return span;
  }

  const ConvDesc desc_;
  const AmxKernels& kernels_;
  const AmxGeometry geometry_;
  const AmxWeights weights_;
  const Epilogue epilogue_;
  const Steps output_, residual_;
};

bool computable(const ConvDesc& desc) {
  if (desc.output.padded_channels() % kChannelBlock != 0) return false;
  const std::int64_t in = desc.input.channels / desc.groups, out = desc.output.channels / desc.groups;
  return desc.groups == 1 || (in % kChannelQuad == 0 && out % kChannelBlock == 0);
}

}  // namespace

// As measured on a CPU with tiles (cycles at 3.5 GHz): a product takes 16 cycles; finishing 16 sums costs 1.3
// beside it, and 2.9 where there are too few products to hide it; a line of 64 bytes is copied in 4. Such a
// CPU does twice as many other vector products in a cycle as the rates in convolution.h take for granted,
// hence the 2. Weights come from memory at 10 bytes a nanosecond, once a call.
double amx_cost(const ConvDesc& desc, int images) {
  if (!computable(desc)) return -1;
  const AmxGeometry geometry(desc);
  const bool by_pixel = geometry.source() == AmxGeometry::Source::kPixels;
  const auto rows = static_cast<double>(
      by_pixel ? desc.output.pixels() : (desc.output.height - 1) * geometry.row_pitch() + desc.output.width);
  const double sharing = geometry.in_place() ? images : 1;  // images that share blocks
  const double row_tiles = std::ceil(rows * sharing / kTileRows) / sharing;
  const auto columns = static_cast<double>(desc.output.blocks());
  const double weight_tiles = columns * static_cast<double>(geometry.steps().size());
  const double products = row_tiles * weight_tiles;
  const double sixteens = static_cast<double>(desc.output.pixels()) * columns;
  const double copied_lines = static_cast<double>(geometry.image_bytes() * desc.groups) / kTileRowBytes;
  const double cycles = std::max(16 * products + 1.3 * sixteens, 2.9 * sixteens) + 4 * copied_lines;
  return 2 * cycles / 3500 + weight_tiles * kTileBytes / 10e3 / images;
}

std::unique_ptr<Kernel> make_amx(const ConvDesc& desc, const AmxKernels& kernels) {
  return std::make_unique<AmxConvolution>(desc, kernels);
}

}  // namespace conv_dot

#ifdef OCTET_X86
#define OCTET_TILES(function, type, kernels)                               \
  double function##_cost(const OpDesc& desc, int images) {                 \
    const ConvDesc* conv = conv_dot::as_convolution(desc, DataType::type); \
    return conv == nullptr ? -1 : conv_dot::amx_cost(*conv, images);       \
  }                                                                        \
  std::unique_ptr<Kernel> function(const OpDesc& desc) {                   \
    return conv_dot::make_amx(std::get<ConvDesc>(desc), kernels);          \
  }

OCTET_TILES(conv_i8_tiles_amx, kUInt8, conv_dot::kAmxU8)
OCTET_TILES(conv_bf16_tiles_amx, kBFloat16, conv_dot::kAmxBf16)

#undef OCTET_TILES
#endif

}  // namespace octet::kernels
