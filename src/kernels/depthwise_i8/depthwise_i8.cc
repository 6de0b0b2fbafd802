// Depthwise convolution kernels of bytes: what does not depend on the instruction set. Packs weights, and for
// each share of the output interleaves input rows into scratch and multiplies from there.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/aligned_buffer.h"
#include "kernels/depthwise_i8/contract.h"
#include "kernels/depthwise_i8/geometry.h"
#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/integer/padding.h"

namespace octet::kernels {
namespace {

bool is_real(const FeatureMap& map) { return map.type == DataType::kFloat32; }
std::int16_t widen(std::int8_t weight) { return weight; }

class Depthwise final : public Kernel {
 public:
  Depthwise(const ConvDesc& desc, const DepthwiseI8Functions& functions)
      : desc_(desc),
        functions_(functions),
        geometry_(desc, functions.unit, functions.rows),
        lanes_(static_cast<std::int64_t>(geometry_.units().size()) * functions.unit),
        lane_bytes_(kDepthwiseLaneBytes * desc.window.kernel_w * geometry_.groups() *
                    geometry_.output_rows()) {
    // Parts of the packed weights, each on a cache line.
    const auto place = [this](std::size_t bytes) {
      const std::size_t at = packed_bytes_;
      packed_bytes_ += base::round_up(bytes, base::kCacheLine);
      return at;
    };
    const auto lanes = static_cast<std::size_t>(lanes_);
    const std::size_t biases = desc.bias_map ? static_cast<std::size_t>(desc.output.pixels()) : 1;
    weights_at_ = place(lanes * static_cast<std::size_t>(lane_bytes_));
    multipliers_at_ = place(lanes * sizeof(float));
    bias_at_ = place(lanes * biases * sizeof(std::int32_t));
    halo_at_ = place(static_cast<std::size_t>(desc.input.padded_channels()));
    bounded_at_ = place(1);
  }

  std::size_t packed_bytes() const override { return packed_bytes_; }

  void pack_integer(const IntegerWeights& from, std::span<std::byte> packed) const override {
    std::fill(packed.begin(), packed.end(), std::byte{0});
    for (const Unit& unit : geometry_.units())
      for (std::int64_t c = 0; c < std::min(unit.channels, desc_.input.channels - unit.first); ++c)
        for (std::int64_t part = 0; part < unit.parts; ++part)
          pack_channel(from, unit, c, lane_of(part * unit.channels + c, functions_.unit), packed.data());
    auto* halo = reinterpret_cast<std::uint8_t*>(packed.data() + halo_at_);
    std::fill_n(halo, desc_.input.padded_channels(),
                static_cast<std::uint8_t>(desc_.input.quantization.zero_point));
    std::copy(desc_.halo.begin(), desc_.halo.end(), halo);
    packed[bounded_at_] = std::byte{is_bounded(from)};
  }

  std::size_t scratch_bytes(int) const override {
    return rows_bytes() + static_cast<std::size_t>(geometry_.columns() * column_bytes());
  }
  // Each pixel's residual is read before its result is written.
  bool in_place(int input) const override {
    return input == 1 && desc_.residual_map.pixel_step() == desc_.output.pixel_step();
  }

  void run(const Call& call) const noexcept override {
    DepthwiseI8Tile tile = tile_of_layer(call);
    geometry_.for_each_item(
        call.images, call.worker, call.workers, [&](std::int64_t image, const Item& item) {
          const std::int64_t lane = item.unit.number * functions_.unit;
          tile.rows = item.rows, tile.channels = item.unit.channels;
          tile.weights = call.weights + weights_at_ + lane * lane_bytes_;
          tile.multipliers = reinterpret_cast<const float*>(call.weights + multipliers_at_) + lane;
          geometry_.for_each_stretch([&](const Stretch& stretch) {
            for (std::int64_t part = 0; part < item.parts; ++part)
              interleave(call, image, item, part, stretch);
            tile.pixels = stretch.pixels;
            tile.bias = reinterpret_cast<const std::int32_t*>(call.weights + bias_at_) + lane +
                        item.y * tile.bias_row_step + stretch.x * tile.bias_step;
            tile.output = address_of(call.output, desc_.output, image, item, stretch.x);
            if (desc_.residual)
              tile.residual = address_of(call.inputs[1], desc_.residual_map, image, item, stretch.x);
            functions_.multiply(tile);
          });
        });
  }

