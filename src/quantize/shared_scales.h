// Which tensors of an optimised graph must have one scale and zero point, and which can do without negative
// numbers.
//
// A maximum, a flatten, a concatenation and the like pass integers on as they are, so their inputs and
// outputs form a group. The scale of a group follows from the distribution of its sources together: the
// members that a node computes anew. (Of a concatenation's inputs that is the distribution of the result.)
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace octet::quantize {

struct ScaleGroup {
  std::vector<graph::TensorId> members;  ///< in the order in which they are made
  std::vector<graph::TensorId> sources;  ///< of them
  /// The tensor that stands for the group: its only source, or its last concatenation.
  graph::TensorId leader = -1;
  /// All its values are >= 0 whatever the picture: what a ReLU or a softmax leaves, and what pooling,
  /// normalisation, concatenation and sums make of such tensors.
  bool never_negative = false;
  /// No layer with weights reads it any more, directly or not: what becomes of it are the network's scores.
  bool scores = false;
};

/// By TensorId: whether all values are >= 0 whatever the picture.
std::vector<bool> never_negative_tensors(const graph::Graph& graph);

/// Whether a node's output integers are input integers, so that they mean the same.
bool passes_values_on(const graph::Op& op);

/// Of the tensors that an output depends on and of the inputs; groups in the order of their first member.
std::vector<ScaleGroup> shared_scales(const graph::Graph& graph);

/// Why a node that is no convolution or fully connected layer cannot work on integers; empty if it can, or
/// computes nothing.
std::string reason_for_fp32(const graph::Node& node);

}  // namespace octet::quantize
