// Reading the weights of a ChannelAffine, either of which may be absent.
#pragma once

#include "graph/graph.h"

namespace octet::optimize {

class AffineView {
 public:
  explicit AffineView(const graph::Node& node) : scale_(values(node, 0)), shift_(values(node, 1)) {}

  double scale(std::size_t channel) const {
    return scale_.empty() ? 1.0 : static_cast<double>(scale_[channel]);
  }
  double shift(std::size_t channel) const {
    return shift_.empty() ? 0.0 : static_cast<double>(shift_[channel]);
  }
  bool has_shift() const { return !shift_.empty(); }

 private:
  static std::span<const float> values(const graph::Node& node, std::size_t index) {
    if (index >= node.weights.size()) return {};
    return node.weights[index].values();
  }
  std::span<const float> scale_, shift_;
};

}  // namespace octet::optimize
