#include <algorithm>
#include <bit>

#include "cuda/device/softmax.h"
#include "cuda/kernels/families.h"
#include "cuda/kernels/map_view.h"
#include "cuda/kernels/parameters.h"

namespace octet::cuda {
namespace {

class Softmax final : public DeviceKernel {
 public:
  explicit Softmax(const kernels::SoftmaxDesc& desc)
      : map_(desc.map), function_(desc.logarithm ? Function::log_softmax : Function::softmax) {
    // 16 threads a block of channels; what is left of them does further pixels.
    const std::int64_t rows = describe(function_).threads / 16;
    params_.pixels = to_int(map_.pixels()), params_.channels = to_int(map_.channels);
    params_.chunk = to_int(std::min<std::int64_t>(map_.blocks(), device::kSoftmaxChunk));
    params_.run = to_int(std::bit_floor(static_cast<std::uint64_t>(rows / std::min(map_.blocks(), rows))));
    shared_bytes_ = params_.run * (params_.chunk * 16 + 1) * static_cast<int>(sizeof(double)) +
                    describe(function_).threads * static_cast<int>(sizeof(float));
  }

  // A thread reads a value before it writes the same one, and all maxima are known by then.
  bool in_place(int) const override { return true; }

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    device::SoftmaxParams p = params_;
    p.input = call.inputs[0].floats();
    p.output = call.output.floats();
    p.input_image = call.inputs[0].image_stride;
    p.output_image = call.output.image_stride;
    p.items = call.images * map_.pixels();
    launcher.launch(function_, {(p.items + p.run - 1) / p.run}, p, shared_bytes_);
  }

 private:
  kernels::FeatureMap map_;
  Function function_;
  device::SoftmaxParams params_ = {};
  int shared_bytes_;
};

}  // namespace

double softmax_f32_cost(const kernels::OpDesc& desc, int /*images*/) {
  const auto* softmax = std::get_if<kernels::SoftmaxDesc>(&desc);
  if (softmax == nullptr || !is_real_map(softmax->map)) return kCannot;
  return microseconds_of_bytes(2 * softmax->map.bytes());
}
std::unique_ptr<kernels::Kernel> softmax_f32(const kernels::OpDesc& desc) {
  return std::make_unique<Softmax>(std::get<kernels::SoftmaxDesc>(desc));
}

}  // namespace octet::cuda