  std::int64_t worker_macs(int images, int worker, int workers) const override {
    std::int64_t outputs = 0;
    geometry_.for_each_item(images, worker, workers, [&](std::int64_t, const Item& item) {
      outputs += item.rows * desc_.output.width * item.unit.channels;
    });
    return outputs * desc_.window.kernel_h * desc_.window.kernel_w;
  }

 private:
  using Unit = DepthwiseGeometry::Unit;
  using Item = DepthwiseGeometry::Item;
  using Stretch = DepthwiseGeometry::Stretch;

  std::int64_t column_bytes() const { return geometry_.groups() * kDepthwiseLaneBytes * functions_.unit; }
  /// Scratch holds a part's input rows, as many rows of halo values, and a unit's interleaved columns.
  std::size_t rows_bytes() const {
    return base::round_up(2 * static_cast<std::size_t>(geometry_.input_rows()) * sizeof(DepthwiseI8Row),
                          base::kCacheLine);
  }

  /// A unit's channel c in one of its lanes.
  void pack_channel(const IntegerWeights& from, const Unit& unit, std::int64_t c, std::int64_t lane,
                    std::byte* packed) const {
    const std::int64_t channel = unit.first + c, first_lane = unit.number * functions_.unit;
    const std::int64_t taps = desc_.window.kernel_h * desc_.window.kernel_w, pixels = desc_.output.pixels();
    const auto at = static_cast<std::size_t>(channel);
    pack_weights(from.weights.subspan(at * static_cast<std::size_t>(taps), static_cast<std::size_t>(taps)),
                 lane, packed + weights_at_ + first_lane * lane_bytes_);
    reinterpret_cast<float*>(packed + multipliers_at_)[first_lane + lane] = from.multipliers[at];
    auto* bias = reinterpret_cast<std::int32_t*>(packed + bias_at_) + first_lane + lane;
    if (!desc_.bias_map) {
      *bias = from.bias[at];
      return;
    }
    for (std::int64_t p = 0; p < pixels; ++p)
      bias[p * lanes_] = from.bias_map[static_cast<std::size_t>(channel * pixels + p)];
  }

  /// Weights of one channel ({kh, kw}) into a lane of a unit's.
  void pack_weights(std::span<const std::int8_t> from, std::int64_t lane, std::byte* unit) const {
    const std::int64_t lanes = functions_.unit / 4, vector = lane / lanes;  // 4 vectors
    const std::int64_t kernel_w = desc_.window.kernel_w, rows = geometry_.output_rows();
    const std::int64_t lane_rows = functions_.rows;
    for (std::int64_t kx = 0; kx < kernel_w; ++kx)
      for (std::int64_t r = 0; r < geometry_.input_rows(); ++r)
        for (std::int64_t row = 0; row < rows; ++row) {
          const std::int64_t ky = geometry_.kernel_row(row, r);
          if (ky < 0) continue;
          const std::int64_t group = (vector * kernel_w + kx) * geometry_.groups() + r / lane_rows;
          std::byte* to = unit + ((group * rows + row) * lanes + lane % lanes) * kDepthwiseLaneBytes;
          const std::int8_t weight = from[static_cast<std::size_t>(ky * kernel_w + kx)];
          if (lane_rows == 4) {
            std::memcpy(to + r % 4, &weight, sizeof weight);
          } else {
            const std::int16_t wide = widen(weight);
            std::memcpy(to + r % 2 * 2, &wide, sizeof wide);
          }
        }
  }

  /// Whether no output is beyond +-2^31 before it is clamped (half of that, to have no roundings to care
  /// for).
  bool is_bounded(const IntegerWeights& from) const {
    const auto taps = static_cast<std::size_t>(desc_.window.kernel_h * desc_.window.kernel_w);
    const auto pixels = static_cast<std::size_t>(desc_.output.pixels());
    for (std::size_t c = 0; c < from.multipliers.size(); ++c) {
      double largest = 0;
      for (const std::int32_t bias :
           desc_.bias_map ? from.bias_map.subspan(c * pixels, pixels) : from.bias.subspan(c, 1))
        largest = std::max(largest, std::abs(static_cast<double>(bias)));
      for (const std::int8_t weight : from.weights.subspan(c * taps, taps)) largest += 255 * std::abs(weight);
      if (!(largest * std::abs(static_cast<double>(from.multipliers[c])) + 255 <= 0x1p30)) return false;
    }
    return true;
  }

