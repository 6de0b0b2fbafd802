// The server scenario's outcome as `octet bench` prints it: every rate that was tried, the highest that kept
// the bound, and that trial's figures.
#pragma once

#include <string>
#include <vector>

#include "lab/bench/observed.h"
#include "tools/octet/bench_row.h"

namespace octet::tools {

struct ServerTrial {
  double qps = 0;
  lab::TrialFigures figures;
  lab::Judgement judgement;
};

struct ServerReport {
  double p99_bound_ms = 0;
  double highest_qps = 0;  ///< 0: none of those tried kept the bound
  bool searched = false;   ///< or one rate was given
  bool converged = false;
  double tolerance = 0;
  std::string note;
  std::vector<ServerTrial> trials;

  std::size_t shown_index = 0;  ///< the highest that kept the bound, or else the last
  BenchRow shown_row;           ///< its throughput, latency of requests, evidence
  lab::Window shown_window;     ///< from its first arrival to its last request's end
  const ServerTrial& shown() const { return trials[shown_index]; }
};

ServerReport server_report(const lab::ObservedSearch& search, const lab::ServerSettings& settings,
                           bool searched);
Json to_json(const ServerReport& report);
void print_text(const ServerReport& report);

}  // namespace octet::tools
