// The driver of exact INT8 Winograd, the same for every instruction set. Tiles are numbered over all images
// of a call and taken in blocks:
//
//   for each tile of the block          V of all its points and channels
//   for each panel of output channels   (its U streams by, once a block)
//     for each row of points            its U is made, where W is what is kept
//       for each point                  products of U with V of all tiles that have the point
//     for each tile                     outputs
#include "kernels/conv_i8_winograd/winograd.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/direct.h"
#include "kernels/conv_i8_winograd/block.h"
#include "kernels/conv_i8_winograd/packing.h"
#include "kernels/conv_i8_winograd/subwindows.h"
#include "kernels/conv_i8_winograd/tiles.h"
#include "kernels/work_share.h"

namespace octet::kernels::conv_i8_winograd {
namespace {

constexpr std::int64_t kLine = static_cast<std::int64_t>(base::kCacheLine);
constexpr std::int64_t kHeader = kLine;  // of the packed weights: zeros if what follows is for the direct way

// Transforming a tile's input takes a sixth of its products with a panel, and reading a panel's U the
// products of some 16 tiles.
constexpr std::int64_t kProductsOfInput = 6, kWeightTiles = 16;

// Of a worker: shares differ by one, so with ten they are within a tenth.
constexpr std::int64_t kTilesOfAnEvenShare = 10;

/// Whole lines of the instruction set's that hold the input channels of one group of the convolution.
std::int64_t lines_of(const ConvDesc& desc, const InstructionSet& isa) {
  return conv_dot::divide_up(desc.input.channels / desc.groups, isa.transforms->channels);
}

/// Channels that V holds: those of all subwindows, the last line of each of which reaches into the next
/// one's.
std::int64_t v_channels(const ConvDesc& desc, const InstructionSet& isa) {
  const int before_last = Subwindows(desc.window).count() - 1;
  return before_last * (desc.input.channels / desc.groups) + lines_of(desc, isa) * isa.transforms->channels;
}

class WinogradConvolution final : public Kernel {
 public:
  WinogradConvolution(const ConvDesc& desc, const InstructionSet& isa, Stored stored, Condition condition)
      : desc_(desc),
        isa_(isa),
        condition_(condition),
        direct_(conv_dot::make_direct(desc, *isa.direct)),
        tiling_(desc.output),
        weights_(desc, isa.lanes, stored),
        single_panels_(shares_of(1)),
        whole_lines_(shares_of(kLine / static_cast<std::int64_t>(size_of(desc.output.type)))),
        layout_(v_channels(desc, isa), isa.lanes, isa.rows),
        epilogue_(conv_dot::epilogue_of(desc)),
        bounded_epilogue_(conv_dot::bounded(epilogue_)),
        output_(desc.output),
        residual_(desc.residual_map) {
    sums_.output = conv_dot::Output::kSums;
    const auto zero = static_cast<std::byte>(desc.input.quantization.zero_point);
    // A line may end behind the last channel.
    halo_.assign(static_cast<std::size_t>(desc.input.channels + kLine), zero);
    for (std::size_t c = 0; c < desc.halo.size(); ++c) halo_[c] = std::byte{desc.halo[c]};
  }

  std::size_t packed_bytes() const override {
    return kHeader + std::max(weights_.bytes(), direct_->packed_bytes());
  }
  void pack_integer(const IntegerWeights& weights, std::span<std::byte> packed) const override;
  std::size_t scratch_bytes(int images) const override {
    const std::int64_t tiles = std::min<std::int64_t>(kMostTiles, tiling_.tiles_of_image() * images);
    return std::max(static_cast<std::size_t>(u_row_bytes() + layout_.bytes(tiles)),
                    direct_->scratch_bytes(images));
  }
  // A tile reads its residual before it writes its output, and no other tile reads it.
  bool in_place(int input) const override { return input == 1; }
  void run(const Call& call) const noexcept override;
  /// Of weights that fit; others run as direct_.
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    std::int64_t macs = 0;
    for_each_block(images, worker, workers, [&](Share tiles, Share panels) {
      std::int64_t products = 0;  // of a tile's points, all tiles
      for (std::int64_t t = tiles.begin; t < tiles.end; ++t) {
        const Tile tile = tiling_.tile(t);
        products += weights_.subwindows().points(tile.height, tile.width);
      }
      for (std::int64_t p = panels.begin; p < panels.end; ++p)
        macs += products * weights_.pairs() * 2 * weights_.panels()[static_cast<std::size_t>(p)].lanes;
    });
    return macs;
  }

