#include "cuda/device/pool.h"
#include "cuda/kernels/families.h"
#include "cuda/kernels/map_view.h"
#include "cuda/kernels/parameters.h"
#include "kernels/families.h"

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
    p.groups = groups_of(in);
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

}  // namespace

double pool_f32_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::pool_f32_generic_cost(desc, images) < 0) return kCannot;
  const auto& pool = std::get<PoolDesc>(desc);
  return microseconds_of_bytes(pool.input.bytes() + pool.output.bytes());
}
std::unique_ptr<kernels::Kernel> pool_f32(const kernels::OpDesc& desc) {
  return std::make_unique<Pool>(std::get<PoolDesc>(desc));
}

double pool_i8_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::pool_i8_generic_cost(desc, images) < 0) return kCannot;
  const auto& pool = std::get<PoolDesc>(desc);
  const bool real = pool.output.type == DataType::kFloat32;
  if (!is_integer_map(pool.input) || (!real && !is_integer_map(pool.output))) return kCannot;
  return microseconds_of_bytes(pool.input.bytes() + pool.output.bytes());
}
std::unique_ptr<kernels::Kernel> pool_i8(const kernels::OpDesc& desc) {
  return std::make_unique<Pool>(std::get<PoolDesc>(desc));
}

}  // namespace octet::cuda
