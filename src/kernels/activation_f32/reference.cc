// Activations in plain loops: runs everywhere, and what the fast files are compared with.
#include "kernels/activation_f32/contract.h"
#include "kernels/activation_function.h"

namespace octet::kernels {
namespace {

template <ActivationFunction function>
void activate(const ActivationF32Run& run) {
  ActivationDesc desc;
  desc.function = function, desc.a = run.a, desc.b = run.b;
  for (std::int64_t i = 0; i < run.vectors * kChannelBlock; ++i) {
    const double y = activation(desc, static_cast<double>(run.input[i]));
    run.output[i] = static_cast<float>(y) * run.lanes[i % kChannelBlock];
  }
}

}  // namespace

const ActivationF32Functions kActivationF32Generic = {
    activate<ActivationFunction::kSigmoid>,     activate<ActivationFunction::kTanh>,
    activate<ActivationFunction::kHardSigmoid>, activate<ActivationFunction::kHardSwish>,
    activate<ActivationFunction::kClip>,        activate<ActivationFunction::kRounding>};

}  // namespace octet::kernels
