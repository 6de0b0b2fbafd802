// One Caffe layer -> one operation of the graph, from its parameters alone: no shapes, no wiring, no weights.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "graph/graph.h"
#include "import/caffe/caffe.pb.h"

namespace octet::caffe {

struct LayerOp {
  graph::Op op;
  /// How many blobs the layer has in a caffemodel.
  int blobs = 0;
  /// The first blob is stored transposed (InnerProduct's `transpose`).
  bool transposed = false;
  /// Its single blob is the shift, not the scale (a Bias layer).
  bool shift_only = false;
  /// The axis that the file gives where the operation is only defined along the channels, axis 1. It may
  /// count from the end, so it is checked when the shapes are known.
  std::optional<std::int64_t> channel_axis = std::nullopt;
};

/// Throws Error(kUnsupported) for a layer type or a form of a layer that Octet does not have, and
/// Error(kInvalidNetwork) for parameters that make no sense; both name `origin`.
LayerOp convert_layer(const LayerParameter& layer, const Origin& origin);

/// Throws as above unless `convert_layer` knows the type. An "Input" layer is known, though not converted.
void check_layer_type(const LayerParameter& layer, const Origin& origin);

/// Throws Error(kInvalidNetwork) unless the layer has as many bottoms and tops as its type takes.
void check_arity(const LayerParameter& layer, const Origin& origin);

}  // namespace octet::caffe
