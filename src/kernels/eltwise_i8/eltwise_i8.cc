// Element-wise integer kernels: what does not depend on the instruction set. Computes the inputs' factors and
// splits pixels over workers.
#include <algorithm>
#include <cmath>

#include "kernels/eltwise_i8/contract.h"
#include "kernels/eltwise_i8/factors.h"
#include "kernels/eltwise_i8/finish.h"
#include "kernels/families.h"
#include "kernels/integer/padding.h"

namespace octet::kernels {
namespace {

EltwiseI8Function function_of(const EltwiseDesc& desc, const EltwiseI8Functions& functions) {
  const bool bytes = desc.map.type == DataType::kUInt8;
  switch (desc.kind) {
    case EltwiseKind::kSum:
      return bytes ? functions.sum_u8 : functions.sum_s16;
    case EltwiseKind::kProduct:
      return bytes ? functions.product_u8 : functions.product_s16;
    case EltwiseKind::kMax:
      return bytes ? functions.max_u8 : functions.max_s16;
    case EltwiseKind::kMin:
      return bytes ? functions.min_u8 : functions.min_s16;
    case EltwiseKind::kQuotient:
      break;
  }
  return nullptr;
}

class Eltwise final : public Kernel {
 public:
  Eltwise(const EltwiseDesc& desc, const EltwiseI8Functions& functions)
      : out_(desc.map),
        finish_(finish_of(desc.map, desc.relu)),
        function_(function_of(desc, functions)),
        inputs_(desc.input_maps.size()) {
    scale_ = set_factors(desc, inputs_);
  }

  std::size_t scratch_bytes(int) const override { return inputs_.size() * sizeof(EltwiseI8Input); }
  bool in_place(int input) const override {
    return inputs_[static_cast<std::size_t>(input)].pixel_step == out_.pixel_step();
  }

  void run(const Call& call) const noexcept override {
    const Share share = share_of(call.images * out_.pixels(), call.worker, call.workers);
    const auto size = static_cast<std::int64_t>(size_of(out_.type));
    auto* inputs = reinterpret_cast<EltwiseI8Input*>(call.scratch);
    std::copy(inputs_.begin(), inputs_.end(), inputs);
    for (const auto [image, pixel, pixels] : Stretches(share, out_.pixels())) {
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        inputs[i].data =
            call.inputs[i].data + (image * call.inputs[i].image_stride + pixel * inputs[i].pixel_step) * size;
      }
      EltwiseI8Run run{};
      run.inputs = inputs;
      run.input_count = static_cast<std::int64_t>(inputs_.size());
      run.output_step = out_.pixel_step();
      run.output = call.output.data + (image * call.output.image_stride + pixel * run.output_step) * size;
      run.channels = out_.padded_channels();
      run.pixels = pixels;
      run.range_low = integer::range_of(out_).low;
      run.scale = scale_;
      run.finish = finish_;
      function_(run);
      // The constants' rounding could leave the zero point where scales differ by many thousands.
      integer::fill_padding(run.output, out_, run.pixels);
    }
  }

 private:
  FeatureMap out_;
  EltwiseI8Finish finish_;
  EltwiseI8Function function_;
  std::vector<EltwiseI8Input> inputs_;
  float scale_ = 0;  // of a product
};

bool may_be_combined(const FeatureMap& input, const FeatureMap& output) {
  return are_alike(input, output) || (input.type == output.type && is_repeated_over(input, output));
}

double cost(const OpDesc& desc, double unit) {
  const auto* d = std::get_if<EltwiseDesc>(&desc);
  if (d == nullptr || d->kind == EltwiseKind::kQuotient || !integer::is_narrow_map(d->map)) return -1;
  if (d->inputs < 2 || d->input_maps.size() != static_cast<std::size_t>(d->inputs)) return -1;
  if (!d->coefficients.empty() && d->coefficients.size() != d->input_maps.size()) return -1;
  if (d->kind != EltwiseKind::kSum && !d->coefficients.empty()) return -1;
  for (const float c : d->coefficients)
    if (!std::isfinite(c)) return -1;
  if (!integer::has_valid_relu(d->relu)) return -1;
  for (const FeatureMap& input : d->input_maps)
    if (!integer::is_narrow_map(input) || !may_be_combined(input, d->map)) return -1;
  return unit * static_cast<double>(d->map.padded_channels()) * static_cast<double>(d->map.pixels()) *
         d->inputs;
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const EltwiseI8Functions& functions) {
  return std::make_unique<Eltwise>(std::get<EltwiseDesc>(desc), functions);
}

}  // namespace

double eltwise_i8_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> eltwise_i8_generic(const OpDesc& desc) { return create(desc, kEltwiseI8Generic); }

#ifdef OCTET_X86
double eltwise_i8_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> eltwise_i8_avx2(const OpDesc& desc) { return create(desc, kEltwiseI8Avx2); }
double eltwise_i8_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> eltwise_i8_avx512(const OpDesc& desc) { return create(desc, kEltwiseI8Avx512); }
#endif

}  // namespace octet::kernels