 private:
  /// Panels that workers share out, some at a time: how many, and their lanes, before each share and at last.
  struct PanelShares {
    std::vector<std::int64_t> panels = {0}, lanes = {0};
    std::int64_t count() const { return static_cast<std::int64_t>(panels.size()) - 1; }
  };
  /// Shares that end where the panels' last channel is a multiple of `channels`.
  PanelShares shares_of(std::int64_t channels) const {
    PanelShares shares;
    const auto& panels = weights_.panels();
    for (std::size_t p = 0; p < panels.size(); ++p) {
      const std::int64_t end = panels[p].channel + panels[p].lanes;
      if (end % channels != 0 && p + 1 < panels.size()) continue;
      shares.panels.push_back(static_cast<std::int64_t>(p) + 1);
      shares.lanes.push_back(end);
    }
    return shares;
  }

  /// Calls f(tiles, panels) for blocks of tiles, numbered over a call's images, that are together the
  /// worker's share. Two workers that write into one cache line take it from each other, so each has panels
  /// that fill a pixel's lines, as long as these are fine enough to be shared out evenly.
  template <typename F>
  void for_each_block(int images, int worker, int workers, F&& f) const {
    const std::int64_t tiles = tiling_.tiles_of_image() * images;
    const bool fine = tiles * whole_lines_.count() >= kTilesOfAnEvenShare * workers;
    const PanelShares& shares = fine ? whole_lines_ : single_panels_;
    const OutputSpace space{.columns = tiles,
                            .panels = shares.lanes,
                            .input_lanes = isa_.lanes / kProductsOfInput,
                            .weight_pixels = kWeightTiles};
    WorkShare(space, worker, workers).for_each_tile({.columns = kMostTiles}, [&](const WorkTile& block) {
      f(Share{block.column, block.column + block.columns},
        Share{shares.panels[static_cast<std::size_t>(block.panels.begin)],
              shares.panels[static_cast<std::size_t>(block.panels.end)]});
    });
  }

  /// Scratch, before the block's, for a row of U of a panel, where that is made.
  std::int64_t u_row_bytes() const {
    return weights_.stored() == Stored::kW ? kSide * weights_.plane_bytes(isa_.lanes) : 0;
  }

  void run_block(const Call& call, Share tiles, Share panels) const;
  void transform_inputs(const Call& call, std::int64_t group, const Block& block) const;
  void list_pixels(const Tile& tile, int subwindow, const std::byte* image, const std::byte* halo,
                   const std::byte** pixels) const;
  void multiply(const Call& call, const conv_dot::Panel& panel, const Block& block) const;
  void transform_outputs(const Call& call, std::size_t panel, const Block& block) const;

