// Shapes and sanity: what every graph must pass before anything is allocated for it.
#pragma once

#include "graph/graph.h"

namespace octet::graph {

/// Largest dimension and largest element count of one tensor (per image) that Octet accepts: a limit on
/// nonsense, far above real networks, and low enough that no product of sizes overflows 64 bits.
inline constexpr std::int64_t kMaxDimension = std::int64_t{1} << 24;
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 34;

/// Sets every tensor's shape from the Input nodes' shapes (already in their tensors). Weights need not be
/// there yet. Throws Error(kInvalidNetwork) naming origin and shapes: a window larger than its padded input,
/// inputs that disagree, dimensions < 1 or above the limits, an axis out of range.
void infer_shapes(Graph& graph);

/// The same for the last node alone, whose inputs have their shapes: for who needs shapes while adding nodes.
void infer_last_shape(Graph& graph);

/// True if an element-wise operation repeats a tensor of shape `one_pixel`, {1, C, 1, 1}, over the pixels of
/// one of shape `map`, {1, C, H, W}.
bool is_repeated_over(const Shape& one_pixel, const Shape& map);

/// Expected shapes of a node's weights, in order, from its attributes and its inputs' shapes (needs
/// infer_shapes). An entry of rank 0 is an optional weight that is absent in this node (no bias).
std::vector<Shape> weight_shapes(const Graph& graph, const Node& node, bool with_bias);

/// Structure, shapes and weights agree: order, single producers, known ids, inferred shapes equal to stored
/// ones, weights (placeholders too) of the right shapes. Cheap enough to run after each pass in tests. Throws
/// Error(kInvalidNetwork or kMismatch).
void validate(const Graph& graph);

/// No weights are placeholders: all have values. Throws Error(kMismatch) naming the layer.
void check_weights_there(const Graph& graph);

/// Weights are there and finite. Throws Error(kMismatch or kInvalidNetwork) naming layer, blob index and
/// element. Reads all weights once.
void check_weights_finite(const Graph& graph);

}  // namespace octet::graph
