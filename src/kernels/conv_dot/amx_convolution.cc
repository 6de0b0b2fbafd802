// The driver of convolution by tiles. For each band of output rows (or images):
//
//   copy the band's input into scratch, unless it is read in place
//   for each chunk of panels           (their weights stay in the second-level cache)
//     for each block of 32 rows        (its input stays in the first-level cache)
//       tile kernels, over all panels of the chunk
//
// A fully connected layer is the convolution whose window is the whole map. Its weights are most of what it
// reads: all of a worker's images are one band, so that weights come from memory once, and workers share the
// panels (and rows only if they are more than these).
#include "kernels/conv_dot/amx_convolution.h"

#include <algorithm>
#include <vector>

#include "kernels/conv_dot/amx_geometry.h"
#include "kernels/conv_dot/amx_packing.h"
#include "kernels/conv_dot/amx_rows.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/families.h"
#include "kernels/work_share.h"

namespace octet::kernels {
namespace conv_dot {
namespace {

// Beside each other in a second-level cache of 2 MiB: the weights of a chunk, and the input of a band that is
// read in place. A whole map's input is read again for each chunk, however large it is.
constexpr std::int64_t kChunkBytes = 1024 * 1024, kWholeMapChunkBytes = 512 * 1024;
constexpr std::int64_t kInputBytes = 512 * 1024;
// Beside each other in a first-level cache of 48 KiB: a block's input, its sums and the weights of a chunk.
constexpr std::int64_t kFirstLevelBytes = 40 * 1024;

class AmxConvolution final : public Kernel {
 public:
  AmxConvolution(const ConvDesc& desc, const AmxKernels& kernels)
      : desc_(desc),
        kernels_(kernels),
        geometry_(desc),
        epilogue_(epilogue_of(desc)),
        weights_(desc, geometry_, epilogue_),
        output_(desc.output),
        residual_(desc.residual ? desc.residual_map : desc.output) {
    constexpr std::int64_t kPanelLanes = kPanelTiles * kChannelBlock;
    const std::int64_t lanes = weights_.channel_blocks() * kChannelBlock;
    for (std::int64_t panel = 1; panel <= panels(); ++panel)
      lanes_before_.push_back(std::min(panel * kPanelLanes, lanes));
  }

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
    const InPlace rows = rows_in_place(call.images, call.inputs[0].image_stride * input_element());
    bool configured = false;
    for_each_band(call.images, call.worker, call.workers, rows, [&](const Band& band, Share some_panels) {
      if (!configured) configure(rows);
      configured = true;
      for (std::int64_t group = 0; group < desc_.groups; ++group)
        run_band({call, rows, band, group, some_panels});
    });
    if (configured) kernels_.release();
  }
  /// Of images that lie next to each other.
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    const InPlace rows = rows_in_place(images, desc_.input.elements() * input_element());
    std::int64_t tiles = 0;  // of outputs
    for_each_band(images, worker, workers, rows, [&](const Band& band, Share some_panels) {
      const std::int64_t blocks = std::min(some_panels.end * kPanelTiles, weights_.channel_blocks()) -
                                  some_panels.begin * kPanelTiles;
      tiles += band.images * divide_up(band.units * unit_rows(), kTileRows) * blocks;
    });
    const auto steps = static_cast<std::int64_t>(geometry_.steps().size());
    return tiles * desc_.groups * steps * kTileRows * kChannelBlock * kTileRowBytes / input_element();
  }

 private:
  /// Rows of input that lie one step apart in the tensor itself.
  struct InPlace {
    std::int64_t images = 0;  // that such a run of rows spans
    std::int64_t rows = 0;    // of the run
    std::int64_t step = 0;
  };
  /// Units [unit, unit + units) of each of `images` images, or in place of runs of rows: a unit is an output
  /// row, or in place as many rows of input as a tile has.
  struct Band {
    std::int64_t image = 0, images = 1;
    std::int64_t unit = 0, units = 0;
  };
  /// One group of channels of one band, for some panels.
  struct Item {
    const Call& call;
    const InPlace& in_place;
    Band band;
    std::int64_t group;
    Share panels;
  };

