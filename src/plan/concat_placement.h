// Concatenation without copies: which tensors are written straight into their place in a concatenation's
// result.
#pragma once

#include <cstdint>
#include <map>

#include "graph/graph.h"

namespace octet::plan {

struct ConcatPlace {
  graph::TensorId concat;  // the result that the tensor is a part of
  std::int64_t channel;    // its first channel there, a multiple of 16
};
using ConcatPlacement = std::map<graph::TensorId, ConcatPlace>;

/// A tensor goes straight into a concatenation along channels if it is made by a kernel (not an input, not a
/// view of another tensor), begins there at a multiple of 16 channels, and either fills whole blocks or is
/// the last part (otherwise its padding lanes, which must read as zero, would be its neighbour's values). A
/// tensor in two concatenations goes into the first; the second copies. Results of concatenations may be
/// parts of others.
ConcatPlacement place_concats(const graph::Graph& graph);

}  // namespace octet::plan
