// The host's side of convolutions and fully connected layers of integers: which of them are products of
// matrices, how their weights are packed, and what is launched. A fully connected layer is the convolution
// whose window is its whole input.
#include <algorithm>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "cuda/device/conv_dot.h"
#include "cuda/device/conv_imma.h"
#include "cuda/kernels/conv_tiles.h"
#include "cuda/kernels/families.h"
#include "cuda/kernels/parameters.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/geometry.h"

namespace octet::cuda {
namespace {

using kernels::ConvDesc;
using kernels::FeatureMap;
using kernels::kChannelBlock;
using kernels::conv_dot::divide_up;
using kernels::conv_dot::Epilogue;
using kernels::conv_dot::Steps;

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }
std::int64_t in_channels(const ConvDesc& desc) { return desc.input.channels / desc.groups; }
std::int64_t out_channels(const ConvDesc& desc) { return desc.output.channels / desc.groups; }
std::int64_t taps_of(const ConvDesc& desc) { return desc.window.kernel_h * desc.window.kernel_w; }
/// Behind the last output channel; they get the zero point.
std::int64_t padding_lanes(const ConvDesc& desc) {
  return desc.output.blocks() * kChannelBlock - desc.output.channels;
}
bool is_picture(const FeatureMap& map) { return map.pixel_stride == kernels::kChannelQuad; }

/// Packed bytes of all kernels here begin with these; weights follow. All parts are aligned to 64 bytes.
struct PackedParts {
  std::int64_t bias = 0, multipliers = 0, halo = 0, weights = 0;

