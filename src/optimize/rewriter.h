// The one move that the fusing passes share: a node absorbs the only reader of its result and makes that
// reader's result itself. Keeps track of who makes what while nodes go, and removes them at the end.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace octet::optimize {

class Rewriter {
 public:
  explicit Rewriter(graph::Graph& graph);

  /// Index of the node that makes tensor `t` if the tensor has one reader and is no graph output; else
  /// -1.
  int sole_producer(graph::TensorId t) const;

  /// Node `producer` now makes what node `reader` made; `reader` goes.
  void absorb(int producer, int reader);
  /// The same, and the producer moves to the reader's place among the nodes, where the reader's other inputs
  /// are known.
  void absorb_and_move(int producer, int reader);

  /// Removes the absorbed nodes and returns how many they were.
  int finish();

 private:
  graph::Graph& graph_;
  std::vector<int> producers_;
  std::vector<char> private_;  // tensors with one reader that are no graph output
  std::vector<char> absorbed_;
};

}  // namespace octet::optimize
