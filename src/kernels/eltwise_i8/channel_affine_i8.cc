// Channel affine kernels on integers: what does not depend on the instruction set. Packs a factor and an
// offset a channel and splits pixels over workers.
#include <algorithm>
#include <cmath>

#include "kernels/eltwise_i8/contract.h"
#include "kernels/eltwise_i8/finish.h"
#include "kernels/families.h"
#include "kernels/integer/padding.h"

namespace octet::kernels {
namespace {

class ChannelAffine final : public Kernel {
 public:
  ChannelAffine(const ChannelAffineDesc& desc, const EltwiseI8Functions& functions)
      : in_(desc.map), out_(desc.output), finish_(finish_of(desc.output, desc.relu)) {
    function_ = in_.type == DataType::kUInt8 ? functions.affine_u8 : functions.affine_s16;
  }

  /// Factors of all padded channels, then offsets; in the padding lanes 0 and the zero point.
  std::size_t packed_bytes() const override {
    return 2 * static_cast<std::size_t>(in_.padded_channels()) * sizeof(float);
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    float* factors = reinterpret_cast<float*>(packed.data());
    float* offsets = factors + in_.padded_channels();
    const Quantization &from = in_.quantization, &to = out_.quantization;
    const auto zero_in = static_cast<float>(from.zero_point), zero_out = static_cast<float>(to.zero_point);
    std::fill_n(factors, in_.padded_channels(), 0.0f);
    std::fill_n(offsets, in_.padded_channels(), zero_out);
    for (std::int64_t c = 0; c < in_.channels; ++c) {
      const auto at = static_cast<std::size_t>(c);
      const float scale = weights.size() > 0 && !weights[0].empty() ? weights[0][at] : 1.0f;
      const float shift = weights.size() > 1 && !weights[1].empty() ? weights[1][at] : 0.0f;
      factors[c] = scale * from.scale / to.scale;
      offsets[c] = std::fmaf(-factors[c], zero_in, shift / to.scale + zero_out);
    }
  }
  bool in_place(int) const override { return in_.pixel_step() == out_.pixel_step(); }

  void run(const Call& call) const noexcept override {
    const Share share = share_of(call.images * in_.pixels(), call.worker, call.workers);
    const auto size = static_cast<std::int64_t>(size_of(in_.type));
    for (const auto [image, pixel, pixels] : Stretches(share, in_.pixels())) {
      AffineI8Run run{};
      run.input_step = in_.pixel_step(), run.output_step = out_.pixel_step();
      run.input = call.inputs[0].data + (image * call.inputs[0].image_stride + pixel * run.input_step) * size;
      run.output = call.output.data + (image * call.output.image_stride + pixel * run.output_step) * size;
      run.channels = in_.padded_channels();
      run.pixels = pixels;
      run.factors = reinterpret_cast<const float*>(call.weights);
      run.offsets = run.factors + in_.padded_channels();
      run.finish = finish_;
      function_(run);
    }
  }

 private:
  FeatureMap in_, out_;
  EltwiseI8Finish finish_;
  AffineI8Function function_;
};

double cost(const OpDesc& desc, double unit) {
  const auto* d = std::get_if<ChannelAffineDesc>(&desc);
  if (d == nullptr || !integer::is_narrow_map(d->map) || !integer::is_narrow_map(d->output)) return -1;
  if (!are_alike(d->map, d->output)) return -1;
  if (!integer::has_valid_relu(d->relu)) return -1;
  return unit * static_cast<double>(d->map.padded_channels()) * static_cast<double>(d->map.pixels());
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const EltwiseI8Functions& functions) {
  return std::make_unique<ChannelAffine>(std::get<ChannelAffineDesc>(desc), functions);
}

}  // namespace

double channel_affine_i8_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> channel_affine_i8_generic(const OpDesc& desc) {
  return create(desc, kEltwiseI8Generic);
}

#ifdef OCTET_X86
double channel_affine_i8_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> channel_affine_i8_avx2(const OpDesc& desc) { return create(desc, kEltwiseI8Avx2); }
double channel_affine_i8_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> channel_affine_i8_avx512(const OpDesc& desc) {
  return create(desc, kEltwiseI8Avx512);
}
#endif

}  // namespace octet::kernels