  PackedParts(std::int64_t biases, std::int64_t lanes, std::int64_t halo_bytes) {
    const auto aligned = [](std::int64_t bytes) { return divide_up(bytes, 64) * 64; };
    multipliers = bias + aligned(biases * 4);
    halo = multipliers + aligned(lanes * 4);
    weights = halo + aligned(halo_bytes);
  }
};

/// What windows see beside the map, in as many channels as the packed part has place for.
void pack_halo(const ConvDesc& desc, std::int64_t channels, const PackedParts& parts, std::byte* packed) {
  const std::vector<std::byte> halo = kernels::conv_dot::halo_pixel(desc, channels);
  std::copy(halo.begin(), halo.end(), packed + parts.halo);
}

/// Bias and multipliers, one an output channel, each group's padded to `lanes`.
void pack_scales(const ConvDesc& desc, const kernels::IntegerWeights& weights, std::int64_t lanes,
                 const PackedParts& parts, std::byte* packed) {
  const std::int64_t pixels = desc.bias_map ? desc.output.pixels() : 1, outputs = out_channels(desc);
  const std::span<const std::int32_t> bias = desc.bias_map ? weights.bias_map : weights.bias;
  auto* biases = reinterpret_cast<std::int32_t*>(packed + parts.bias);
  auto* multipliers = reinterpret_cast<float*>(packed + parts.multipliers);
  for (std::int64_t k = 0; k < desc.output.channels; ++k) {
    const std::int64_t lane = k / outputs * lanes + k % outputs;
    multipliers[lane] = weights.multipliers[to_size(k)];
    for (std::int64_t p = 0; p < pixels; ++p)
      biases[p * lanes * desc.groups + lane] = bias[to_size(k * pixels + p)];
  }
}

/// All parameters but the weights' own.
device::ConvParams parameters(const ConvDesc& desc, const kernels::Call& call, const PackedParts& parts,
                              std::int64_t lanes) {
  const FeatureMap &in = desc.input, &out = desc.output;
  const kernels::WindowDesc& w = desc.window;
  const Steps input(in), output(out), residual(desc.residual ? desc.residual_map : out);
  device::ConvParams p = {};
  p.input = bytes_of(call.inputs[0]);
  p.rows = call.images * out.pixels();
  p.input_image = image_bytes(call.inputs[0], in);
  p.in_height = to_int(in.height), p.in_width = to_int(in.width), p.in_step = to_int(input.pixel);
  p.group_step = to_int(in_channels(desc) * input.element);
  p.out_width = to_int(out.width), p.out_pixels = to_int(out.pixels());
  p.kernel_h = to_int(w.kernel_h), p.kernel_w = to_int(w.kernel_w);
  p.stride_h = to_int(w.stride_h), p.stride_w = to_int(w.stride_w);
  p.pad_top = to_int(w.pad_top), p.pad_left = to_int(w.pad_left);
  p.dilation_h = to_int(w.dilation_h), p.dilation_w = to_int(w.dilation_w);
  p.lanes = to_int(lanes);
  const auto* packed = reinterpret_cast<const std::uint8_t*>(call.weights);
  p.bias = reinterpret_cast<const std::int32_t*>(packed + parts.bias);
  p.multipliers = reinterpret_cast<const float*>(packed + parts.multipliers);
  p.halo = packed + parts.halo;
  p.weights = packed + parts.weights;
  p.bias_pixel = desc.bias_map ? to_int(lanes * desc.groups) : 0;
  p.output = bytes_of(call.output);
  p.output_image = image_bytes(call.output, out);
  p.output_step = to_int(output.pixel), p.output_block = to_int(output.block);
  if (desc.residual) {
    p.residual = bytes_of(call.inputs[1]);
    p.residual_image = image_bytes(call.inputs[1], desc.residual_map);
    p.residual_step = to_int(residual.pixel), p.residual_block = to_int(residual.block);
  }
  const Epilogue e = kernels::conv_dot::epilogue_of(desc);
  p.residual_scale = e.residual_scale, p.residual_offset = e.residual_offset;
  p.finish = {e.low, e.high, e.zero, e.slope, e.leaky ? 1 : 0};
  p.rectified = e.rectified ? 1 : 0;
  return p;
}

// ---- products of matrices

/// What tensor cores and dot products do differently.
struct Method {
  DeviceWork::Unit unit;
  std::int64_t slice_channels;
  std::span<const ConvTileFunction> (*tiles)(DataType input, DataType output, bool picture);
};

template <class Kernel>
constexpr ConvTileFunction tile_function(Function function) {
  return {function, Kernel::kTileRows, Kernel::kTileColumns, Kernel::kSharedBytes};
}

namespace tiles {

using device::ConvDot;
using device::ConvImma;
using device::s16;
using device::u8;

#define OCTET_IMMA(output, name, piece, rows, columns, warp_rows, warp_columns)   \
  tile_function<ConvImma<output, piece, rows, columns, warp_rows, warp_columns>>( \
      Function::conv_imma_u8_##name##_p##piece##_##rows##x##columns)
constexpr ConvTileFunction kImmaBytes[] = {
    OCTET_IMMA(u8, u8, 16, 128, 128, 64, 32), OCTET_IMMA(u8, u8, 16, 128, 64, 32, 32),
    OCTET_IMMA(u8, u8, 16, 64, 64, 32, 32), OCTET_IMMA(u8, u8, 16, 32, 64, 32, 32),
    OCTET_IMMA(u8, u8, 16, 16, 128, 16, 32)};
constexpr ConvTileFunction kImmaReals[] = {OCTET_IMMA(float, f32, 16, 64, 64, 32, 32),
                                           OCTET_IMMA(float, f32, 16, 16, 128, 16, 32)};
constexpr ConvTileFunction kImmaPictureBytes[] = {OCTET_IMMA(u8, u8, 4, 128, 64, 32, 32),
                                                  OCTET_IMMA(u8, u8, 4, 64, 64, 32, 32)};
constexpr ConvTileFunction kImmaPictureReals[] = {OCTET_IMMA(float, f32, 4, 64, 64, 32, 32)};
#undef OCTET_IMMA

#define OCTET_DOT(kind, input, output, name, piece, rows, columns) \
  tile_function<ConvDot<input, output, piece, rows, columns>>(     \
      Function::conv_##kind##_##input##_##name##_p##piece##_##rows##x##columns)
constexpr ConvTileFunction kDotBytes[] = {OCTET_DOT(dp4a, u8, u8, u8, 16, 128, 128),
                                          OCTET_DOT(dp4a, u8, u8, u8, 16, 64, 64)};
constexpr ConvTileFunction kDotReals[] = {OCTET_DOT(dp4a, u8, float, f32, 16, 64, 64)};
constexpr ConvTileFunction kDotPictureBytes[] = {OCTET_DOT(dp4a, u8, u8, u8, 4, 64, 64)};
constexpr ConvTileFunction kDotPictureReals[] = {OCTET_DOT(dp4a, u8, float, f32, 4, 64, 64)};
constexpr ConvTileFunction kDotShorts[] = {OCTET_DOT(dp2a, s16, s16, s16, 16, 64, 64)};
constexpr ConvTileFunction kDotShortReals[] = {OCTET_DOT(dp2a, s16, float, f32, 16, 64, 64)};
#undef OCTET_DOT

std::span<const ConvTileFunction> imma(DataType, DataType output, bool picture) {
  const bool real = output == DataType::kFloat32;
  if (picture)
    return real ? std::span(kImmaPictureReals) : std::span<const ConvTileFunction>(kImmaPictureBytes);
  return real ? std::span<const ConvTileFunction>(kImmaReals) : kImmaBytes;
}
std::span<const ConvTileFunction> dot(DataType input, DataType output, bool picture) {
  const bool real = output == DataType::kFloat32;
  if (input == DataType::kInt16) return real ? std::span<const ConvTileFunction>(kDotShortReals) : kDotShorts;
  if (picture) return real ? std::span<const ConvTileFunction>(kDotPictureReals) : kDotPictureBytes;
  return real ? std::span<const ConvTileFunction>(kDotReals) : kDotBytes;
}

}  // namespace tiles

constexpr Method kTensorCores = {DeviceWork::Unit::kTensorCores,
                                 device::ConvImma<device::u8, 16, 64, 64, 32, 32>::kSlice, tiles::imma};
constexpr Method kDotProducts = {DeviceWork::Unit::kDotProducts,
                                 device::ConvDot<device::u8, device::u8, 16, 64, 64>::kSliceChannels,
                                 tiles::dot};

class ConvolutionAsProduct final : public DeviceKernel {
 public:
  ConvolutionAsProduct(const ConvDesc& desc, const Method& method)
      : desc_(desc),
        method_(method),
        picture_(is_picture(desc.input)),
        piece_channels_(picture_                              ? 4
                        : desc.input.type == DataType::kUInt8 ? 16
                                                              : 8),
        pieces_(picture_ ? 1 : divide_up(in_channels(desc), kChannelBlock) * kChannelBlock / piece_channels_),
        slices_(divide_up(taps_of(desc) * pieces_ * piece_channels_, method.slice_channels)),
        lanes_(divide_up(out_channels(desc), kChannelBlock) * kChannelBlock),
        parts_(
            lanes_ * desc.groups * (desc.bias_map ? desc.output.pixels() : 1), lanes_ * desc.groups,
            pieces_ * piece_channels_ * desc.groups * static_cast<std::int64_t>(size_of(desc.input.type))) {}

  std::size_t packed_bytes() const override { return to_size(parts_.weights + group_bytes() * desc_.groups); }

  void pack_integer(const kernels::IntegerWeights& weights, std::span<std::byte> packed) const override {
    std::fill(packed.begin(), packed.end(), std::byte{0});
    pack_scales(desc_, weights, lanes_, parts_, packed.data());
    // Groups are whole pieces, so theirs lie behind one another as in the map.
    pack_halo(desc_, pieces_ * piece_channels_ * desc_.groups, parts_, packed.data());
    for (std::int64_t k = 0; k < desc_.output.channels; ++k) pack_channel(k, weights.weights, packed);
  }

  std::size_t scratch_bytes(int images) const override {
    return to_size(conv_scratch_bytes(product(images)));
  }
  bool in_place(int input) const override { return input == 1; }

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    const ConvProduct whole = product(call.images);
    const ConvChoice choice = choose(call.images, launcher.multiprocessors());
    device::ConvParams p = parameters(desc_, call, parts_, lanes_);
    p.weights_group = group_bytes();
    p.pieces = to_int(pieces_);
    p.slices = to_int(slices_);
    p.split_slices = to_int(divide_up(slices_, choice.splits));
    p.column_tiles = to_int(choice.column_tiles);
    p.splits = choice.splits;
    p.groups = to_int(desc_.groups);
    p.columns = to_int(out_channels(desc_));
    p.last_columns = to_int(out_channels(desc_) + padding_lanes(desc_));
    p.output_group = to_int(out_channels(desc_));
    if (choice.splits > 1) {
      const std::int64_t sums = conv_sum_bytes(whole);
      const std::int64_t arrivals = choice.row_tiles * choice.column_tiles * desc_.groups * 4;
      launcher.clear(call.scratch, to_size(sums + arrivals));
      p.sums = reinterpret_cast<std::int32_t*>(call.scratch);
      p.arrivals = reinterpret_cast<std::int32_t*>(call.scratch + sums);
    }
    launcher.launch(choice.tile->function,
                    {choice.row_tiles * choice.column_tiles, desc_.groups, choice.splits}, p,
                    choice.tile->shared_bytes);
  }

  DeviceWork work(int images, int multiprocessors) const override {
    DeviceWork work = DeviceKernel::work(images, multiprocessors);
    const ConvChoice choice = choose(images, multiprocessors);
    const std::int64_t tile = std::int64_t{choice.tile->rows} * choice.tile->columns;
    work.unit = method_.unit;
    work.macs =
        choice.row_tiles * choice.column_tiles * desc_.groups * tile * slices_ * method_.slice_channels;
    work.weight_bytes = static_cast<std::int64_t>(packed_bytes());
    // Each block reads and writes what it adds to.
    if (choice.splits > 1) work.sum_bytes += conv_sum_bytes(product(images)) * (2 * choice.splits + 1);
    return work;
  }

 private:
  ConvChoice choose(int images, int multiprocessors) const {
    return choose_conv_tile(product(images), method_.tiles(desc_.input.type, desc_.output.type, picture_),
                            multiprocessors);
  }
  /// Of one group.
  std::int64_t group_bytes() const { return slices_ * lanes_ * method_.slice_channels; }
  ConvProduct product(int images) const {
    return {images * desc_.output.pixels(), lanes_, desc_.groups, slices_};
  }

  /// weights: {out, in / groups, kernel}.
  void pack_channel(std::int64_t k, std::span<const std::int8_t> weights, std::span<std::byte> packed) const {
    const std::int64_t taps = taps_of(desc_), in = in_channels(desc_), out = out_channels(desc_);
    std::byte* to = packed.data() + parts_.weights + k / out * group_bytes();
    for (std::int64_t c = 0; c < in; ++c) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const std::int64_t product = (tap * pieces_ * piece_channels_) + c;
        const std::int64_t slice = product / method_.slice_channels, place = product % method_.slice_channels;
        to[(slice * lanes_ + k % out) * method_.slice_channels + place] =
            static_cast<std::byte>(weights[to_size((k * in + c) * taps + tap)]);
      }
    }
  }

