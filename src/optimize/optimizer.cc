#include "optimize/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "graph/describe.h"
#include "graph/validate.h"
#include "octet/error.h"
#include "optimize/pass.h"

namespace octet::optimize {
namespace {

void check_names(std::span<const std::string> disabled) {
  std::vector<std::string> names;
  for (const Pass& pass : all_passes()) names.emplace_back(pass.name);
  for (const std::string& name : disabled) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("disabled passes: expected some of {}, got '{}'", fmt::join(names, ", "), name));
  }
}

void check_weights_there(const graph::Graph& graph) {
  for (const graph::Node& node : graph.nodes) {
    for (const graph::Weights& weights : node.weights) {
      if (!weights.missing()) continue;
      throw Error(ErrorCode::kMismatch, fmt::format("{}: weights of {} have no values", graph::where(node),
                                                    weights.shape().to_string()));
    }
  }
}

}  // namespace

std::vector<PassReport> optimize(graph::Graph& graph, std::span<const std::string> disabled,
                                 bool validate_after_each) {
  check_names(disabled);
  check_weights_there(graph);
  std::vector<PassReport> reports;
  for (const Pass& pass : all_passes()) {
    PassReport report;
    report.name = pass.name;
    report.enabled = std::find(disabled.begin(), disabled.end(), report.name) == disabled.end();
    if (report.enabled) {
      const auto start = std::chrono::steady_clock::now();
      report.changes = pass.run(graph);
      const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
      report.milliseconds = elapsed.count();
      if (validate_after_each) graph::validate(graph);
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace octet::optimize