  bool whole_map() const { return geometry_.source() == AmxGeometry::Source::kWholeMap; }
  std::int64_t panels() const { return divide_up(weights_.channel_blocks(), kPanelTiles); }
  std::int64_t input_element() const { return static_cast<std::int64_t>(size_of(desc_.input.type)); }

  InPlace rows_in_place(int call_images, std::int64_t image_bytes) const {
    if (whole_map()) return {call_images, call_images, image_bytes};
    const std::int64_t step = geometry_.row_step(), pixels = desc_.input.pixels();
    const int images = call_images > 1 && image_bytes == pixels * step ? call_images : 1;
    return {images, images * pixels, step};
  }

  std::int64_t unit_rows() const { return geometry_.in_place() ? kTileRows : geometry_.row_pitch(); }

  /// Calls f(band, panels) for the worker's share of a call.
  template <typename F>
  void for_each_band(int images, int worker, int workers, const InPlace& rows, F&& f) const {
    OutputSpace space{.images = images, .rows = desc_.output.height, .panels = lanes_before_};
    TileLimits limits{geometry_.max_images(images), geometry_.max_rows(), 1};
    if (geometry_.in_place()) {
      space.images = images / rows.images;
      space.rows = divide_up(rows.rows, kTileRows);
      limits = {1, space.rows, 1};  // cut below, between blocks
    }
    // Reading a panel's weights takes as long as multiplying 128 rows by them; from memory, four times that.
    space.weight_pixels = (whole_map() ? 512 : 128) / unit_rows();
    WorkShare(space, worker, workers).for_each_tile(limits, [&](const WorkTile& tile) {
      const Band band{tile.image, tile.images, tile.row, tile.rows};
      if (geometry_.in_place())
        cut_between_blocks(band, [&](const Band& piece) { f(piece, tile.panels); });
      else
        f(band, tile.panels);
    });
  }
  /// Bands of whole blocks but for the last one, whose inputs fit into the cache.
  template <typename F>
  void cut_between_blocks(const Band& band, F&& f) const {
    constexpr std::int64_t kBlockUnits = kBlockRows / kTileRows;
    const std::int64_t blocks = divide_up(band.units, kBlockUnits);
    // A fully connected layer's weights are read once: all of its rows are one band.
    const std::int64_t most =
        whole_map() ? blocks : std::max<std::int64_t>(kInputBytes / (kBlockRows * depth_bytes()), 1);
    const auto pieces = static_cast<int>(divide_up(blocks, most));
    for (int piece = 0; piece < pieces; ++piece) {
      const Share some = share_of(blocks, piece, pieces);
      const std::int64_t begin = some.begin * kBlockUnits, end = std::min(some.end * kBlockUnits, band.units);
      f(Band{band.image, band.images, band.unit + begin, end - begin});
    }
  }

  void configure(const InPlace& rows) const {
    // Fewer rows than a block has are all that the tiles may read.
    const bool few = geometry_.in_place() && rows.rows < kBlockRows;
    const auto available = static_cast<int>(few ? rows.rows : kBlockRows);
    kernels_.configure({std::min(available, kTileRows), std::max(available - kTileRows, 1)});
  }

  /// Of the input that goes into one output.
  std::int64_t depth_bytes() const {
    return static_cast<std::int64_t>(geometry_.taps().size()) * geometry_.tap_bytes();
  }
  std::int64_t panel_bytes() const {
    return static_cast<std::int64_t>(geometry_.steps().size()) * kPanelTiles * kTileBytes;
  }

