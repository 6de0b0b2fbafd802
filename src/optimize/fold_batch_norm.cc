// (x - mean) / sqrt(variance + epsilon) = x * scale + shift with
//   scale = 1 / sqrt(variance + epsilon)   and   shift = -mean * scale.
#include <fmt/format.h>

#include <cmath>

#include "graph/describe.h"
#include "octet/error.h"
#include "optimize/pass.h"

namespace octet::optimize {

int fold_batch_norm(graph::Graph& graph) {
  int changes = 0;
  for (graph::Node& node : graph.nodes) {
    const auto* norm = std::get_if<graph::BatchNorm>(&node.op);
    if (norm == nullptr) continue;
    const std::span<const float> mean = node.weights[0].values();
    const std::span<const float> variance = node.weights[1].values();
    std::vector<float> scale(mean.size());
    std::vector<float> shift(mean.size());
    for (std::size_t c = 0; c < mean.size(); ++c) {
      const double spread = static_cast<double>(variance[c]) + static_cast<double>(norm->epsilon);
      if (!(spread > 0)) {
        throw Error(ErrorCode::kInvalidNetwork,
                    fmt::format("{}: variance {} + epsilon {} of channel {} is not above 0", where(node),
                                variance[c], norm->epsilon, c));
      }
      const double factor = 1.0 / std::sqrt(spread);
      scale[c] = static_cast<float>(factor);
      shift[c] = static_cast<float>(-static_cast<double>(mean[c]) * factor);
    }
    const Shape shape = node.weights[0].shape();
    node.weights = {graph::Weights(shape, scale), graph::Weights(shape, shift)};
    node.op = graph::ChannelAffine{};
    ++changes;
  }
  return changes;
}

}  // namespace octet::optimize
