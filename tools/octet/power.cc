// octet power: which energy meters work here, why others do not, and the power at rest.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <optional>

#include "lab/power/board_evidence.h"
#include "lab/power/recorder.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/power_options.h"
#include "tools/support/json_output.h"

namespace octet::tools {
namespace {

constexpr double kLongestIdle = 3600;
constexpr double kNotablyAveraged_s = 0.5;  // a counter's updates are not worth a line

struct PowerArguments {
  lab::MeterOptions meters;
  OutputOptions output;
  double idle_s = 3;
};

struct Idle {
  lab::IdleBaseline baseline;
  std::vector<lab::KindEnergy> kinds;  ///< those that have an energy, the one to quote first
  double core_share = 0;               ///< CPU time of the recording, of one core
};

Idle measure(const lab::FoundMeters& found, double idle_s) {
  const lab::Recorder recorder(found.meters);
  Idle idle;
  idle.baseline = lab::measure_idle(recorder, idle_s);
  idle.kinds = lab::energy_by_kind(idle.baseline.power, idle.baseline.windows);
  idle.core_share = recorder.cpu_seconds() / idle_s;
  return idle;
}

Json to_json(const lab::Energy& energy) {
  return {{"watts", energy.watts()},
          {"watts_uncertainty", energy.watts_uncertainty()},
          {"coverage", 100 * energy.coverage},
          {"sampling_hz", energy.sampling_hz}};
}

Json to_json(const Idle& idle) {
  const lab::Window window = idle.baseline.windows.front();
  Json json = {{"seconds", lab::seconds(window.stop - window.start)},
               {"state", idle.baseline.state},
               {"recorder_core_share", 100 * idle.core_share}};
  json["meters"] = Json::array();
  for (const lab::PowerTrace& trace : idle.baseline.power) {
    Json entry = {{"id", trace.meter.id}, {"modelled", trace.meter.modelled}};
    if (const auto energy = lab::energy_of(trace, idle.baseline.windows)) entry.update(to_json(*energy));
    if (const auto board = lab::summarize_board(trace.board, idle.baseline.windows); board.samples > 0)
      entry["board"] = lab::to_json(board);
    if (!trace.failures.empty()) entry["failures"] = trace.failures;
    json["meters"].push_back(std::move(entry));
  }
  json["kinds"] = Json::array();
  for (const lab::KindEnergy& kind : idle.kinds) {
    Json entry = {{"kind", kind.kind}, {"meters", kind.meters}, {"modelled", kind.modelled}};
    entry.update(to_json(kind.energy));
    json["kinds"].push_back(std::move(entry));
  }
  return json;
}

Json to_json(const lab::FoundMeters& found, const std::optional<Idle>& idle) {
  Json json = {{"meters", Json::array()}};
  for (const lab::MeterStatus& status : found.kinds) json["meters"].push_back(lab::to_json(status));
  if (idle) json["idle"] = to_json(*idle);
  return json;
}

void print_text(const lab::MeterInfo& info) {
  fmt::print("       {}: {}, {} every {:g} s", info.id, info.scope,
             info.reads == lab::Reads::kEnergy ? "joules" : "watts", info.interval_s);
  if (info.averaging_s >= kNotablyAveraged_s) fmt::print(", each a mean over {:g} s", info.averaging_s);
  fmt::print("\n");
  if (!info.board) return;
  fmt::print("       {}  {}, driver {}", std::string(info.id.size(), ' '), info.board->uuid,
             info.board->driver);
  if (info.board->limit_watts) fmt::print(", at most {:g} W", *info.board->limit_watts);
  fmt::print("\n");
}

/// What a GPU did in the meantime.
void print_text(const std::string& meter, const lab::BoardSummary& board) {
  std::vector<std::string> parts;
  if (board.performance_state) parts.push_back(fmt::format("state P{}", *board.performance_state));
  if (board.sm_mhz) parts.push_back(fmt::format("{:.0f} MHz", *board.sm_mhz));
  if (board.celsius) parts.push_back(fmt::format("{:.0f} degrees C", *board.celsius));
  if (board.busy_share) parts.push_back(fmt::format("busy {:.0f} % of the time", 100 * *board.busy_share));
  for (const std::string& reason : lab::words_of_reasons(board.reasons)) parts.push_back(reason);
  if (!parts.empty()) fmt::print("       {}: {}\n", meter, fmt::join(parts, ", "));
}

void print_text(const lab::FoundMeters& found, const std::optional<Idle>& idle) {
  for (const lab::MeterStatus& status : found.kinds) {
    fmt::print("{:<6} {}\n", status.kind, status.works ? "works" : "no: " + status.why_not);
    for (const lab::MeterInfo& info : status.meters) print_text(info);
    if (status.works && !status.why_not.empty()) fmt::print("       {}\n", status.why_not);
    if (!status.remedy.empty()) fmt::print("       to have it: {}\n", status.remedy);
  }
  if (!idle) return;
  fmt::print("idle   {}; recording took {:.2f} % of a core\n", idle->baseline.state, 100 * idle->core_share);
  for (const lab::KindEnergy& kind : idle->kinds)
    fmt::print(
        "       {}{}: {:.2f} W, give or take {:.2f} ({:.0f} % of the time covered, {:.3g} samples/s)\n",
        kind.kind, kind.modelled ? " (modelled)" : "", kind.energy.watts(), kind.energy.watts_uncertainty(),
        100 * kind.energy.coverage, kind.energy.sampling_hz);
  for (const lab::PowerTrace& trace : idle->baseline.power) {
    print_text(trace.meter.id, lab::summarize_board(trace.board, idle->baseline.windows));
    for (const std::string& failure : trace.failures) fmt::print("       {}: {}\n", trace.meter.id, failure);
  }
}

int run(const PowerArguments& options) {
  if (!(options.idle_s >= 0 && options.idle_s <= kLongestIdle))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--idle: expected 0 to {:.0f} seconds, got {}", kLongestIdle, options.idle_s));
  const lab::FoundMeters found = lab::find_meters(options.meters);
  std::optional<Idle> idle;
  if (!found.meters.empty() && options.idle_s > 0) idle = measure(found, options.idle_s);
  if (options.output.json())
    print_json(to_json(found, idle));
  else
    print_text(found, idle);
  return 0;
}

}  // namespace

void add_power(CLI::App& program, Run& selected) {
  auto options = std::make_shared<PowerArguments>();
  CLI::App* command =
      program.add_subcommand("power", "energy meters that work here, why others do not, power at rest");
  command->add_option("--idle", options->idle_s, "seconds to measure the power at rest; 0: not at all")
      ->type_name("S");
  add_power_options(*command, options->meters);
  add_output_options(*command, options->output);
  command->footer(
      "Exit code 0 also where no meter works: what would make each work stands beside it. docs/energy.md\n"
      "explains the meters, their limits and the uncertainty.\n\n"
      "Example:\n  octet power --idle 10 --power-model idle=60,busy=150");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
