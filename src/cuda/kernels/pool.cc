#include <algorithm>
#include <limits>

#include "cuda/device/pool.h"
#include "cuda/kernels/families.h"
#include "cuda/kernels/map_view.h"
#include "cuda/kernels/parameters.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/integer/padding.h"

namespace octet::cuda {
namespace {

using kernels::FeatureMap;
using kernels::PoolDesc;
using kernels::PoolKind;

Function function_of(const PoolDesc& desc) {
  if (desc.input.type == DataType::kFloat32)
    return desc.kind == PoolKind::kMax ? Function::pool_max_f32 : Function::pool_average_f32;
  const bool bytes = desc.input.type == DataType::kUInt8;
  if (desc.kind == PoolKind::kMax) return bytes ? Function::pool_max_u8 : Function::pool_max_s16;
  if (desc.output.type == DataType::kFloat32) return Function::pool_average_u8_to_f32;
  return bytes ? Function::pool_average_u8 : Function::pool_average_s16;
}

class Pool final : public DeviceKernel {
 public:
  explicit Pool(const PoolDesc& desc) : desc_(desc) {}

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    const FeatureMap &in = desc_.input, &out = desc_.output;
    const kernels::WindowDesc& window = desc_.window;
    const bool real = out.type == DataType::kFloat32;
    device::PoolParams p = {};
    p.input = bytes_of(call.inputs[0]);
    p.output = bytes_of(call.output);
    p.input_image = image_bytes(call.inputs[0], in);
    p.output_image = image_bytes(call.output, out);
    p.groups = to_int(in.padded_channels() * static_cast<std::int64_t>(size_of(in.type)) / 16);
    p.items = call.images * out.pixels() * p.groups;
    p.in_height = to_int(in.height), p.in_width = to_int(in.width), p.in_step = to_int(in.pixel_step());
    p.out_height = to_int(out.height), p.out_width = to_int(out.width);
    p.out_step = real ? 16 : to_int(out.pixel_step());
    p.kernel_h = to_int(window.kernel_h), p.kernel_w = to_int(window.kernel_w);
    p.stride_h = to_int(window.stride_h), p.stride_w = to_int(window.stride_w);
    p.pad_top = to_int(window.pad_top), p.pad_left = to_int(window.pad_left);
    p.pad_bottom = to_int(window.pad_bottom), p.pad_right = to_int(window.pad_right);
    p.zero_in = in.quantization.zero_point;
    p.padded_window = desc_.divisor == kernels::AverageDivisor::kPaddedWindow ? 1 : 0;
    p.ratio = real ? in.quantization.scale : in.quantization.scale / out.quantization.scale;
    if (!real) p.finish = finish_of(out, std::nullopt);
    launcher.launch(function_of(desc_), grid_of_items(p.items, function_of(desc_)), p);
  }

 private:
  PoolDesc desc_;
};

/// True if the sum of a window's integers may leave s32.
bool may_overflow(const PoolDesc& pool) {
  const std::int64_t height = std::min(pool.window.kernel_h, pool.input.height);
  const std::int64_t width = std::min(pool.window.kernel_w, pool.input.width);
  const std::int64_t largest = pool.input.type == DataType::kUInt8 ? 255 : 32767;
  return height > std::numeric_limits<std::int32_t>::max() / largest / width;
}

}  // namespace

double pool_f32_cost(const kernels::OpDesc& desc, int /*images*/) {
  const auto* pool = std::get_if<PoolDesc>(&desc);
  if (pool == nullptr || !is_real_map(pool->input) || !is_real_map(pool->output)) return kCannot;
  const kernels::WindowDesc& w = pool->window;
  if (pool->input.channels != pool->output.channels) return kCannot;
  if (w.dilation_h != 1 || w.dilation_w != 1 || w.kernel_h < 1 || w.kernel_w < 1) return kCannot;
  if (w.stride_h < 1 || w.stride_w < 1) return kCannot;
  if (w.pad_top < 0 || w.pad_left < 0 || w.pad_bottom < 0 || w.pad_right < 0) return kCannot;
  return microseconds_of_bytes(pool->input.bytes() + pool->output.bytes());
}
std::unique_ptr<kernels::Kernel> pool_f32(const kernels::OpDesc& desc) {
  return std::make_unique<Pool>(std::get<PoolDesc>(desc));
}

double pool_i8_cost(const kernels::OpDesc& desc, int /*images*/) {
  const auto* pool = std::get_if<PoolDesc>(&desc);
  if (pool == nullptr || !is_integer_map(pool->input)) return kCannot;
  const FeatureMap &in = pool->input, &out = pool->output;
  const kernels::WindowDesc& w = pool->window;
  if (in.channels != out.channels || w.dilation_h != 1 || w.dilation_w != 1) return kCannot;
  if (out.type == DataType::kFloat32) {
    if (in.type != DataType::kUInt8 || pool->kind != PoolKind::kAverage) return kCannot;
    if (out.layout != kernels::Layout::kNchw16c) return kCannot;
  } else {
    if (in.type != out.type || !is_integer_map(out)) return kCannot;
    if (pool->kind == PoolKind::kMax && in.quantization != out.quantization) return kCannot;
  }
  if (pool->kind == PoolKind::kAverage && may_overflow(*pool)) return kCannot;
  return microseconds_of_bytes(in.bytes() + out.bytes());
}
std::unique_ptr<kernels::Kernel> pool_i8(const kernels::OpDesc& desc) {
  return std::make_unique<Pool>(std::get<PoolDesc>(desc));
}

}  // namespace octet::cuda
