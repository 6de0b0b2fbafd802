// Element-wise kernels: what does not depend on the instruction set. Splits the images' vectors over workers.
#include <algorithm>

#include "kernels/eltwise_f32/contract.h"
#include "kernels/eltwise_f32/relu_form.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace {

const EltwiseFunction* functions_of(const EltwiseDesc& desc, const EltwiseF32Functions& functions) {
  if (desc.kind == EltwiseKind::kProduct) return functions.product;
  if (desc.kind == EltwiseKind::kMax) return functions.max;
  return desc.coefficients.empty() ? functions.sum : functions.weighted_sum;
}

class Eltwise final : public Kernel {
 public:
  Eltwise(const EltwiseDesc& desc, const EltwiseF32Functions& functions)
      : desc_(desc), relu_(parameters_of(desc.relu)) {
    function_ = functions_of(desc, functions)[form_of(desc.relu)];
    // Present in any case, so that the functions may form their addresses.
    desc_.coefficients.resize(static_cast<std::size_t>(desc.inputs), 1.0f);
  }

  std::size_t scratch_bytes(int) const override {
    return static_cast<std::size_t>(desc_.inputs) * sizeof(const float*);
  }
  bool in_place(int) const override { return true; }

  void run(const Call& call) const noexcept override {
    const std::int64_t vectors_per_image = desc_.map.blocks() * desc_.map.pixels();
    const Share share = share_of(call.images * vectors_per_image, call.worker, call.workers);
    const auto inputs = reinterpret_cast<const float**>(call.scratch);
    for (std::int64_t item = share.begin; item < share.end;) {
      const std::int64_t image = item / vectors_per_image, vector = item % vectors_per_image;
      for (std::size_t i = 0; i < static_cast<std::size_t>(desc_.inputs); ++i)
        inputs[i] = call.inputs[i].floats() + image * call.inputs[i].image_stride;
      EltwiseRun run;
      run.inputs = inputs;
      run.offset = vector * kChannelBlock;
      run.coefficients = desc_.coefficients.data();
      run.input_count = desc_.inputs;
      run.output = call.output.floats() + image * call.output.image_stride + run.offset;
      run.vectors = std::min(vectors_per_image - vector, share.end - item);
      run.relu = relu_;
      function_(run);
      item += run.vectors;
    }
  }

 private:
  EltwiseDesc desc_;
  ReluParameters relu_;
  EltwiseFunction function_;
};

double cost(const OpDesc& desc, double unit) {
  const auto* eltwise = std::get_if<EltwiseDesc>(&desc);
  if (eltwise == nullptr) return -1;
  if (eltwise->map.layout != Layout::kNchw16c || eltwise->map.type != DataType::kFloat32) return -1;
  if (eltwise->inputs < 2) return -1;
  const std::size_t coefficients = eltwise->coefficients.size();
  if (coefficients != 0 && coefficients != static_cast<std::size_t>(eltwise->inputs)) return -1;
  return unit * static_cast<double>(eltwise->map.elements()) * eltwise->inputs;
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const EltwiseF32Functions& functions) {
  return std::make_unique<Eltwise>(std::get<EltwiseDesc>(desc), functions);
}

}  // namespace

double eltwise_f32_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> eltwise_f32_generic(const OpDesc& desc) { return create(desc, kEltwiseF32Generic); }

#ifdef OCTET_X86
double eltwise_f32_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> eltwise_f32_avx2(const OpDesc& desc) { return create(desc, kEltwiseF32Avx2); }
double eltwise_f32_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> eltwise_f32_avx512(const OpDesc& desc) { return create(desc, kEltwiseF32Avx512); }
#endif

}  // namespace octet::kernels
