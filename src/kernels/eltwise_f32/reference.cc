// Element-wise operations in plain loops: runs everywhere, and what the fast files are compared with.
#include <algorithm>
#include <cmath>

#include "kernels/eltwise_f32/contract.h"
#include "kernels/layout.h"

namespace octet::kernels {
namespace {

float relu(float x, ReluForm form, ReluParameters parameters) {
  if (form == kNoRelu) return x;
  const float positive = x < 0 ? 0 : x;
  return std::min(form == kPlainRelu ? positive : positive + parameters.slope * std::min(x, 0.0f),
                  parameters.limit);
}

float sum(float a, float x, float) { return a + x; }
float weighted_sum(float a, float x, float coefficient) { return a + x * coefficient; }
float product(float a, float x, float) { return a * x; }
float maximum(float a, float x, float) { return std::isnan(x) ? x : std::max(a, x); }
float minimum(float a, float x, float) { return std::isnan(x) ? x : std::min(a, x); }
float quotient(float a, float x, float) { return a / x; }

template <float (*combine)(float, float, float), ReluForm form>
void eltwise(const EltwiseRun& run) {
  const bool weighted = combine == weighted_sum;
  for (std::int64_t i = 0; i < run.vectors * kChannelBlock; ++i) {
    float value = run.inputs[0][i];
    if (weighted) value *= run.coefficients[0];
    for (std::int64_t n = 1; n < run.input_count; ++n)
      value = combine(value, run.inputs[n][i], weighted ? run.coefficients[n] : 1.0f);
    run.output[i] = relu(value, form, run.relu);
  }
}

template <ReluForm form>
void affine(const AffineRun& run) {
  for (std::int64_t i = 0; i < run.vectors * kChannelBlock; ++i) {
    const std::int64_t lane = i % kChannelBlock;
    run.output[i] = relu(run.input[i] * run.scale[lane] + run.shift[lane], form, run.relu);
  }
}

}  // namespace

const EltwiseF32Functions kEltwiseF32Generic = {
    {eltwise<sum, kNoRelu>, eltwise<sum, kPlainRelu>, eltwise<sum, kLeakyRelu>},
    {eltwise<weighted_sum, kNoRelu>, eltwise<weighted_sum, kPlainRelu>, eltwise<weighted_sum, kLeakyRelu>},
    {eltwise<product, kNoRelu>, eltwise<product, kPlainRelu>, eltwise<product, kLeakyRelu>},
    {eltwise<maximum, kNoRelu>, eltwise<maximum, kPlainRelu>, eltwise<maximum, kLeakyRelu>},
    {eltwise<minimum, kNoRelu>, eltwise<minimum, kPlainRelu>, eltwise<minimum, kLeakyRelu>},
    {eltwise<quotient, kNoRelu>, eltwise<quotient, kPlainRelu>, eltwise<quotient, kLeakyRelu>},
    {affine<kNoRelu>, affine<kPlainRelu>, affine<kLeakyRelu>}};

}  // namespace octet::kernels
