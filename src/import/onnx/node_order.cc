#include "import/onnx/node_order.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>

#include "import/onnx/fail.h"

namespace octet::onnx {
namespace {

class NodeOrder {
 public:
  NodeOrder(const ModelEntry& model, const std::string& file, const std::unordered_set<std::string>& given)
      : nodes_(model.nodes), file_(file), given_(given) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const std::string& output : nodes_[i].outputs) add_maker(output, i);
    }
    needed_.assign(nodes_.size(), 0);
    for (const ValueEntry& output : model.outputs) {
      if (given_.contains(output.name)) continue;
      const auto maker = makers_.find(output.name);
      if (maker == makers_.end()) {
        fail(ErrorCode::kInvalidNetwork, file_, "output '{}' is made by no node", output.name);
      }
      mark_needed(maker->second);
    }
  }

  /// Kahn's algorithm; of the nodes that could be next, the first in the file is.
  std::vector<std::size_t> run() {
    std::vector<std::size_t> waiting_for(nodes_.size(), 0);
    std::vector<std::vector<std::size_t>> readers(nodes_.size());
    std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (needed_[i] == 0) continue;
      const std::vector<std::size_t> makers = makers_of(i);
      for (const std::size_t maker : makers) readers[maker].push_back(i);
      waiting_for[i] = makers.size();
      if (makers.empty()) ready.push(i);
    }
    std::vector<std::size_t> order;
    while (!ready.empty()) {
      const std::size_t next = ready.top();
      ready.pop();
      order.push_back(next);
      for (const std::size_t reader : readers[next]) {
        if (--waiting_for[reader] == 0) ready.push(reader);
      }
    }
    const auto needed = static_cast<std::size_t>(std::count(needed_.begin(), needed_.end(), 1));
    if (order.size() != needed) fail_cycle(waiting_for);
    return order;
  }

 private:
  std::string where(std::size_t node) const {
    return fmt::format("{}: {} ({})", file_, nodes_[node].label(), nodes_[node].op_type);
  }

  void add_maker(const std::string& output, std::size_t node) {
    if (output.empty()) return;
    if (given_.contains(output)) {
      fail(ErrorCode::kInvalidNetwork, where(node), "its output '{}' is an input or initializer already",
           output);
    }
    const auto [maker, first] = makers_.emplace(output, node);
    if (!first) {
      fail(ErrorCode::kInvalidNetwork, where(node), "its output '{}' is made twice: by {} too", output,
           nodes_[maker->second].label());
    }
  }

  /// The nodes whose outputs node `i` reads, one a reading.
  std::vector<std::size_t> makers_of(std::size_t i) const {
    std::vector<std::size_t> makers;
    for (const std::string& input : nodes_[i].inputs) {
      if (input.empty() || given_.contains(input)) continue;
      const auto maker = makers_.find(input);
      if (maker == makers_.end()) {
        fail(ErrorCode::kInvalidNetwork, where(i), "its input '{}' is made by no node", input);
      }
      makers.push_back(maker->second);
    }
    return makers;
  }

  void mark_needed(std::size_t node) {
    std::vector<std::size_t> waiting = {node};
    while (!waiting.empty()) {
      const std::size_t i = waiting.back();
      waiting.pop_back();
      if (std::exchange(needed_[i], 1) != 0) continue;
      for (const std::size_t maker : makers_of(i)) waiting.push_back(maker);
    }
  }

  /// A node that still waits, waits for one that still waits: following them must come to a node again.
  [[noreturn]] void fail_cycle(const std::vector<std::size_t>& waiting_for) const {
    const auto waits = [&](std::size_t i) { return waiting_for[i] > 0; };
    std::size_t node = 0;
    while (!waits(node)) ++node;
    std::vector<std::size_t> path;
    while (std::find(path.begin(), path.end(), node) == path.end()) {
      path.push_back(node);
      const std::vector<std::size_t> makers = makers_of(node);
      node = *std::find_if(makers.begin(), makers.end(), waits);
    }
    constexpr std::ptrdiff_t kMostNamed = 8;
    const auto begin = std::find(path.begin(), path.end(), node);
    const auto named = begin + std::min<std::ptrdiff_t>(kMostNamed, path.end() - begin);
    std::string text = nodes_[node].label();
    for (auto i = begin + 1; i < named; ++i) text += " reads " + nodes_[*i].label();
    fail(ErrorCode::kInvalidNetwork, where(node), "the network has a cycle of {} nodes: {} reads {}",
         path.end() - begin, text, named == path.end() ? nodes_[node].label() : "...");
  }

  const std::vector<NodeEntry>& nodes_;
  const std::string& file_;
  const std::unordered_set<std::string>& given_;
  std::unordered_map<std::string, std::size_t> makers_;
  std::vector<char> needed_;
};

}  // namespace

std::vector<std::size_t> order_nodes(const ModelEntry& model, const std::string& file,
                                     const std::unordered_set<std::string>& given) {
  return NodeOrder(model, file, given).run();
}

}  // namespace octet::onnx
