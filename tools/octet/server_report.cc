#include "tools/octet/server_report.h"

#include <fmt/format.h>

#include "tools/support/table.h"

namespace octet::tools {
namespace {

BenchRow row_of_trial(const lab::Trial& trial, const ServerTrial& judged, const lab::Warmup& warmup,
                      const lab::Observation& observation) {
  const lab::Measurement calls = lab::calls_of(trial);
  const lab::TrialFigures& figures = judged.figures;
  BenchRow row;
  row.warmup = warmup;
  row.calls = calls.calls.size();
  row.rate = lab::summarize(lab::window_rates(calls));
  row.total_rate = lab::total_rate(calls);
  row.latency = {figures.mean_ms, figures.p50_ms, figures.p90_ms,
                 figures.p99_ms,  figures.min_ms, figures.max_ms};
  row.observation = observation;
  row.judgement = judged.judgement;
  return row;
}

}  // namespace

ServerReport server_report(const lab::ObservedSearch& observed, const lab::ServerSettings& settings,
                           bool searched) {
  const lab::ServerSearch& search = observed.search;
  ServerReport report;
  report.p99_bound_ms = settings.p99_ms;
  report.highest_qps = search.highest_qps;
  report.searched = searched;
  report.converged = search.converged;
  report.tolerance = settings.tolerance;
  report.note = search.note;
  report.shown_index = search.trials.size() - 1;
  for (std::size_t t = 0; t < search.trials.size(); ++t) {
    const lab::Trial& trial = search.trials[t];
    report.trials.push_back({trial.qps, lab::judge_trial(trial, settings.p99_ms),
                             lab::judge(trial, search.warmup, observed.observations[t])});
    if (report.trials[t].figures.kept && trial.qps == search.highest_qps) report.shown_index = t;
  }
  const lab::Trial& shown = search.trials[report.shown_index];
  report.shown_row =
      row_of_trial(shown, report.shown(), search.warmup, observed.observations[report.shown_index]);
  report.shown_window = {shown.arrival.front(), shown.done.back()};
  return report;
}

Json to_json(const ServerReport& report) {
  Json trials = Json::array();
  for (const ServerTrial& trial : report.trials) {
    Json row = {{"qps", trial.qps}};
    row.update(lab::to_json(trial.figures));
    const Json judgement = lab::to_json(trial.judgement);
    row["validity"] = judgement["verdict"];
    row["reasons"] = judgement["reasons"];
    trials.push_back(std::move(row));
  }
  Json json = {{"p99_bound_ms", report.p99_bound_ms},
               {"qps", report.shown().qps},
               {"kept", report.shown().figures.kept},
               {"highest_qps", report.highest_qps}};
  if (report.searched) {
    json["converged"] = report.converged;
    json["tolerance"] = 100 * report.tolerance;
  }
  if (!report.note.empty()) json["note"] = report.note;
  json["trials"] = std::move(trials);
  return json;
}

void print_text(const ServerReport& report) {
  Table table({{"requests/s", kRight},
               {"requests", kRight},
               {"images a call", kRight},
               {"p50 ms", kRight},
               {"p99 ms", kRight},
               {"p99 below ms", kRight},
               {"bound"},
               {"validity"}});
  for (const ServerTrial& trial : report.trials) {
    const lab::TrialFigures& figures = trial.figures;
    table.add_row({fmt::format("{:.1f}", trial.qps), fmt::format("{}", figures.requests),
                   fmt::format("{:.1f}", figures.images_per_call), fmt::format("{:.3f}", figures.p50_ms),
                   fmt::format("{:.3f}", figures.p99_ms),
                   figures.p99_upper_ms ? fmt::format("{:.3f}", *figures.p99_upper_ms) : "too few",
                   figures.kept ? "kept" : "not kept", lab::to_string(trial.judgement.verdict)});
  }
  table.print();
  if (report.highest_qps > 0)
    fmt::print("\n{:.1f} requests/s keep 99 % below {:g} ms (with 99 % confidence)", report.highest_qps,
               report.p99_bound_ms);
  else
    fmt::print("\nnone of these rates is shown to keep 99 % below {:g} ms", report.p99_bound_ms);
  if (report.converged) fmt::print("; {:g} % more do not", 100 * report.tolerance);
  fmt::print("{}{}\n\n", report.note.empty() ? "" : ": ", report.note);
}

}  // namespace octet::tools
