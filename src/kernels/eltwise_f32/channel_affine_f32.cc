// Channel affine kernels: what does not depend on the instruction set. Packs scale and shift by channel
// blocks and splits the images' vectors over workers.
#include <algorithm>

#include "kernels/eltwise_f32/contract.h"
#include "kernels/eltwise_f32/relu_form.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace {

class ChannelAffine final : public Kernel {
 public:
  ChannelAffine(const ChannelAffineDesc& desc, const EltwiseF32Functions& functions)
      : map_(desc.map), relu_(parameters_of(desc.relu)), function_(functions.affine[form_of(desc.relu)]) {}

  /// Scale of all padded channels, then shift; both zero in the padding lanes.
  std::size_t packed_bytes() const override {
    return 2 * static_cast<std::size_t>(map_.padded_channels()) * sizeof(float);
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    float* scale = reinterpret_cast<float*>(packed.data());
    float* shift = scale + map_.padded_channels();
    std::fill_n(scale, 2 * map_.padded_channels(), 0.0f);
    std::fill_n(scale, map_.channels, 1.0f);
    if (weights.size() > 0) std::copy(weights[0].begin(), weights[0].end(), scale);
    if (weights.size() > 1) std::copy(weights[1].begin(), weights[1].end(), shift);
  }
  bool in_place(int) const override { return true; }

  void run(const Call& call) const noexcept override {
    const std::int64_t vectors = call.images * map_.blocks() * map_.pixels();
    const Share share = share_of(vectors, call.worker, call.workers);
    const float* scale = reinterpret_cast<const float*>(call.weights);
    const float* shift = scale + map_.padded_channels();
    for (const auto [plane, pixel, count] : Stretches(share, map_.pixels())) {
      const std::int64_t image = plane / map_.blocks(), block = plane % map_.blocks();
      const std::int64_t offset = (block * map_.pixels() + pixel) * kChannelBlock;
      AffineRun run;
      run.input = call.inputs[0].floats() + image * call.inputs[0].image_stride + offset;
      run.output = call.output.floats() + image * call.output.image_stride + offset;
      run.scale = scale + block * kChannelBlock;
      run.shift = shift + block * kChannelBlock;
      run.vectors = count;
      run.relu = relu_;
      function_(run);
    }
  }

 private:
  FeatureMap map_;
  ReluParameters relu_;
  AffineFunction function_;
};

double cost(const OpDesc& desc, double unit) {
  const auto* affine = std::get_if<ChannelAffineDesc>(&desc);
  if (affine == nullptr) return -1;
  if (affine->map.layout != Layout::kNchw16c || affine->map.type != DataType::kFloat32) return -1;
  return unit * static_cast<double>(affine->map.elements());
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const EltwiseF32Functions& functions) {
  return std::make_unique<ChannelAffine>(std::get<ChannelAffineDesc>(desc), functions);
}

}  // namespace

double channel_affine_f32_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> channel_affine_f32_generic(const OpDesc& desc) {
  return create(desc, kEltwiseF32Generic);
}

#ifdef OCTET_X86
double channel_affine_f32_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> channel_affine_f32_avx2(const OpDesc& desc) { return create(desc, kEltwiseF32Avx2); }
double channel_affine_f32_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> channel_affine_f32_avx512(const OpDesc& desc) {
  return create(desc, kEltwiseF32Avx512);
}
#endif

}  // namespace octet::kernels
