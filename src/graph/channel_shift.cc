#include "graph/channel_shift.h"

#include <cstddef>
#include <vector>

namespace octet::graph {

std::optional<std::span<const float>> channel_shift(const Node& node) {
  const auto* affine = std::get_if<ChannelAffine>(&node.op);
  const bool shifts = affine != nullptr && !affine->relu && node.weights.size() == 2 &&
                      node.weights[0].empty() && !node.weights[1].empty();
  return shifts ? std::optional(node.weights[1].values()) : std::nullopt;
}

Weights bias_with_shift(const Node& convolution, std::span<const float> shift) {
  const auto& op = std::get<Convolution>(convolution.op);
  const Shape& shape = convolution.weights[0].shape();
  const auto outputs = static_cast<std::size_t>(shape[0]), inputs = static_cast<std::size_t>(shape[1]);
  const auto taps = static_cast<std::size_t>(shape[2] * shape[3]);
  const std::size_t outputs_of_group = outputs / static_cast<std::size_t>(op.groups);
  const float* weight = convolution.weights[0].values().data();
  std::vector<float> bias;
  for (std::size_t k = 0; k < outputs; ++k) {
    const std::span<const float> of_group = shift.subspan(k / outputs_of_group * inputs, inputs);
    double sum =
        convolution.weights.size() > 1 ? static_cast<double>(convolution.weights[1].values()[k]) : 0.0;
    for (const float each : of_group)
      for (std::size_t t = 0; t < taps; ++t)
        sum += static_cast<double>(each) * static_cast<double>(*weight++);
    bias.push_back(static_cast<float>(sum));
  }
  return {Shape{shape[0]}, bias};
}

}  // namespace octet::graph