  void run_band(const Item& item) const noexcept {
    std::byte* const copy = item.call.scratch + 2 * kBlockSumsBytes;
    if (!geometry_.in_place()) copy_band(item, copy);
    const std::int64_t most = whole_map() ? kWholeMapChunkBytes : kChunkBytes;
    const std::int64_t panels = item.panels.end - item.panels.begin;
    const auto chunks = static_cast<int>(std::min(divide_up(panels * panel_bytes(), most), panels));
    const AmxLayer layer = layer_of(item, divide_up(panels, chunks) * panel_bytes());
    AmxBlockQueue queue(kernels_, layer, item.call.scratch);
    for (int i = 0; i < chunks; ++i) {
      const Share chunk = share_of(panels, i, chunks);
      const std::int64_t first = (item.panels.begin + chunk.begin) * kPanelTiles;
      const std::int64_t end = (item.panels.begin + chunk.end) * kPanelTiles;
      queue.set_channels(first, std::min(end, weights_.channel_blocks()) - first);
      for (std::int64_t image = 0; image < item.band.images; ++image) {
        queue.multiply(geometry_.in_place()
                           ? span_in_place(item, item.band.image + image)
                           : span_of_copy(item, image, copy + image * geometry_.image_bytes()));
      }
      queue.flush();
    }
    queue.finish();
  }

  void copy_band(const Item& item, std::byte* copy) const {
    const Operand& input = item.call.inputs[0];
    for (std::int64_t i = 0; i < item.band.images; ++i) {
      geometry_.copy(input.data + (item.band.image + i) * input.image_stride * input_element(), item.group,
                     item.band.unit, item.band.units, copy + i * geometry_.image_bytes());
    }
  }

  AmxLayer layer_of(const Item& item, std::int64_t chunk_bytes) const {
    const std::byte* const packed = item.call.weights;
    const std::int64_t first_level = kBlockRows * depth_bytes() + 2 * kBlockSumsBytes + chunk_bytes;
    return {.steps = geometry_.step_offsets().data(),
            .step_count = static_cast<std::int64_t>(geometry_.steps().size()),
            .row_step = geometry_.in_place() ? item.in_place.step : geometry_.row_step(),
            .weights = weights_.tiles(packed, item.group),
            .stream_weights = first_level > kFirstLevelBytes,
            .proofs = weights_.proofs(packed, item.group),
            .multipliers = weights_.multipliers(packed, item.group),
            .epilogue = &epilogue_,
            .bias_map = desc_.bias_map && desc_.output.pixels() > 1,
            .output_block_step = output_.block,
            .residual_block_step = residual_.block};
  }

  AmxSpan span_in_place(const Item& item, std::int64_t run) const {
    const Call& call = item.call;
    const std::int64_t image = run * item.in_place.images, pixels = desc_.output.pixels();
    AmxSpan span = lines(item, image, 0);
    span.input = call.inputs[0].data + image * call.inputs[0].image_stride * input_element() +
                 item.group * geometry_.group_bytes();
    span.begin = item.band.unit * kTileRows;
    span.end = std::min((item.band.unit + item.band.units) * kTileRows, item.in_place.rows);
    span.readable = item.in_place.rows;
    span.pitch = span.columns = pixels;
    span.output.line = call.output.image_stride * output_.element;
    if (desc_.residual) span.residual.line = call.inputs[1].image_stride * residual_.element;
    return span;
  }

  AmxSpan span_of_copy(const Item& item, std::int64_t image, const std::byte* copy) const {
    const std::int64_t width = desc_.output.width;
    AmxSpan span = lines(item, item.band.image + image, item.band.unit * width);
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
  AmxSpan lines(const Item& item, std::int64_t image, std::int64_t pixel) const {
    const Call& call = item.call;
    const std::int64_t group_block = item.group * weights_.channel_blocks();
    const auto place = [&](const Operand& operand, const Steps& steps) {
      return operand.data + image * operand.image_stride * steps.element + pixel * steps.pixel +
             group_block * steps.block;
    };
    AmxSpan span{};
    span.output = {place(call.output, output_), output_.pixel};
    if (desc_.residual) span.residual = {place(call.inputs[1], residual_), residual_.pixel};
    const std::int64_t bias_pixel = weights_.bias_pixel_bytes();
    span.bias = {weights_.bias(call.weights, item.group) + pixel * bias_pixel, bias_pixel};
    return span;
  }

  const ConvDesc desc_;
  const AmxKernels& kernels_;
  const AmxGeometry geometry_;
  const Epilogue epilogue_;
  const AmxWeights weights_;
  const Steps output_, residual_;
  std::vector<std::int64_t> lanes_before_ = {0};  // each panel, and at last all
};

}  // namespace

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
