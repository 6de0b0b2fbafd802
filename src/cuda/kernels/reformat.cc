#include "cuda/device/reformat.h"

#include <cstddef>

#include "cuda/kernels/families.h"
#include "cuda/kernels/packed_as.h"
#include "cuda/kernels/parameters.h"
#include "kernels/families.h"
#include "kernels/reformat_i8/contract.h"

namespace octet::cuda {
namespace {

using kernels::FeatureMap;
using kernels::kChannelQuad;
using kernels::Layout;
using kernels::ReformatDesc;

bool is_real(const FeatureMap& map) { return map.type == DataType::kFloat32; }
bool is_blocked(const FeatureMap& map) { return map.layout == Layout::kNchw16c; }

/// True if the copy writes whole pixels of 4 bytes: of FP32 planes, or of the caller's pixels of 3 bytes.
bool writes_pixels(const ReformatDesc& desc) {
  const FeatureMap &in = desc.input, &out = desc.output;
  if (out.type != DataType::kUInt8 || out.pixel_step() != kChannelQuad) return false;
  if (in.channels != out.channels || in.channels > kChannelQuad) return false;
  return is_real(in) ? in.layout == Layout::kNchw : desc.pixels;
}

Function function_of(const ReformatDesc& desc) {
  const FeatureMap &in = desc.input, &out = desc.output;
  if (is_real(in) && is_real(out)) return Function::reformat_copy_f32;
  if (writes_pixels(desc)) return is_real(in) ? Function::reformat_pixels_f32 : Function::reformat_pixels_u8;
  const bool bytes = (is_real(in) ? out : in).type == DataType::kUInt8;
  if (is_real(in)) return bytes ? Function::reformat_quantize_u8 : Function::reformat_quantize_s16;
  if (is_real(out) && desc.pixels) return Function::reformat_less_mean_f32;
  if (is_real(out)) return bytes ? Function::reformat_dequantize_u8 : Function::reformat_dequantize_s16;
  return bytes ? Function::reformat_requantize_u8 : Function::reformat_requantize_s16;
}

/// True if 16 bytes of every pixel's channels, from `data` on, may be loaded and stored at once.
bool has_aligned_groups(const std::uint8_t* data, const kernels::Operand& operand, const FeatureMap& map) {
  const auto size = static_cast<std::int64_t>(size_of(map.type));
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && image_bytes(operand, map) % 16 == 0 &&
         map.pixel_step() * size % 16 == 0;
}

class Reformat final : public PackedAs {
 public:
  Reformat(const ReformatDesc& desc, std::unique_ptr<kernels::Kernel> cpu)
      : PackedAs(std::move(cpu)), desc_(desc) {}

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    const FeatureMap& in = desc_.input;
    const Function function = function_of(desc_);
    device::ReformatParams p = {};
    p.pixels = to_int(in.pixels());
    p.channels = to_int(in.channels);
    p.lanes = to_int(lanes());
    set_input(p, call.inputs[0]);
    set_output(p, call.output);
    set_arithmetic(p);
    if (packed_bytes() > 0) {
      p.mean_per_pixel = reinterpret_cast<const std::int32_t*>(call.weights);
      p.mean = reinterpret_cast<const float*>(call.weights + kernels::kPackedMeanAt);
    }
    p.groups = to_int((p.lanes + lanes_of_item() - 1) / lanes_of_item());
    p.items = call.images * pixels_of_items() * p.groups;
    launcher.launch(function, grid_of_items(p.items, function), p);
  }

 private:
  /// Lanes that are written: the copy that ends at the output's last channel writes the padding behind it.
  std::int64_t lanes() const {
    const FeatureMap &in = desc_.input, &out = desc_.output;
    const bool ends = desc_.channel_offset + in.channels == out.channels;
    return ends ? out.padded_channels() - desc_.channel_offset : in.channels;
  }
  std::int64_t lanes_of_item() const {
    const FeatureMap &in = desc_.input, &out = desc_.output;
    if (is_real(out) && (is_real(in) || desc_.pixels)) return 4;
    return 16 / static_cast<std::int64_t>(size_of((is_real(in) ? out : in).type));
  }
  /// Items of a group in an image: where there is FP32 whole runs, as place_by_run() counts.
  std::int64_t pixels_of_items() const {
    const std::int64_t pixels = desc_.input.pixels();
    const bool by_run = !writes_pixels(desc_) && (is_real(desc_.input) || is_real(desc_.output));
    return by_run ? (pixels + device::kRun - 1) / device::kRun * device::kRun : pixels;
  }