  const ConvDesc desc_;
  const InstructionSet isa_;
  const Condition condition_;
  const std::unique_ptr<Kernel> direct_;
  const Tiling tiling_;
  const PackedWeights weights_;
  const PanelShares single_panels_, whole_lines_;
  const BlockLayout layout_;
  const conv_dot::Epilogue epilogue_, bounded_epilogue_;  // for the panels that allow the second
  conv_dot::Epilogue sums_{};                             // of the products
  const conv_dot::Steps output_, residual_;
  std::vector<std::byte> halo_;  // one pixel
};

void WinogradConvolution::pack_integer(const IntegerWeights& weights, std::span<std::byte> packed) const {
  const bool winograd = condition_ == Condition::kIgnored || fits(weights.weights, desc_.output.channels);
  std::memset(packed.data(), winograd ? 1 : 0, kHeader);
  const std::span<std::byte> rest = packed.subspan(kHeader);
  const std::size_t used = winograd ? weights_.bytes() : direct_->packed_bytes();
  if (winograd) {
    weights_.pack(weights, rest.first(used));
  } else {
    direct_->pack_integer(weights, rest.first(used));
  }
  std::fill(rest.begin() + static_cast<std::ptrdiff_t>(used), rest.end(), std::byte{0});
}

void WinogradConvolution::run(const Call& call) const noexcept {
  Call own = call;
  own.weights += kHeader;
  if (call.weights[0] == std::byte{0}) return direct_->run(own);
  for_each_block(call.images, call.worker, call.workers,
                 [&](Share tiles, Share panels) { run_block(own, tiles, panels); });
}

void WinogradConvolution::run_block(const Call& call, Share tiles, Share panels) const {
  const Block& block = layout_.place(tiling_, tiles, call.scratch + u_row_bytes());
  std::int64_t group = -1;
  for (std::int64_t i = panels.begin; i < panels.end; ++i) {
    const conv_dot::Panel& panel = weights_.panels()[static_cast<std::size_t>(i)];
    if (panel.group != group) {
      group = panel.group;
      transform_inputs(call, group, block);
    }
    multiply(call, panel, block);
    transform_outputs(call, static_cast<std::size_t>(i), block);
  }
}

void WinogradConvolution::transform_inputs(const Call& call, std::int64_t group, const Block& block) const {
  const std::int64_t channels = desc_.input.channels / desc_.groups, channel = group * channels;
  const Operand& input = call.inputs[0];
  const std::byte* pixels[kPoints];
  InputTile in{pixels, lines_of(desc_, isa_), block.v, block.v_point};
  for (int t = 0; t < block.count; ++t) {
    const Tile& tile = block.tiles[t];
    const std::byte* const image = input.data + tile.image * input.image_stride + channel;
    const auto transform =
        isa_.transforms->input[static_cast<int>(tile.height)][static_cast<int>(tile.width)];
    for (int s = 0; s < weights_.subwindows().count(); ++s) {  // in this order: see v_channels
      list_pixels(tile, s, image, halo_.data() + channel, pixels);
      in.v = block.v + t * layout_.v_tile() + s * channels * 2;
      transform(in);
    }
  }
}

// `image`, `halo`: the first channel to read.
void WinogradConvolution::list_pixels(const Tile& tile, int subwindow, const std::byte* image,
                                      const std::byte* halo, const std::byte** pixels) const {
  const std::int64_t step = desc_.input.pixel_step(), row_step = desc_.input.width * step;
  const std::int64_t height = desc_.input.height, width = desc_.input.width;
  const std::int64_t top = tile.y - desc_.window.pad_top + weights_.subwindows().top(subwindow);
  const std::int64_t left = tile.x - desc_.window.pad_left + weights_.subwindows().left(subwindow);
  const int rows = inputs_of(tile.height), columns = inputs_of(tile.width);
  const std::byte* row = image + top * row_step + left * step;
  if (top >= 0 && left >= 0 && top + rows <= height && left + columns <= width) {
    for (int y = 0; y < rows; ++y, row += row_step)
      for (int x = 0; x < kSide; ++x) pixels[y * kSide + x] = row + x * step;
    return;
  }
  for (int y = 0; y < rows; ++y, row += row_step) {
    const bool inside = top + y >= 0 && top + y < height;
    for (int x = 0; x < columns; ++x)
      pixels[y * kSide + x] = inside && left + x >= 0 && left + x < width ? row + x * step : halo;
  }
}

void WinogradConvolution::multiply(const Call& call, const conv_dot::Panel& panel, const Block& block) const {
  alignas(kLine) static constexpr std::int32_t kZeros[32] = {};
  const std::byte *zeros[conv_dot::kMaxRows], *first_sums[conv_dot::kMaxRows];
  std::fill_n(zeros, isa_.rows, reinterpret_cast<const std::byte*>(kZeros));
  std::fill_n(first_sums, isa_.rows, weights_.first_sums(call.weights) + panel.channel * 4);

  const auto& functions = isa_.products->fast.block[panel.lanes / kChannelBlock - 1];
  const Subwindows& subwindows = weights_.subwindows();
  const std::int64_t v_subwindow = desc_.input.channels / desc_.groups * 2;
  std::int64_t taps[kMostSubwindows];
  conv_dot::Block product{};
  product.taps = taps;
  product.groups = weights_.pairs();
  product.epilogue = &sums_;
  const std::int64_t plane = weights_.plane_bytes(panel.lanes), lines = panel.lanes * 4 / kLine;
  const std::byte* row = call.weights + panel.weights;
  for (int i = 0; i < kSide; ++i) {
    const std::byte* const next = row + weights_.planes_of_row(i) * plane;
    product.weights = row;
    if (weights_.stored() == Stored::kW) {
      isa_.transforms->weights({row, call.scratch, plane});
      product.weights = call.scratch;
    }
    for (int j = 0; j < kSide; ++j) {
      const int point = i * kSide + j;
      const Rows& rows = block.rows_of(point);
      product.bias = point == kCentrePoint ? first_sums : zeros;
      product.tap_count = 0;
      for (int s = 0; s < subwindows.count(); ++s) {
        if (subwindows.has_point(s, point))
          taps[product.tap_count++] = point * block.v_point + s * v_subwindow;
      }
      // What is read next of the weights, which the first products of a point fetch, one line of each pair of
      // channels: the next point of U, or of W, while there is some, a part of the next row.
      const std::byte* soon = nullptr;
      if (weights_.stored() == Stored::kU) {
        soon = product.weights + product.tap_count * plane;
      } else if (j < weights_.planes_of_row(i)) {
        soon = next + j * plane;
      }
      for (int part = 0; part < rows.parts; ++part) {
        const int begin = rows.begins[part];
        product.input = rows.v + begin;
        product.output = block.sums[point] + begin;
        product.ahead = soon != nullptr && part < lines ? soon - product.weights + part * kLine : 0;
        functions[rows.begins[part + 1] - begin - 1](product);
      }
      product.weights += product.tap_count * plane;
    }
    row = next;
  }
}

void WinogradConvolution::transform_outputs(const Call& call, std::size_t index, const Block& block) const {
  const conv_dot::Panel& panel = weights_.panels()[index];
  OutputTile out{};
  out.point_step = block.m_point;
  out.epilogue = weights_.bounded(call.weights, index) ? &bounded_epilogue_ : &epilogue_;
  out.row_step = output_.pixel * desc_.output.width;
  out.pixel_step = output_.pixel;
  out.residual_row_step = residual_.pixel * desc_.output.width;
  out.residual_pixel_step = residual_.pixel;
  for (int t = 0; t < block.count; ++t) {
    const Tile& tile = block.tiles[t];
    const std::int64_t pixel = tile.y * desc_.output.width + tile.x;
    const auto place = [&](const Operand& operand, const conv_dot::Steps& steps) {
      return operand.data + tile.image * operand.image_stride * steps.element + pixel * steps.pixel +
             panel.channel / kChannelBlock * steps.block;
    };
    out.m = block.m + t * layout_.m_tile();
    out.bias = weights_.bias(call.weights) + panel.channel;
    out.multipliers = weights_.multipliers(call.weights) + panel.channel;
    out.output = place(call.output, output_);
    if (desc_.residual) out.residual = place(call.inputs[1], residual_);
    const auto transform =
        isa_.transforms->output[static_cast<int>(tile.height)][static_cast<int>(tile.width)];
    for (int lane = 0; lane < panel.lanes; lane += kChannelBlock) {
      transform(out);
      out.m += kChannelBlock * 4;
      out.bias += kChannelBlock;
      out.multipliers += kChannelBlock;
      out.output += output_.block;
      if (desc_.residual) out.residual += residual_.block;
    }
  }
}

}  // namespace

