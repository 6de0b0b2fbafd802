#include "cuda/kernels/elements.h"
#include "cuda/kernels/families.h"
#include "cuda/kernels/packed_as.h"
#include "kernels/families.h"

namespace octet::cuda {
namespace {

using kernels::ChannelAffineDesc;
using kernels::FeatureMap;

class ChannelAffine final : public PackedAs {
 public:
  ChannelAffine(const ChannelAffineDesc& desc, std::unique_ptr<kernels::Kernel> cpu)
      : PackedAs(std::move(cpu)), desc_(desc) {}

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    const bool real = desc_.map.type == DataType::kFloat32;
    const FeatureMap& out = real ? desc_.map : desc_.output;
    device::ElementsParams p = {};
    set_elements(p, call.output, out, call.images);
    add_input(p, call.inputs[0], desc_.map, desc_.map.pixel_step());
    p.factors = reinterpret_cast<const float*>(call.weights);
    if (real) {
      p.relu = relu_of(desc_.relu);
    } else {
      p.finish = finish_of(out, desc_.relu);
    }
    launcher.launch(function(), grid_of_items(p.items, function()), p);
  }

 private:
  Function function() const {
    if (desc_.map.type == DataType::kFloat32) return Function::channel_affine_f32;
    return desc_.map.type == DataType::kUInt8 ? Function::channel_affine_u8 : Function::channel_affine_s16;
  }

  ChannelAffineDesc desc_;
};

}  // namespace

double channel_affine_i8_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::channel_affine_i8_generic_cost(desc, images) < 0) return kCannot;
  const auto& affine = std::get<ChannelAffineDesc>(desc);
  if (!is_integer_map(affine.map) || !is_integer_map(affine.output)) return kCannot;
  return microseconds_of_elements(affine.map, 1);
}
std::unique_ptr<kernels::Kernel> channel_affine_i8(const kernels::OpDesc& desc) {
  return std::make_unique<ChannelAffine>(std::get<ChannelAffineDesc>(desc),
                                         kernels::channel_affine_i8_generic(desc));
}

double channel_affine_f32_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::channel_affine_f32_generic_cost(desc, images) < 0) return kCannot;
  return microseconds_of_elements(std::get<ChannelAffineDesc>(desc).map, 1);
}
std::unique_ptr<kernels::Kernel> channel_affine_f32(const kernels::OpDesc& desc) {
  return std::make_unique<ChannelAffine>(std::get<ChannelAffineDesc>(desc),
                                         kernels::channel_affine_f32_generic(desc));
}

}  // namespace octet::cuda
