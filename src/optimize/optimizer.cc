#include "optimize/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

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

}  // namespace

std::vector<PassReport> optimize(graph::Graph& graph, std::span<const std::string> disabled,
                                 bool validate_after_each) {
  check_names(disabled);
  graph::check_weights_there(graph);
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
