// Activation kernels on bytes: what does not depend on the instruction set. Makes the table and splits pixels
// over workers.
#include <cmath>

#include "kernels/activation_function.h"
#include "kernels/activation_i8/contract.h"
#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/integer/padding.h"

namespace octet::kernels {
namespace {

constexpr int kTableSize = 256;

class Activation final : public Kernel {
 public:
  Activation(const ActivationDesc& desc, ActivationI8Function function) : desc_(desc), function_(function) {}

  std::size_t packed_bytes() const override { return kTableSize; }
  void pack(std::span<const std::span<const float>>, std::span<std::byte> packed) const override {
    const Quantization &from = desc_.map.quantization, &to = desc_.output.quantization;
    for (int q = 0; q < kTableSize; ++q) {
      const double y = activation(desc_, static_cast<double>(from.scale) * (q - from.zero_point));
      const auto scaled = static_cast<float>(y / static_cast<double>(to.scale) + to.zero_point);
      packed[static_cast<std::size_t>(q)] =
          static_cast<std::byte>(integer::to_integer(scaled, integer::range_of(desc_.output)));
    }
  }
  bool in_place(int) const override { return desc_.map.pixel_step() == desc_.output.pixel_step(); }

  void run(const Call& call) const noexcept override {
    const FeatureMap &in = desc_.map, &out = desc_.output;
    const Share share = share_of(call.images * in.pixels(), call.worker, call.workers);
    for (const auto [image, pixel, pixels] : Stretches(share, in.pixels())) {
      ActivationI8Run run{};
      run.input_step = in.pixel_step(), run.output_step = out.pixel_step();
      run.input = call.inputs[0].bytes() + image * call.inputs[0].image_stride + pixel * run.input_step;
      run.output = call.output.bytes() + image * call.output.image_stride + pixel * run.output_step;
      run.channels = in.padded_channels();
      run.pixels = pixels;
      run.table = reinterpret_cast<const std::uint8_t*>(call.weights);
      function_(run);
      // f(0) need not be 0, nor the zero points the same.
      integer::fill_padding(run.output, out, run.pixels);
    }
  }

 private:
  ActivationDesc desc_;
  ActivationI8Function function_;
};

double cost(const OpDesc& desc, double unit) {
  const auto* d = std::get_if<ActivationDesc>(&desc);
  if (d == nullptr || d->map.type != DataType::kUInt8 || d->output.type != DataType::kUInt8) return -1;
  if (!integer::is_narrow_map(d->map) || !integer::is_narrow_map(d->output)) return -1;
  if (!d->map.same_sizes(d->output) || std::isnan(d->a) || std::isnan(d->b)) return -1;
  return unit * static_cast<double>(d->map.padded_channels()) * static_cast<double>(d->map.pixels());
}

std::unique_ptr<Kernel> create(const OpDesc& desc, ActivationI8Function function) {
  return std::make_unique<Activation>(std::get<ActivationDesc>(desc), function);
}

}  // namespace

double activation_i8_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> activation_i8_generic(const OpDesc& desc) {
  return create(desc, kActivationI8Generic);
}

#ifdef OCTET_X86
double activation_i8_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> activation_i8_avx2(const OpDesc& desc) { return create(desc, kActivationI8Avx2); }
double activation_i8_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> activation_i8_avx512(const OpDesc& desc) { return create(desc, kActivationI8Avx512); }
#endif

}  // namespace octet::kernels