  const ConvDesc desc_;
  const Method method_;
  const bool picture_;
  const std::int64_t piece_channels_, pieces_, slices_, lanes_;
  const PackedParts parts_;
};

/// True if rows of 16 bytes of a group's channels are aligned, so that products of matrices can be taken.
bool is_product(const ConvDesc& desc) {
  if (is_picture(desc.input)) return desc.groups == 1 && desc.input.type == DataType::kUInt8;
  if (desc.groups == 1) return true;
  // The last group writes the padding lanes, so there must be packed lanes for them.
  const std::int64_t lanes = divide_up(out_channels(desc), kChannelBlock) * kChannelBlock;
  return in_channels(desc) % kChannelBlock == 0 && out_channels(desc) + padding_lanes(desc) <= lanes;
}

// ---- the others

class PlainConvolution final : public DeviceKernel {
 public:
  PlainConvolution(const ConvDesc& desc, bool depthwise)
      : desc_(desc),
        depthwise_(depthwise),
        lanes_(desc.output.blocks() * kChannelBlock),
        parts_(lanes_ * (desc.bias_map ? desc.output.pixels() : 1), lanes_,
               std::max(lanes_, desc.input.channels) * static_cast<std::int64_t>(size_of(desc.input.type))) {}

  std::size_t packed_bytes() const override {
    return to_size(parts_.weights + lanes_ * taps_of(desc_) * in_channels(desc_));
  }

