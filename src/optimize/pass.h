// A pass: one rule that rewrites a graph into one that computes the same thing with less work. Each stands in
// a file of its own that opens with the identity it uses; the list in pass.cc is the order in which they run.
//
// What every pass keeps: graph inputs and outputs with their tensor names, the order of nodes (producers
// first), and valid shapes and weights. Nothing is fused across a tensor that is a graph output or that has a
// second reader. All weights must have values. What a rule cannot rewrite stays as it is and runs as it is.
#pragma once

#include <span>

#include "graph/graph.h"

namespace octet::optimize {

struct Pass {
  const char* name;
  const char* description;
  int (*run)(graph::Graph& graph);  // returns how many rewrites it did
};

/// In the order in which they run.
std::span<const Pass> all_passes();

int merge_reshape(graph::Graph& graph);
int fold_pad_into_convolution(graph::Graph& graph);
int eliminate_dead_code(graph::Graph& graph);
int remove_identity(graph::Graph& graph);
int fold_batch_norm(graph::Graph& graph);
int merge_channel_affine(graph::Graph& graph);
int fold_affine_into_convolution(graph::Graph& graph);
int fuse_residual(graph::Graph& graph);
int fuse_relu(graph::Graph& graph);

}  // namespace octet::optimize