  /// What all of a call's tiles share.
  DepthwiseI8Tile tile_of_layer(const Call& call) const noexcept {
    const FeatureMap& out = desc_.output;
    const bool mapped = desc_.bias_map;
    DepthwiseI8Tile tile{};
    tile.columns = call.scratch + rows_bytes();
    tile.pixel_step = desc_.window.stride_w * column_bytes();
    tile.tap_step = desc_.window.dilation_w * column_bytes();
    // Without dilation all groups of all kernel columns follow one another, so that one loop goes over them.
    const bool dense = desc_.window.dilation_w == 1;
    tile.taps = dense ? 1 : desc_.window.kernel_w;
    tile.groups = dense ? desc_.window.kernel_w * geometry_.groups() : geometry_.groups();
    tile.packed_rows = geometry_.output_rows();
    tile.bias_step = mapped ? lanes_ : 0, tile.bias_row_step = mapped ? out.width * lanes_ : 0;
    tile.real_output = is_real(out);
    tile.output_step = pixel_step(out), tile.output_row_step = out.width * tile.output_step;
    tile.output_plane = out.pixels() * kChannelBlock;
    tile.slope = desc_.relu ? desc_.relu->slope : 0;
    tile.rectified = desc_.relu.has_value();
    if (desc_.residual) {
      const FeatureMap& map = desc_.residual_map;
      tile.residual_step = pixel_step(map), tile.residual_row_step = map.width * tile.residual_step;
      tile.residual_plane = map.pixels() * kChannelBlock;
    }
    if (tile.real_output) {
      if (desc_.relu) tile.high = desc_.relu->limit;
      return tile;
    }
    const Quantization& q = out.quantization;
    tile.leaky = desc_.relu && tile.slope != 0;
    tile.zero = tile.addend = static_cast<float>(q.zero_point);
    const integer::Range range = integer::range_of(out, desc_.relu);
    tile.low = range.low, tile.high = range.high;
    tile.bounded = call.weights[bounded_at_] != std::byte{0};
    if (desc_.residual) {
      const integer::Rescale rescale = integer::rescale(desc_.residual_map.quantization, q);
      tile.residual_scale = rescale.scale, tile.residual_offset = rescale.offset;
    }
    return tile;
  }

  static std::int64_t pixel_step(const FeatureMap& map) {
    return is_real(map) ? kChannelBlock : map.pixel_step();
  }
  /// Where an item's channels lie in column x of its first row.
  static std::byte* address_of(const Operand& operand, const FeatureMap& map, std::int64_t image,
                               const Item& item, std::int64_t x) {
    const std::int64_t channel = is_real(map) ? item.unit.first * map.pixels() : item.unit.first;
    const std::int64_t pixel = (item.y * map.width + x) * pixel_step(map);
    return operand.data +
           (image * operand.image_stride + pixel + channel) * static_cast<std::int64_t>(size_of(map.type));
  }

  /// Writes the input rows of one of an item's parts, and as many of halo values, to scratch.
  void find_rows(const Call& call, std::int64_t image, const Item& item, std::int64_t part) const noexcept {
    const FeatureMap& in = desc_.input;
    const std::uint8_t* map = call.inputs[0].bytes() + image * call.inputs[0].image_stride + item.unit.first;
    const auto* halo = reinterpret_cast<const std::uint8_t*>(call.weights + halo_at_) + item.unit.first;
    auto* rows = reinterpret_cast<DepthwiseI8Row*>(call.scratch);
    for (std::int64_t r = 0; r < geometry_.input_rows(); ++r) {
      const std::int64_t y = geometry_.input_row(item.y + part * geometry_.output_rows(), r);
      const bool inside = y >= 0 && y < in.height;
      rows[r] = inside ? DepthwiseI8Row{map + y * in.width * in.pixel_step(), in.pixel_step()}
                       : DepthwiseI8Row{halo, 0};
      rows[geometry_.input_rows() + r] = {halo, 0};
    }
  }

