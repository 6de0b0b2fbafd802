// Element-wise integer kernels: what does not depend on the instruction set. Computes the inputs' factors and
// splits pixels over workers.
#include <algorithm>
#include <cmath>

#include "kernels/eltwise_i8/contract.h"
#include "kernels/eltwise_i8/finish.h"
#include "kernels/families.h"
#include "kernels/integer/padding.h"

namespace octet::kernels {
namespace {

class Eltwise final : public Kernel {
 public:
  Eltwise(const EltwiseDesc& desc, const EltwiseI8Functions& functions)
      : out_(desc.map), in_(desc.input_maps), finish_(finish_of(desc.map, desc.relu)) {
    const bool bytes = desc.map.type == DataType::kUInt8, sum = desc.kind == EltwiseKind::kSum;
    function_ =
        sum ? (bytes ? functions.sum_u8 : functions.sum_s16) : (bytes ? functions.max_u8 : functions.max_s16);
    float constant = static_cast<float>(out_.quantization.zero_point);
    for (std::size_t i = 0; i < in_.size(); ++i) {
      EltwiseI8Input input{};
      input.pixel_step = in_[i].pixel_step();
      const Quantization& q = in_[i].quantization;
      if (sum) {
        input.scale =
            (desc.coefficients.empty() ? 1.0f : desc.coefficients[i]) * (q.scale / out_.quantization.scale);
        constant = std::fmaf(-input.scale, static_cast<float>(q.zero_point), constant);
      } else {
        const integer::Rescale rescale = integer::rescale(q, out_.quantization);
        input.scale = rescale.scale, input.offset = rescale.offset;
      }
      inputs_.push_back(input);
    }
    if (sum) inputs_[0].offset = constant;
  }

  std::size_t scratch_bytes(int) const override { return inputs_.size() * sizeof(EltwiseI8Input); }
  bool in_place(int input) const override {
    return in_[static_cast<std::size_t>(input)].pixel_step() == out_.pixel_step();
  }

  void run(const Call& call) const noexcept override {
    const Share share = share_of(call.images * out_.pixels(), call.worker, call.workers);
    const auto size = static_cast<std::int64_t>(size_of(out_.type));
    auto* inputs = reinterpret_cast<EltwiseI8Input*>(call.scratch);
    std::copy(inputs_.begin(), inputs_.end(), inputs);
    for (std::int64_t item = share.begin; item < share.end;) {
      const std::int64_t image = item / out_.pixels(), pixel = item % out_.pixels();
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
      run.pixels = std::min(out_.pixels() - pixel, share.end - item);
      run.range_low = integer::range_of(out_).low;
      run.finish = finish_;
      function_(run);
      // The constants' rounding could leave the zero point where scales differ by many thousands.
      integer::fill_padding(run.output, out_, run.pixels);
      item += run.pixels;
    }
  }

 private:
  FeatureMap out_;
  std::vector<FeatureMap> in_;
  EltwiseI8Finish finish_;
  EltwiseI8Function function_;
  std::vector<EltwiseI8Input> inputs_;
};

double cost(const OpDesc& desc, double unit) {
  const auto* d = std::get_if<EltwiseDesc>(&desc);
  if (d == nullptr || d->kind == EltwiseKind::kProduct || !integer::is_narrow_map(d->map)) return -1;
  if (d->inputs < 2 || d->input_maps.size() != static_cast<std::size_t>(d->inputs)) return -1;
  if (!d->coefficients.empty() && d->coefficients.size() != d->input_maps.size()) return -1;
  if (d->kind == EltwiseKind::kMax && !d->coefficients.empty()) return -1;
  for (const float c : d->coefficients)
    if (!std::isfinite(c)) return -1;
  if (!integer::has_valid_relu(d->relu)) return -1;
  for (const FeatureMap& input : d->input_maps)
    if (!integer::is_narrow_map(input) || !are_alike(input, d->map)) return -1;
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
