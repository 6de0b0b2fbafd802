#include "lab/tune/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "octet/error.h"

namespace octet::lab {
namespace {

struct Step {
  std::size_t layer = 0;
  std::size_t from = 0;
  std::size_t to = 0;
};

class Search {
 public:
  Search(std::span<const LayerCost> layers, std::size_t candidates, const SearchOptions& options,
         const std::function<double(const Assignment&)>& measure_drop)
      : layers_(layers), candidates_(candidates), options_(options), measure_drop_(measure_drop) {}

  SearchResult run() {
    result_.assignment.assign(layers_.size(), 0);
    result_.drop = measure(result_.assignment);
    raise();
    take_back();
    result_.within = within(result_.drop);
    return std::move(result_);
  }

 private:
  bool within(double drop) const { return drop <= options_.max_drop; }
  bool may_measure() const { return result_.measurements < options_.max_measurements; }

  double measure(const Assignment& assignment) {
    ++result_.measurements;
    return measure_drop_(assignment);
  }

  /// Damage removed for each millisecond added; a step that costs no time is worth everything.
  std::optional<Step> best_step() const {
    std::optional<Step> best;
    double best_worth = 0, best_gain = 0;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const LayerCost& layer = layers_[l];
      const std::size_t now = result_.assignment[l];
      for (std::size_t c = 0; c < candidates_; ++c) {
        const double gain = layer.damage[now] - layer.damage[c];
        const double cost = layer.ms[c] - layer.ms[now];
        if (!(gain > 0)) continue;
        const double worth = cost > 0 ? gain / cost : std::numeric_limits<double>::infinity();
        if (worth > best_worth || (worth == best_worth && gain > best_gain)) {
          best = Step{l, now, c};
          best_worth = worth;
          best_gain = gain;
        }
      }
    }
    return best;
  }

  void raise() {
    for (std::size_t steps_at_once = 1; !within(result_.drop) && may_measure(); steps_at_once *= 2) {
      std::size_t taken = 0;
      for (; taken < steps_at_once; ++taken) {
        const std::optional<Step> step = best_step();
        if (!step) break;
        result_.assignment[step->layer] = step->to;
        steps_.push_back(*step);
      }
      if (taken == 0) return;  // nothing is left to gain
      result_.drop = measure(result_.assignment);
    }
  }

  /// A layer may have been raised twice, so steps are undone only as the layer's latest.
  void take_back() {
    if (!within(result_.drop)) return;
    for (auto step = steps_.rbegin(); step != steps_.rend() && may_measure(); ++step) {
      if (result_.assignment[step->layer] != step->to) continue;
      Assignment without = result_.assignment;
      without[step->layer] = step->from;
      const double drop = measure(without);
      if (!within(drop)) continue;
      result_.assignment = std::move(without);
      result_.drop = drop;
    }
  }

  std::span<const LayerCost> layers_;
  std::size_t candidates_;
  const SearchOptions& options_;
  const std::function<double(const Assignment&)>& measure_drop_;
  std::vector<Step> steps_;
  SearchResult result_;
};

}  // namespace

SearchResult search_precisions(std::span<const LayerCost> layers, std::size_t candidates,
                               const SearchOptions& options,
                               const std::function<double(const Assignment&)>& measure_drop) {
  const auto require = [](bool good, const std::string& message) {
    if (!good) throw Error(ErrorCode::kInvalidArgument, "precision search: " + message);
  };
  require(!layers.empty(), "expected at least one layer");
  require(candidates > 0, "expected at least one candidate precision");
  require(options.max_drop >= 0,
          fmt::format("expected a budget of 0 points or more, got {}", options.max_drop));
  require(options.max_measurements > 0,
          fmt::format("expected at least one measurement, got {}", options.max_measurements));
  for (const LayerCost& layer : layers)
    require(layer.ms.size() == candidates && layer.damage.size() == candidates,
            fmt::format("layer '{}': expected costs of {} candidates, got {} times and {} damages",
                        layer.name, candidates, layer.ms.size(), layer.damage.size()));
  return Search(layers, candidates, options, measure_drop).run();
}

}  // namespace octet::lab
