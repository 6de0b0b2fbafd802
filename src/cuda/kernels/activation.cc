#include "cuda/kernels/elements.h"
#include "cuda/kernels/families.h"
#include "cuda/kernels/packed_as.h"
#include "kernels/families.h"

namespace octet::cuda {
namespace {

using kernels::ActivationDesc;

/// Of a byte a table, of FP32 the function itself.
class Activation final : public PackedAs {
 public:
  Activation(const ActivationDesc& desc, std::unique_ptr<kernels::Kernel> cpu)
      : PackedAs(std::move(cpu)), desc_(desc) {}

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    const bool real = desc_.map.type == DataType::kFloat32;
    device::ElementsParams p = {};
    set_elements(p, call.output, real ? desc_.map : desc_.output, call.images);
    add_input(p, call.inputs[0], desc_.map, desc_.map.pixel_step());
    p.table = reinterpret_cast<const std::uint8_t*>(call.weights);
    p.a = desc_.a, p.b = desc_.b;
    const Function function = real ? real_function() : Function::activation_u8;
    launcher.launch(function, grid_of_items(p.items, function), p, real ? 0 : device::kTableBytes);
  }

 private:
  Function real_function() const {
    switch (desc_.function) {
      case kernels::ActivationFunction::kSigmoid:
        return Function::sigmoid_f32;
      case kernels::ActivationFunction::kTanh:
        return Function::tanh_f32;
      case kernels::ActivationFunction::kHardSigmoid:
        return Function::hard_sigmoid_f32;
      case kernels::ActivationFunction::kHardSwish:
        return Function::hard_swish_f32;
      case kernels::ActivationFunction::kClip:
        return Function::clip_f32;
      case kernels::ActivationFunction::kRounding:
        break;
    }
    return Function::rounding_f32;
  }

  ActivationDesc desc_;
};

}  // namespace

double activation_i8_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::activation_i8_generic_cost(desc, images) < 0) return kCannot;
  const auto& activation = std::get<ActivationDesc>(desc);
  if (!is_integer_map(activation.map) || !is_integer_map(activation.output)) return kCannot;
  return microseconds_of_elements(activation.map, 1);
}
std::unique_ptr<kernels::Kernel> activation_i8(const kernels::OpDesc& desc) {
  return std::make_unique<Activation>(std::get<ActivationDesc>(desc), kernels::activation_i8_generic(desc));
}

double activation_f32_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::activation_f32_generic_cost(desc, images) < 0) return kCannot;
  return microseconds_of_elements(std::get<ActivationDesc>(desc).map, 1);
}
std::unique_ptr<kernels::Kernel> activation_f32(const kernels::OpDesc& desc) {
  return std::make_unique<Activation>(std::get<ActivationDesc>(desc), kernels::activation_f32_generic(desc));
}

}  // namespace octet::cuda
