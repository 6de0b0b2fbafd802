#include <vector>

#include "cuda/kernels/elements.h"
#include "cuda/kernels/families.h"
#include "cuda/kernels/packed_as.h"
#include "kernels/eltwise_i8/factors.h"
#include "kernels/families.h"

namespace octet::cuda {
namespace {

using kernels::EltwiseDesc;
using kernels::EltwiseKind;
using kernels::FeatureMap;

class IntegerEltwise final : public PackedAs {
 public:
  IntegerEltwise(const EltwiseDesc& desc, std::unique_ptr<kernels::Kernel> cpu)
      : PackedAs(std::move(cpu)), desc_(desc), factors_(desc.input_maps.size()) {
    scale_ = kernels::set_factors(desc_, factors_);
  }

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    device::ElementsParams p = {};
    set_elements(p, call.output, desc_.map, call.images);
    for (std::size_t i = 0; i < factors_.size(); ++i) {
      device::ElementsInput& input =
          add_input(p, call.inputs[i], desc_.input_maps[i], factors_[i].pixel_step);
      input.scale = factors_[i].scale, input.offset = factors_[i].offset;
    }
    p.scale = scale_;
    p.range_low = kernels::integer::range_of(desc_.map).low;
    p.finish = finish_of(desc_.map, desc_.relu);
    launcher.launch(function(), grid_of_items(p.items, function()), p);
  }

 private:
  Function function() const {
    const bool bytes = desc_.map.type == DataType::kUInt8;
    switch (desc_.kind) {
      case EltwiseKind::kProduct:
        return bytes ? Function::eltwise_product_u8 : Function::eltwise_product_s16;
      case EltwiseKind::kMax:
        return bytes ? Function::eltwise_max_u8 : Function::eltwise_max_s16;
      case EltwiseKind::kMin:
        return bytes ? Function::eltwise_min_u8 : Function::eltwise_min_s16;
      case EltwiseKind::kSum:
      case EltwiseKind::kQuotient:  // which no cost allows
        break;
    }
    return bytes ? Function::eltwise_sum_u8 : Function::eltwise_sum_s16;
  }

  EltwiseDesc desc_;
  std::vector<kernels::EltwiseI8Input> factors_;
  float scale_;
};

class RealEltwise final : public PackedAs {
 public:
  RealEltwise(const EltwiseDesc& desc, std::unique_ptr<kernels::Kernel> cpu)
      : PackedAs(std::move(cpu)), desc_(desc) {}

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    device::ElementsParams p = {};
    set_elements(p, call.output, desc_.map, call.images);
    for (std::size_t i = 0; i < static_cast<std::size_t>(desc_.inputs); ++i) {
      const FeatureMap& map = desc_.input_maps.empty() ? desc_.map : desc_.input_maps[i];
      const bool repeated = !map.same_sizes(desc_.map);
      add_input(p, call.inputs[i], map, repeated ? 0 : 1).scale =
          desc_.coefficients.empty() ? 1.0f : desc_.coefficients[i];
    }
    p.relu = relu_of(desc_.relu);
    launcher.launch(function(), grid_of_items(p.items, function()), p);
  }

 private:
  Function function() const {
    switch (desc_.kind) {
      case EltwiseKind::kProduct:
        return Function::eltwise_product_f32;
      case EltwiseKind::kMax:
        return Function::eltwise_max_f32;
      case EltwiseKind::kMin:
        return Function::eltwise_min_f32;
      case EltwiseKind::kQuotient:
        return Function::eltwise_quotient_f32;
      case EltwiseKind::kSum:
        break;
    }
    return desc_.coefficients.empty() ? Function::eltwise_sum_f32 : Function::eltwise_weighted_sum_f32;
  }

  EltwiseDesc desc_;
};

}  // namespace

double eltwise_i8_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::eltwise_i8_generic_cost(desc, images) < 0) return kCannot;
  const auto& eltwise = std::get<EltwiseDesc>(desc);
  if (eltwise.inputs > device::kMostInputs || !is_integer_map(eltwise.map)) return kCannot;
  for (const FeatureMap& map : eltwise.input_maps)
    if (!is_integer_map(map)) return kCannot;
  return microseconds_of_elements(eltwise.map, eltwise.inputs);
}
std::unique_ptr<kernels::Kernel> eltwise_i8(const kernels::OpDesc& desc) {
  return std::make_unique<IntegerEltwise>(std::get<EltwiseDesc>(desc), kernels::eltwise_i8_generic(desc));
}

double eltwise_f32_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::eltwise_f32_generic_cost(desc, images) < 0) return kCannot;
  const auto& eltwise = std::get<EltwiseDesc>(desc);
  if (eltwise.inputs > device::kMostInputs) return kCannot;
  return microseconds_of_elements(eltwise.map, eltwise.inputs);
}
std::unique_ptr<kernels::Kernel> eltwise_f32(const kernels::OpDesc& desc) {
  return std::make_unique<RealEltwise>(std::get<EltwiseDesc>(desc), kernels::eltwise_f32_generic(desc));
}

}  // namespace octet::cuda
