#include "tools/octet/study_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "lab/bundle/manifest.h"
#include "lab/study/plan.h"
#include "lab/study/runner.h"
#include "lab/study/workshop.h"
#include "lab/support/files.h"
#include "octet/build_info.h"
#include "octet/error.h"
#include "tools/support/interruption.h"
#include "tools/support/json_output.h"
#include "tools/support/program.h"
#include "tools/support/progress.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace fs = std::filesystem;
namespace {

/// The row of the largest batch that was measured by Octet; null if there is none.
const Json* best_row(const Json& results, const std::string& network, const std::string& precision) {
  const Json* best = nullptr;
  for (const Json& row : results.at("throughput"))
    if (row.at("network") == network && row.at("precision") == precision &&
        row.value("engine", "") == "octet" && row.at("outcome") == "measured" &&
        (best == nullptr || row.at("batch").get<int>() > best->at("batch").get<int>()))
      best = &row;
  return best;
}

void print_networks(const Json& results, const lab::StudyConfig& config) {
  Table table({{"network"},
               {"precision"},
               {"batch", kRight},
               {"images/s", kRight},
               {"95 % interval", kRight},
               {"verdict"}});
  bool any = false;
  for (const std::string& network : config.throughput.networks)
    for (const std::string& precision : config.throughput.precisions) {
      const Json* row = best_row(results, network, precision);
      if (row == nullptr) continue;
      any = true;
      const Json& rate = row->at("images_per_second");
      table.add_row({network, precision, fmt::format("{}", row->at("batch").get<int>()),
                     fmt::format("{:.1f}", rate.at("median").get<double>()),
                     fmt::format("{:.1f} - {:.1f}", rate.at("ci95").at(0).get<double>(),
                                 rate.at("ci95").at(1).get<double>()),
                     row->value("verdict", "")});
    }
  if (any) table.print();
}

void print_accuracy(const Json& results) {
  for (const Json& row : results.at("accuracy")) {
    if (row.at("outcome") != "measured") continue;
    for (const Json& result : row.at("results"))
      fmt::print("accuracy of {}, {}: top-1 {:.2f} %, top-5 {:.2f} % of {} pictures\n",
                 row.at("network").get<std::string>(), result.at("precision").get<std::string>(),
                 result.at("top1").get<double>(), result.at("top5").get<double>(),
                 row.at("images").get<int>());
  }
}

void print_text(const fs::path& folder, const lab::StudyConfig& config, const lab::StudyReport& report,
                const Json& results) {
  print_networks(results, config);
  print_accuracy(results);
  const Json& counts = results.at("verdict").at("counts");
  fmt::print("\n{} of {} units measured{}", report.kept + report.measured, report.units,
             report.kept > 0 ? fmt::format(", {} of them before", report.kept) : "");
  if (report.does_not_fit > 0) fmt::print(", {} do not fit into memory", report.does_not_fit);
  if (report.not_run > 0) fmt::print(", {} not run (the report says why)", report.not_run);
  fmt::print("; verdicts: {} VALID, {} SUSPECT, {} INVALID\n", counts.at("VALID").get<int>(),
             counts.at("SUSPECT").get<int>(), counts.at("INVALID").get<int>());
  if (report.interrupted) fmt::print("interrupted; the same command goes on from here\n");
  fmt::print("report: {}\n", (folder / "report.html").string());
}

Json to_json(const fs::path& folder, const lab::StudyReport& report, const Json& results) {
  return {{"folder", folder.string()},
          {"report", (folder / "report.html").string()},
          {"status", results.at("study").at("status")},
          {"interrupted", report.interrupted},
          {"units", report.units},
          {"kept", report.kept},
          {"measured", report.measured},
          {"does_not_fit", report.does_not_fit},
          {"not_run", report.not_run},
          {"failed", report.failed},
          {"verdict", results.at("verdict")}};
}

/// Hours of another build's records are not put aside because someone named the wrong folder.
void refuse_other_build(const fs::path& folder) {
  if (!fs::exists(folder / "manifest.json")) return;
  lab::Manifest manifest;
  try {
    manifest = lab::read_manifest(folder);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUnsupported) throw;
    return;  // broken, for instance by a kill; the study writes it anew
  }
  const std::string revision = manifest.build.size() > 1 ? manifest.build[1] : "";
  if (!revision.empty() && revision != build_info().revision)
    throw Error(
        ErrorCode::kMismatch,
        fmt::format("{}: measured by Octet of revision {}, this is {}, and a study does not mix them; "
                    "name another folder, or measure all of it again with --anew",
                    folder.string(), revision, build_info().revision));
}

}  // namespace

int run_study_into(const fs::path& folder, const lab::StudyConfig& config, const OutputOptions& output,
                   bool anew) {
  if (!anew) refuse_other_build(folder);
  const std::atomic<bool>& stop = stop_on_interrupt();
  lab::Workshop workshop(config, stop);  // before the folder is made: it refuses what this machine lacks
  const lab::StudyFolder claimed(folder);
  const std::vector<lab::Unit> units = lab::plan_study(config, workshop.plan_machine());
  Progress progress("study");
  lab::RunnerCallbacks callbacks;
  callbacks.on_progress = [&](const lab::StudyProgress& now) {
    // The share of the time, so that the time left is the forecast's.
    const double whole = now.elapsed_s + now.left_s;
    progress.update(whole > 0 ? now.elapsed_s / whole : 0,
                    fmt::format("{} of {}, {}", now.done + 1, now.units, now.unit));
  };
  const lab::StudyReport report = lab::run_study(claimed, config, units, workshop, stop, callbacks);
  progress.clear();
  for (const std::string& failure : report.failed) warn(failure);
  const Json results = Json::parse(lab::read_file(folder / "results.json"));
  if (output.json())
    print_json(to_json(folder, report, results));
  else
    print_text(folder, config, report, results);
  return report.interrupted ? kInterrupted : kSuccess;
}

int print_plan(const lab::StudyConfig& config, const OutputOptions& output) {
  const std::atomic<bool>& stop = stop_on_interrupt();
  lab::Workshop workshop(config, stop);
  const std::vector<lab::Unit> units = lab::plan_study(config, workshop.plan_machine());
  double sum = 0;
  Json list = Json::array();
  Table table({{"unit"}, {"seconds", Table::Align::kRight}, {""}});
  const std::vector<lab::PlannedTime> times = lab::planned_times(workshop, units, config.limits.unit_s);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto [predicted, too_long] = times[i];
    if (!too_long) sum += predicted;
    table.add_row({units[i].key, fmt::format("{:.1f}", predicted), too_long ? "would not be run" : ""});
    list.push_back({{"key", units[i].key}, {"predicted_s", predicted}, {"runs", !too_long}});
  }
  if (output.json()) {
    print_json({{"units", std::move(list)}, {"predicted_s", sum}});
  } else {
    table.print();
    fmt::print("\n{} units, about {:.0f} s\n", units.size(), sum);
  }
  return kSuccess;
}

}  // namespace octet::tools