  void pack_integer(const kernels::IntegerWeights& weights, std::span<std::byte> packed) const override {
    std::fill(packed.begin(), packed.end(), std::byte{0});
    ConvDesc one_group = desc_;
    one_group.groups = 1;
    pack_scales(one_group, weights, lanes_, parts_, packed.data());
    pack_halo(desc_, std::max(lanes_, desc_.input.channels), parts_, packed.data());
    const std::int64_t taps = taps_of(desc_), in = in_channels(desc_);
    std::byte* to = packed.data() + parts_.weights;
    for (std::int64_t k = 0; k < desc_.output.channels; ++k)
      for (std::int64_t c = 0; c < in; ++c)
        for (std::int64_t tap = 0; tap < taps; ++tap)
          to[depthwise_ ? tap * lanes_ + k : (k * taps + tap) * in + c] =
              static_cast<std::byte>(weights.weights[to_size((k * in + c) * taps + tap)]);
  }

  bool in_place(int input) const override { return input == 1; }

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    device::ConvParams p = parameters(desc_, call, parts_, lanes_);
    p.bias_pixel = desc_.bias_map ? to_int(lanes_) : 0;
    p.columns = to_int(lanes_);
    p.output_group = to_int(out_channels(desc_));
    p.pieces = to_int(in_channels(desc_));
    const std::int64_t an_item = depthwise_ ? 16 / static_cast<std::int64_t>(size_of(desc_.input.type)) : 1;
    launcher.launch(function(), grid_of_items(p.rows * lanes_ / an_item, function()), p);
  }

  DeviceWork work(int images, int multiprocessors) const override {
    DeviceWork work = DeviceKernel::work(images, multiprocessors);
    work.unit = DeviceWork::Unit::kLanes;
    work.macs = images * desc_.output.pixels() * lanes_ * taps_of(desc_) * in_channels(desc_);
    work.weight_bytes = static_cast<std::int64_t>(packed_bytes());
    return work;
  }

 private:
  Function function() const {
    const bool bytes = desc_.input.type == DataType::kUInt8, real = desc_.output.type == DataType::kFloat32;
    if (depthwise_) {
      if (bytes) return real ? Function::conv_depthwise_u8_f32 : Function::conv_depthwise_u8_u8;
      return real ? Function::conv_depthwise_s16_f32 : Function::conv_depthwise_s16_s16;
    }
    if (bytes) return real ? Function::conv_direct_u8_f32 : Function::conv_direct_u8_u8;
    return real ? Function::conv_direct_s16_f32 : Function::conv_direct_s16_s16;
  }

  const ConvDesc desc_;
  const bool depthwise_;
  const std::int64_t lanes_;
  const PackedParts parts_;
};

