// The softmax kernel: splits pixels over workers.
#include "kernels/families.h"
#include "kernels/softmax_f32/contract.h"

namespace octet::kernels {
namespace {

class Softmax final : public Kernel {
 public:
  explicit Softmax(const SoftmaxDesc& desc)
      : map_(desc.map), function_(desc.logarithm ? log_softmax_pixel : softmax_pixel) {}

  bool in_place(int) const override { return true; }

  void run(const Call& call) const noexcept override {
    const Share share = share_of(call.images * map_.pixels(), call.worker, call.workers);
    for (std::int64_t item = share.begin; item < share.end; ++item) {
      const std::int64_t image = item / map_.pixels(), pixel = item % map_.pixels();
      SoftmaxPixel values;
      values.input = call.inputs[0].floats() + image * call.inputs[0].image_stride + pixel * kChannelBlock;
      values.output = call.output.floats() + image * call.output.image_stride + pixel * kChannelBlock;
      values.block_pitch = map_.pixels() * kChannelBlock;
      values.channels = map_.channels;
      function_(values);
    }
  }

 private:
  FeatureMap map_;
  void (*function_)(const SoftmaxPixel& pixel);
};

}  // namespace

double softmax_f32_generic_cost(const OpDesc& desc, int) {
  const auto* softmax = std::get_if<SoftmaxDesc>(&desc);
  if (softmax == nullptr) return -1;
  if (softmax->map.layout != Layout::kNchw16c || softmax->map.type != DataType::kFloat32) return -1;
  return static_cast<double>(softmax->map.elements());
}
std::unique_ptr<Kernel> softmax_f32_generic(const OpDesc& desc) {
  return std::make_unique<Softmax>(std::get<SoftmaxDesc>(desc));
}

}  // namespace octet::kernels
