// Which FP32 weights are there at a moment: those of a network as it was given, as far as anybody still holds
// them, and those that a plan will pack.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "graph/graph.h"
#include "plan/plan.h"

namespace octet::api {

class WeightWatch {
 public:
  /// Holds none of the weights.
  explicit WeightWatch(const graph::Graph& given);

  struct Bytes {
    std::uint64_t present = 0;  ///< of the network and of the plan
    std::uint64_t kept = 0;     ///< of the network, by somebody else than the plan
  };
  Bytes count(const plan::Plan& plan) const;

 private:
  std::vector<std::weak_ptr<const base::AlignedBuffer>> given_;
};

}  // namespace octet::api