// ---- what the list of kernels sees

// 10^9 operations a second of the study's P40, and of tensor cores beside it: they choose between kernels of
// a layer, no more.
constexpr double kDp4aGops = 20000, kDp2aGops = 8000, kTensorGops = 100000, kPlainGops = 1000,
                 kDepthwiseGops = 3000;

/// Null for what this type's kernels cannot compute.
const ConvDesc* as_convolution(const kernels::OpDesc& desc, DataType input) {
  const ConvDesc* conv = kernels::conv_dot::as_convolution(desc, input);
  return conv != nullptr && (is_integer_map(conv->input) || is_picture(conv->input)) ? conv : nullptr;
}
double product_cost(const kernels::OpDesc& desc, DataType input, double gops) {
  const ConvDesc* conv = as_convolution(desc, input);
  if (conv == nullptr || !is_product(*conv)) return kCannot;
  return kernels::conv_dot::microseconds(kernels::conv_dot::macs(*conv), gops);
}
double plain_cost(const kernels::OpDesc& desc, DataType input) {
  const ConvDesc* conv = as_convolution(desc, input);
  return conv == nullptr ? kCannot
                         : kernels::conv_dot::microseconds(kernels::conv_dot::macs(*conv), kPlainGops);
}
double depthwise_cost(const kernels::OpDesc& desc, DataType input) {
  const ConvDesc* conv = as_convolution(desc, input);
  const bool depthwise = conv != nullptr && conv->groups == conv->input.channels &&
                         conv->groups == conv->output.channels && !is_picture(conv->input);
  return depthwise ? kernels::conv_dot::microseconds(kernels::conv_dot::macs(*conv), kDepthwiseGops)
                   : kCannot;
}

