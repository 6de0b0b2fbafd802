// Runs the passes: the first stage of building an engine.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "octet/engine.h"

namespace octet::optimize {

/// Runs all passes but the `disabled` ones on `graph` and reports on each, disabled ones included.
/// `validate_after_each`: checks the graph after every pass (tests). Throws Error(kInvalidArgument) listing
/// the names if `disabled` holds an unknown one, Error(kMismatch) if weights have no values, and what a pass
/// or the check throws.
std::vector<PassReport> optimize(graph::Graph& graph, std::span<const std::string> disabled = {},
                                 bool validate_after_each = false);

}  // namespace octet::optimize
