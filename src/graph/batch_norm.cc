#include "graph/batch_norm.h"

#include <fmt/format.h>

#include <cmath>
#include <span>

#include "graph/describe.h"
#include "octet/error.h"

namespace octet::graph {

std::vector<Weights> batch_norm_as_affine(const Node& node) {
  const float epsilon = std::get<BatchNorm>(node.op).epsilon;
  const std::span<const float> mean = node.weights[0].values();
  const std::span<const float> variance = node.weights[1].values();
  std::vector<float> scale(mean.size());
  std::vector<float> shift(mean.size());
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double spread = static_cast<double>(variance[c]) + static_cast<double>(epsilon);
    if (!(spread > 0)) {  // NaN too
      throw Error(ErrorCode::kInvalidNetwork,
                  fmt::format("{}: variance {} + epsilon {} of channel {} is not above 0", where(node),
                              variance[c], epsilon, c));
    }
    const double factor = 1.0 / std::sqrt(spread);
    scale[c] = static_cast<float>(factor);
    shift[c] = static_cast<float>(-static_cast<double>(mean[c]) * factor);
  }
  const Shape& channels = node.weights[0].shape();
  return {Weights(channels, scale), Weights(channels, shift)};
}

}  // namespace octet::graph