const ConvDesc* as_winograd(const OpDesc& op) {
  if (conv_dot::direct_cost(op, DataType::kUInt8, 1) < 0) return nullptr;
  const ConvDesc& desc = std::get<ConvDesc>(op);
  const WindowDesc& w = desc.window;
  const auto divisible = [](std::int64_t taps) { return taps >= kTaps && taps <= kLargestWindow; };
  const bool window = divisible(w.kernel_h) && divisible(w.kernel_w) && w.stride_h == 1 && w.stride_w == 1 &&
                      w.dilation_h == 1 && w.dilation_w == 1;
  const std::int64_t in = desc.input.channels / desc.groups, out = desc.output.channels / desc.groups;
  const bool pairs = Subwindows(w).count() == 1 || in % 2 == 0;
  const bool blocks = in % kChannelBlock == 0 && out % kChannelBlock == 0;
  const bool channels = in >= kChannelBlock && (desc.groups == 1 || blocks);
  const bool tiles = desc.output.height >= 2 && desc.output.width >= 2;
  return window && pairs && channels && tiles && !desc.bias_map ? &desc : nullptr;
}

std::unique_ptr<Kernel> make_winograd(const ConvDesc& desc, const InstructionSet& isa, Stored stored,
                                      Condition condition) {
  return std::make_unique<WinogradConvolution>(desc, isa, stored, condition);
}

}  // namespace octet::kernels::conv_i8_winograd
