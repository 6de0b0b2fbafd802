#include "optimize/rewriter.h"

#include <utility>

namespace octet::optimize {

Rewriter::Rewriter(graph::Graph& graph)
    : graph_(graph),
      producers_(graph.producers()),
      private_(graph.tensors.size(), 0),
      absorbed_(graph.nodes.size(), 0) {
  const std::vector<std::vector<int>> consumers = graph.consumers();
  for (std::size_t t = 0; t < consumers.size(); ++t) private_[t] = consumers[t].size() == 1;
  for (graph::TensorId t : graph.outputs) private_[static_cast<std::size_t>(t)] = 0;
}

int Rewriter::sole_producer(graph::TensorId t) const {
  return private_[static_cast<std::size_t>(t)] ? producers_[static_cast<std::size_t>(t)] : -1;
}

void Rewriter::absorb(int producer, int reader) {
  graph::Node& kept = graph_.nodes[static_cast<std::size_t>(producer)];
  kept.outputs = std::move(graph_.nodes[static_cast<std::size_t>(reader)].outputs);
  producers_[static_cast<std::size_t>(kept.outputs[0])] = producer;
  absorbed_[static_cast<std::size_t>(reader)] = 1;
}

void Rewriter::absorb_and_move(int producer, int reader) {
  absorb(producer, reader);
  std::swap(graph_.nodes[static_cast<std::size_t>(producer)], graph_.nodes[static_cast<std::size_t>(reader)]);
  std::swap(absorbed_[static_cast<std::size_t>(producer)], absorbed_[static_cast<std::size_t>(reader)]);
  const graph::TensorId made = graph_.nodes[static_cast<std::size_t>(reader)].outputs[0];
  producers_[static_cast<std::size_t>(made)] = reader;
}

int Rewriter::finish() {
  std::vector<graph::Node> kept;
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    if (!absorbed_[n]) kept.push_back(std::move(graph_.nodes[n]));
  }
  const auto removed = static_cast<int>(graph_.nodes.size() - kept.size());
  graph_.nodes = std::move(kept);
  return removed;
}

}  // namespace octet::optimize
