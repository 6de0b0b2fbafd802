// Activation kernels: what does not depend on the instruction set. Splits the images' vectors over workers.
#include <algorithm>

#include "kernels/activation_f32/contract.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace {

ActivationF32Function function_of(const ActivationDesc& desc, const ActivationF32Functions& functions) {
  switch (desc.function) {
    case ActivationFunction::kSigmoid:
      return functions.sigmoid;
    case ActivationFunction::kTanh:
      return functions.hyperbolic_tangent;
    case ActivationFunction::kHardSigmoid:
      return functions.hard_sigmoid;
    case ActivationFunction::kHardSwish:
      return functions.hard_swish;
    case ActivationFunction::kClip:
      return functions.clip;
    case ActivationFunction::kRounding:
      return functions.rounding;
  }
  return nullptr;
}

class Activation final : public Kernel {
 public:
  Activation(const ActivationDesc& desc, const ActivationF32Functions& functions)
      : desc_(desc), function_(function_of(desc, functions)) {
    std::fill_n(whole_block_, kChannelBlock, 1.0f);
    const std::int64_t last = desc.map.channels - (desc.map.blocks() - 1) * kChannelBlock;
    std::fill_n(last_block_, last, 1.0f);
  }

  bool in_place(int) const override { return true; }

  void run(const Call& call) const noexcept override {
    const FeatureMap& map = desc_.map;
    const Share share = share_of(call.images * map.blocks() * map.pixels(), call.worker, call.workers);
    for (const auto [plane, pixel, count] : Stretches(share, map.pixels())) {
      const std::int64_t image = plane / map.blocks(), block = plane % map.blocks();
      const std::int64_t offset = (block * map.pixels() + pixel) * kChannelBlock;
      ActivationF32Run run;
      run.input = call.inputs[0].floats() + image * call.inputs[0].image_stride + offset;
      run.output = call.output.floats() + image * call.output.image_stride + offset;
      run.vectors = count;
      run.lanes = block + 1 == map.blocks() ? last_block_ : whole_block_;
      run.a = desc_.a, run.b = desc_.b;
      function_(run);
    }
  }

 private:
  ActivationDesc desc_;
  ActivationF32Function function_;
  float whole_block_[kChannelBlock] = {}, last_block_[kChannelBlock] = {};
};

double cost(const OpDesc& desc, double unit) {
  const auto* activation = std::get_if<ActivationDesc>(&desc);
  if (activation == nullptr) return -1;
  if (activation->map.layout != Layout::kNchw16c || activation->map.type != DataType::kFloat32) return -1;
  return unit * static_cast<double>(activation->map.elements());
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const ActivationF32Functions& functions) {
  return std::make_unique<Activation>(std::get<ActivationDesc>(desc), functions);
}

}  // namespace

double activation_f32_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> activation_f32_generic(const OpDesc& desc) {
  return create(desc, kActivationF32Generic);
}

#ifdef OCTET_X86
double activation_f32_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> activation_f32_avx2(const OpDesc& desc) { return create(desc, kActivationF32Avx2); }
double activation_f32_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> activation_f32_avx512(const OpDesc& desc) {
  return create(desc, kActivationF32Avx512);
}
#endif

}  // namespace octet::kernels