  /// A part's columns into scratch.
  void interleave(const Call& call, std::int64_t image, const Item& item, std::int64_t part,
                  const Stretch& stretch) const noexcept {
    find_rows(call, image, item, part);
    const auto* rows = reinterpret_cast<const DepthwiseI8Row*>(call.scratch);
    DepthwiseI8Columns columns{};
    columns.groups = geometry_.groups(), columns.channels = item.unit.channels;
    columns.to = call.scratch + rows_bytes() + part * item.unit.channels;
    const auto add = [&](const DepthwiseI8Row* from, std::int64_t count) {
      if (count == 0) return;
      columns.rows = from, columns.count = count;
      functions_.interleave(columns);
      columns.to += count * column_bytes();
    };
    const DepthwiseI8Row* halo = rows + geometry_.input_rows();
    add(halo, stretch.left);
    columns.first = std::max<std::int64_t>(stretch.first_column, 0);
    add(rows, stretch.inside);
    add(halo, stretch.columns - stretch.left - stretch.inside);
  }

  const ConvDesc desc_;
  const DepthwiseI8Functions& functions_;
  const DepthwiseGeometry geometry_;
  std::int64_t lanes_, lane_bytes_;  // of all units; packed weights of a lane
  std::size_t packed_bytes_ = 0, weights_at_, multipliers_at_, bias_at_, halo_at_, bounded_at_;
};

bool is_output(const FeatureMap& map, const FeatureMap& sizes) {
  if (!map.same_sizes(sizes)) return false;
  if (is_real(map)) return map.layout == Layout::kNchw16c;
  return map.type == DataType::kUInt8 && integer::is_narrow_map(map);
}

/// Microseconds for one image, as conv_dot counts them, from the multiply-adds a nanosecond that bench.cc
/// shows; below 0 if this is not ours.
double cost(const OpDesc& desc, double speed) {
  const auto* conv = std::get_if<ConvDesc>(&desc);
  if (conv == nullptr || conv->input.type != DataType::kUInt8 || !integer::is_narrow_map(conv->input))
    return -1;
  if (conv->groups != conv->input.channels || conv->groups != conv->output.channels) return -1;
  if (!is_output(conv->output, conv->output)) return -1;
  if (conv->residual &&
      (!is_output(conv->residual_map, conv->output) || conv->residual_map.type != conv->output.type))
    return -1;
  const WindowDesc& w = conv->window;
  if (w.kernel_h < 1 || w.kernel_w < 1 || w.stride_h < 1 || w.stride_w < 1) return -1;
  if (w.dilation_h < 1 || w.dilation_w < 1 || w.pad_top < 0 || w.pad_left < 0) return -1;
  if (!conv->halo.empty() && conv->halo.size() != static_cast<std::size_t>(conv->input.channels)) return -1;
  if (!integer::has_valid_relu(conv->relu)) return -1;
  const double products = static_cast<double>(conv->output.padded_channels()) *
                          static_cast<double>(conv->output.pixels()) * static_cast<double>(w.kernel_h) *
                          static_cast<double>(w.kernel_w);
  return products / speed / 1000;
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const DepthwiseI8Functions& functions) {
  return std::make_unique<Depthwise>(std::get<ConvDesc>(desc), functions);
}

}  // namespace

double depthwise_i8_generic_cost(const OpDesc& desc, int) { return cost(desc, 0.8); }
std::unique_ptr<Kernel> depthwise_i8_generic(const OpDesc& desc) { return create(desc, kDepthwiseI8Generic); }

#ifdef OCTET_X86
double depthwise_i8_avx2_cost(const OpDesc& desc, int) { return cost(desc, 30); }
std::unique_ptr<Kernel> depthwise_i8_avx2(const OpDesc& desc) { return create(desc, kDepthwiseI8Avx2); }
double depthwise_i8_avx512_cost(const OpDesc& desc, int) { return cost(desc, 38); }
std::unique_ptr<Kernel> depthwise_i8_avx512(const OpDesc& desc) { return create(desc, kDepthwiseI8Avx512); }
double depthwise_i8_avx512vnni_cost(const OpDesc& desc, int) { return cost(desc, 65); }
std::unique_ptr<Kernel> depthwise_i8_avx512vnni(const OpDesc& desc) {
  return create(desc, kDepthwiseI8Avx512Vnni);
}
#endif

}  // namespace octet::kernels