  void set_input(device::ReformatParams& p, const kernels::Operand& operand) const {
    const FeatureMap& in = desc_.input;
    p.input = bytes_of(operand);
    p.input_image = image_bytes(operand, in);
    if (is_real(in)) {
      p.planar_input = is_blocked(in) ? 0 : 1;
      p.input_lane = to_int(desc_.input_lane);
      p.input_aligned = is_blocked(in) && desc_.input_lane % 4 == 0 ? 1 : 0;
    } else {
      p.input_step = to_int(in.pixel_step());
      p.input_aligned = has_aligned_groups(p.input, operand, in) ? 1 : 0;
    }
  }
  void set_output(device::ReformatParams& p, const kernels::Operand& operand) const {
    const FeatureMap& out = desc_.output;
    p.output = bytes_of(operand);
    p.output_image = image_bytes(operand, out);
    if (is_real(out)) {
      p.planar_output = is_blocked(out) ? 0 : 1;
      p.output_lane = to_int(desc_.channel_offset);
      p.output_aligned = is_blocked(out) && desc_.channel_offset % 4 == 0 ? 1 : 0;
    } else {
      p.output += desc_.channel_offset * static_cast<std::int64_t>(size_of(out.type));
      p.output_step = to_int(out.pixel_step());
      p.output_aligned = has_aligned_groups(p.output, operand, out) ? 1 : 0;
      p.padding = out.quantization.zero_point;
    }
  }
  void set_arithmetic(device::ReformatParams& p) const {
    const FeatureMap &in = desc_.input, &out = desc_.output;
    if (!is_real(out)) {
      const kernels::integer::Range range = kernels::integer::range_of(out);
      p.low = range.low, p.high = range.high;
    }
    const kernels::Quantization& q = is_real(in) ? out.quantization : in.quantization;
    p.scale = q.scale, p.offset = static_cast<float>(q.zero_point);
    if (is_real(in) || is_real(out)) return;
    if (desc_.pixels || in.quantization == out.quantization) {
      p.scale = 1, p.offset = 0;
      if (out.type == DataType::kInt16) p.low = -32768, p.high = 32767;
    } else {
      const kernels::integer::Rescale rescale = kernels::integer::rescale(in.quantization, out.quantization);
      p.scale = rescale.scale, p.offset = rescale.offset;
    }
  }

  ReformatDesc desc_;
};

double cost_of_bytes(const ReformatDesc& desc) {
  return microseconds_of_bytes(desc.input.bytes() + desc.output.bytes());
}

}  // namespace

double reformat_i8_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::reformat_i8_generic_cost(desc, images) < 0) return kCannot;
  const auto& reformat = std::get<ReformatDesc>(desc);
  for (const FeatureMap* map : {&reformat.input, &reformat.output})
    if (map->type == DataType::kBFloat16) return kCannot;
  return cost_of_bytes(reformat);
}
std::unique_ptr<kernels::Kernel> reformat_i8(const kernels::OpDesc& desc) {
  return std::make_unique<Reformat>(std::get<ReformatDesc>(desc), kernels::reformat_i8_generic(desc));
}

double reformat_f32_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::reformat_f32_generic_cost(desc, images) < 0) return kCannot;
  const auto& reformat = std::get<ReformatDesc>(desc);
  for (const FeatureMap* map : {&reformat.input, &reformat.output})
    if (map->layout == Layout::kNhwc) return kCannot;
  return cost_of_bytes(reformat);
}
std::unique_ptr<kernels::Kernel> reformat_f32(const kernels::OpDesc& desc) {
  return std::make_unique<Reformat>(std::get<ReformatDesc>(desc), kernels::reformat_f32_generic(desc));
}

}  // namespace octet::cuda
