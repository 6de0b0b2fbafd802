// Operations that look at one value, or one channel's parameters, at a time.
#include <algorithm>
#include <cmath>

#include "reference/operations.h"

namespace octet::reference {
namespace {

/// Calls f(channel, x) for every value and writes what it returns.
template <typename F>
void for_each_channel(const Input& in, const Output& out, const F& f) {
  const std::int64_t channels = in.shape[1];
  const std::int64_t pixels = in.shape.elements_per_image() / channels;
  std::size_t at = 0;
  for (std::int64_t plane = 0; plane < in.shape[0] * channels; ++plane) {
    const auto channel = static_cast<std::size_t>(plane % channels);
    for (std::int64_t p = 0; p < pixels; ++p, ++at) {
      out.values[at] = static_cast<float>(f(channel, static_cast<double>(in.values[at])));
    }
  }
}

}  // namespace

double activate(double x, const std::optional<graph::Relu>& relu) {
  if (!relu) return x;
  const double negative = relu->slope == 0 ? 0 : static_cast<double>(relu->slope) * std::min(x, 0.0);
  return std::min(std::max(x, 0.0) + negative, static_cast<double>(relu->limit));
}

void relu(const graph::Relu& op, const Input& in, const Output& out) {
  std::transform(in.values.begin(), in.values.end(), out.values.begin(),
                 [&](float x) { return static_cast<float>(activate(static_cast<double>(x), op)); });
}

void activation(const graph::Activation& op, const Input& in, const Output& out) {
  const double a = static_cast<double>(op.a), b = static_cast<double>(op.b);
  const auto write = [&](auto f) {
    std::transform(in.values.begin(), in.values.end(), out.values.begin(),
                   [&](float x) { return static_cast<float>(f(static_cast<double>(x))); });
  };
  switch (op.function) {
    case graph::ActivationFunction::kSigmoid:
      return write([](double x) { return 1 / (1 + std::exp(-x)); });
    case graph::ActivationFunction::kTanh:
      return write([](double x) { return std::tanh(x); });
    case graph::ActivationFunction::kHardSigmoid:
      return write([&](double x) { return std::clamp(a * x + b, 0.0, 1.0); });
    case graph::ActivationFunction::kHardSwish:
      return write([](double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); });
    case graph::ActivationFunction::kClip:
      return write([&](double x) { return std::clamp(x, a, b); });
    case graph::ActivationFunction::kRounding:
      // The quotient is FP32, as ONNX has it: a tie there need not be one in double.
      return write([&](double x) {
        const double quotient = static_cast<double>(static_cast<float>(x) / op.a);
        return a * (std::clamp(std::nearbyint(quotient) + b, 0.0, 255.0) - b);
      });
  }
}

void batch_norm(const graph::BatchNorm& op, const Input& in, std::span<const float> mean,
                std::span<const float> variance, const Output& out) {
  for_each_channel(in, out, [&](std::size_t c, double x) {
    const double spread = static_cast<double>(variance[c]) + static_cast<double>(op.epsilon);
    return (x - static_cast<double>(mean[c])) / std::sqrt(spread);
  });
}

void channel_affine(const graph::ChannelAffine& op, const Input& in, std::span<const float> scale,
                    std::span<const float> shift, const Output& out) {
  for_each_channel(in, out, [&](std::size_t c, double x) {
    if (!scale.empty()) x *= static_cast<double>(scale[c]);
    if (!shift.empty()) x += static_cast<double>(shift[c]);
    return activate(x, op.relu);
  });
}

namespace {

double combine(graph::EltwiseKind kind, double a, double b) {
  switch (kind) {
    case graph::EltwiseKind::kSum:
      return a + b;
    case graph::EltwiseKind::kProduct:
      return a * b;
    case graph::EltwiseKind::kMax:
      return std::isnan(b) ? b : std::max(a, b);  // of a NaN a NaN
    case graph::EltwiseKind::kMin:
      return std::isnan(b) ? b : std::min(a, b);
    case graph::EltwiseKind::kQuotient:
      return a / b;
  }
  return a;
}

}  // namespace

void eltwise(const graph::Eltwise& op, std::span<const Input> inputs, const Output& out) {
  const std::size_t pixels =
      out.values.size() / static_cast<std::size_t>(out.shape[0] * out.shape.dim_or_1(1));
  const auto term = [&](std::size_t i, std::size_t at) {
    // One pixel is repeated over the map.
    const bool repeated = inputs[i].values.size() != out.values.size();
    const double x = static_cast<double>(inputs[i].values[repeated ? at / pixels : at]);
    return op.coefficients.empty() ? x : x * static_cast<double>(op.coefficients[i]);
  };
  for (std::size_t at = 0; at < out.values.size(); ++at) {
    double result = term(0, at);
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      result = combine(op.kind, result, term(i, at));
    }
    out.values[at] = static_cast<float>(activate(result, op.relu));
  }
}

}  // namespace octet::reference
