// The search for the fastest assignment of precisions to layers whose accuracy loss stays within a budget.
// Pure: it knows layers only as numbers, and the network only as a function that measures an assignment.
//
// Greedy, from every layer at its fastest candidate (INT8): the step that removes the most damage for the
// time it adds comes next, damage being how far the network's output moves when this layer alone is
// computed so. Damage of small independent errors adds up, so the order is good although interactions are
// not measured; the drop itself always is. Between measurements twice as many steps are taken as before, so
// deep networks need few; afterwards each step that turns out to be needless is taken back, the least
// rewarding first.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "octet/types.h"

namespace octet::lab {

/// A layer's cost at each candidate precision, in the candidates' order.
struct LayerCost {
  std::string name;
  std::vector<double> ms;
  std::vector<double> damage;
};

/// Index into the candidates, one a layer.
using Assignment = std::vector<std::size_t>;

struct SearchOptions {
  double max_drop = 0.1;       ///< points
  int max_measurements = 200;  ///< then the best assignment so far is kept
};

struct SearchResult {
  Assignment assignment;
  double drop = 0;      ///< of the assignment, as measured
  bool within = false;  ///< the drop is within the budget
  int measurements = 0;
};

/// `measure_drop` gives the points of accuracy that an assignment loses. The first candidate is where layers
/// start. Throws Error(kInvalidArgument): no layers or candidates, costs of another number than candidates,
/// a negative or NaN budget, no measurements; and what `measure_drop` throws.
SearchResult search_precisions(std::span<const LayerCost> layers, std::size_t candidates,
                               const SearchOptions& options,
                               const std::function<double(const Assignment&)>& measure_drop);

}  // namespace octet::lab