/// The window is the whole input.
ConvDesc as_convolution(const kernels::FullyConnectedDesc& fc) {
  ConvDesc conv;
  conv.input = fc.input, conv.output = fc.output;
  conv.window.kernel_h = fc.input.height, conv.window.kernel_w = fc.input.width;
  conv.has_bias = fc.has_bias;
  conv.relu = fc.relu;
  return conv;
}
double fully_connected_cost(const kernels::OpDesc& desc, DataType input, double gops) {
  const auto* fc = std::get_if<kernels::FullyConnectedDesc>(&desc);
  return fc == nullptr ? kCannot : product_cost(as_convolution(*fc), input, gops);
}

std::unique_ptr<kernels::Kernel> product(const kernels::OpDesc& desc, const Method& method) {
  const auto* fc = std::get_if<kernels::FullyConnectedDesc>(&desc);
  return std::make_unique<ConvolutionAsProduct>(
      fc != nullptr ? as_convolution(*fc) : std::get<ConvDesc>(desc), method);
}
std::unique_ptr<kernels::Kernel> plain(const kernels::OpDesc& desc, bool depthwise) {
  return std::make_unique<PlainConvolution>(std::get<ConvDesc>(desc), depthwise);
}

}  // namespace

using Desc = kernels::OpDesc;
using Made = std::unique_ptr<kernels::Kernel>;

double conv_i8_tensor_cores_cost(const Desc& d, int) {
  return product_cost(d, DataType::kUInt8, kTensorGops);
}
Made conv_i8_tensor_cores(const Desc& d) { return product(d, kTensorCores); }
double conv_i8_dp4a_cost(const Desc& d, int) { return product_cost(d, DataType::kUInt8, kDp4aGops); }
Made conv_i8_dp4a(const Desc& d) { return product(d, kDotProducts); }
double conv_i16_dp2a_cost(const Desc& d, int) { return product_cost(d, DataType::kInt16, kDp2aGops); }
Made conv_i16_dp2a(const Desc& d) { return product(d, kDotProducts); }
double conv_i8_depthwise_cost(const Desc& d, int) { return depthwise_cost(d, DataType::kUInt8); }
Made conv_i8_depthwise(const Desc& d) { return plain(d, true); }
double conv_i16_depthwise_cost(const Desc& d, int) { return depthwise_cost(d, DataType::kInt16); }
Made conv_i16_depthwise(const Desc& d) { return plain(d, true); }
double conv_i8_direct_cost(const Desc& d, int) { return plain_cost(d, DataType::kUInt8); }
Made conv_i8_direct(const Desc& d) { return plain(d, false); }
double conv_i16_direct_cost(const Desc& d, int) { return plain_cost(d, DataType::kInt16); }
Made conv_i16_direct(const Desc& d) { return plain(d, false); }
double fully_connected_i8_tensor_cores_cost(const Desc& d, int) {
  return fully_connected_cost(d, DataType::kUInt8, kTensorGops);
}
Made fully_connected_i8_tensor_cores(const Desc& d) { return product(d, kTensorCores); }
double fully_connected_i8_dp4a_cost(const Desc& d, int) {
  return fully_connected_cost(d, DataType::kUInt8, kDp4aGops);
}
Made fully_connected_i8_dp4a(const Desc& d) { return product(d, kDotProducts); }
double fully_connected_i16_dp2a_cost(const Desc& d, int) {
  return fully_connected_cost(d, DataType::kInt16, kDp2aGops);
}
Made fully_connected_i16_dp2a(const Desc& d) { return product(d, kDotProducts); }

}  // namespace octet::cuda
