#include "api/weight_watch.h"

#include <map>
#include <set>

namespace octet::api {

WeightWatch::WeightWatch(const graph::Graph& given) {
  for (const graph::Node& node : given.nodes)
    for (const graph::Weights& weights : node.weights)
      if (!weights.empty()) given_.push_back(weights.storage());
}

WeightWatch::Bytes WeightWatch::count(const plan::Plan& plan) const {
  std::map<std::shared_ptr<const base::AlignedBuffer>, long> held;  // how often by the plan
  for (const plan::Step& step : plan.steps)
    for (const graph::Weights& weights : step.weights)
      if (!weights.empty()) ++held[weights.storage()];
  Bytes bytes;
  for (const auto& [storage, by_plan] : held) bytes.present += storage->size();
  std::set<const base::AlignedBuffer*> seen;
  for (const std::weak_ptr<const base::AlignedBuffer>& weak : given_) {
    const std::shared_ptr<const base::AlignedBuffer> storage = weak.lock();
    if (storage == nullptr || !seen.insert(storage.get()).second) continue;
    const auto in_plan = held.find(storage);
    const bool packed = in_plan != held.end();
    if (!packed) bytes.present += storage->size();
    // Beside the plan's holds: this one, and that of `held`.
    const long own = 1 + (packed ? 1 + in_plan->second : 0);
    if (storage.use_count() > own) bytes.kept += storage->size();
  }
  return bytes;
}

}  // namespace octet::api
