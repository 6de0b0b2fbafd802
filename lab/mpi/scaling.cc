#include "lab/mpi/scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "lab/power/board_evidence.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr double kMsPerSecond = 1e3;

double milliseconds(Nanoseconds duration) { return seconds(duration) * kMsPerSecond; }

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::kParse, "scaling: " + what); }

/// First start and last stop on rank 0's clock.
Window window_of(const RankRun& run) {
  const std::vector<Call>& calls = run.measurement.calls;
  if (calls.empty()) fail(fmt::format("rank {} has no calls", run.rank));
  return {calls.front().start + run.clock.offset, calls.back().stop + run.clock.offset};
}

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

void judge_skew(const ScalingRun& run, Judgement& judgement) {
  const ScalingFigures figures = scaling_figures(run);
  const double window_ms = milliseconds(figures.window.stop - figures.window.start);
  const double skew = share(figures.skew_ms, window_ms);
  if (skew > kMaxSkew)
    judgement.add({"skew", Verdict::kSuspect,
                   fmt::format("the ranks started or stopped {:.1f} ms apart, {:.1f} % of the window, more "
                               "than {:.0f} %; measure for longer or with a smaller batch",
                               figures.skew_ms, 100 * skew, 100 * kMaxSkew),
                   skew, kMaxSkew});
  const double unsure = share(figures.clock_uncertainty_ms, window_ms);
  if (unsure > kMaxClockUncertainty)
    judgement.add({"clock-offset", Verdict::kSuspect,
                   fmt::format("the machines' clocks are known to each other within {:.2f} ms only, {:.2f} % "
                               "of the window, more than {:.1f} %",
                               figures.clock_uncertainty_ms, 100 * unsure, 100 * kMaxClockUncertainty),
                   unsure, kMaxClockUncertainty});
}

/// Integer outputs are the same everywhere, others on the same instruction set.
void judge_outputs(const ScalingRun& run, Judgement& judgement) {
  std::map<std::string, const RankRun*> first;
  for (const RankRun& rank : run.per_rank) {
    const auto [known, added] = first.try_emplace(rank.info.isa, &rank);
    if (!added && known->second->output_hash != rank.output_hash)
      judgement.add({"outputs-differ", Verdict::kInvalid,
                     fmt::format("rank {} computed other outputs than rank {} ({} and {})", rank.rank,
                                 known->second->rank, rank.output_hash, known->second->output_hash),
                     0, 0});
  }
}

Json power_to_json(const std::vector<PowerTrace>& traces) {
  Json all = Json::array();
  for (const PowerTrace& trace : traces) all.push_back(to_json(trace));
  return all;
}

/// `read` with what the JSON library throws as an Error.
template <typename Read>
auto reading(const char* what, const Read& read) {
  try {
    return read();
  } catch (const Json::exception& fault) {
    fail(fmt::format("{}: {}", what, fault.what()));
  }
}

}  // namespace

Json to_json(const RankRun& run) {
  Json json = {{"rank", run.rank},
               {"host", run.host},
               {"cpus", run.cpus},
               {"info", to_json(run.info)},
               {"output_hash", run.output_hash}};
  json.update(to_json(run.measurement));
  json["clock_offset_ns"] = run.clock.offset;
  json["clock_uncertainty_ns"] = run.clock.uncertainty;
  json["observation"] = to_json(run.observation);
  json["power"] = power_to_json(run.power);
  return json;
}

Json to_json(const ScalingRun& run) {
  Json per_rank = Json::array();
  for (const RankRun& rank : run.per_rank) per_rank.push_back(to_json(rank));
  return {{"network", run.network},
          {"precision", run.precision},
          {"batch", run.batch},
          {"ranks", run.ranks},
          {"per_rank", std::move(per_rank)}};
}

RankRun rank_run_from(const Json& json) {
  return reading("a rank", [&] {
    RankRun run;
    run.rank = json.at("rank").get<int>();
    run.host = json.at("host").get<std::string>();
    run.cpus = json.at("cpus").get<std::vector<int>>();
    run.info = system_info_from(json.at("info"));
    run.output_hash = json.at("output_hash").get<std::string>();
    run.measurement = measurement_from(json);
    run.clock.offset = json.at("clock_offset_ns").get<Nanoseconds>();
    run.clock.uncertainty = json.at("clock_uncertainty_ns").get<Nanoseconds>();
    run.observation = observation_from(json.at("observation"));
    for (const Json& trace : json.at("power")) run.power.push_back(power_trace_from(trace));
    return run;
  });
}

ScalingRun scaling_run_from(const Json& json) {
  return reading("a run", [&] {
    ScalingRun run;
    run.network = json.at("network").get<std::string>();
    run.precision = json.at("precision").get<std::string>();
    run.batch = json.at("batch").get<int>();
    run.ranks = json.at("ranks").get<int>();
    for (const Json& rank : json.at("per_rank")) run.per_rank.push_back(rank_run_from(rank));
    if (run.per_rank.size() != static_cast<std::size_t>(run.ranks))
      fail(fmt::format("expected what {} ranks measured, got {}", run.ranks, run.per_rank.size()));
    return run;
  });
}

ScalingFigures scaling_figures(const ScalingRun& run) {
  if (run.per_rank.empty()) fail("a run without ranks");
  ScalingFigures figures;
  figures.ranks = run.ranks;
  figures.window = window_of(run.per_rank.front());
  Nanoseconds last_start = figures.window.start, first_stop = figures.window.stop;
  std::int64_t images = 0;
  for (const RankRun& rank : run.per_rank) {
    const Window own = window_of(rank);
    std::int64_t own_images = 0;
    for (const Call& call : rank.measurement.calls) own_images += call.images;
    images += own_images;
    figures.rates.push_back(share(static_cast<double>(own_images), seconds(own.stop - own.start)));
    figures.sum_of_rates += figures.rates.back();
    figures.window.start = std::min(figures.window.start, own.start);
    figures.window.stop = std::max(figures.window.stop, own.stop);
    last_start = std::max(last_start, own.start);
    first_stop = std::min(first_stop, own.stop);
    figures.clock_uncertainty_ms =
        std::max(figures.clock_uncertainty_ms, milliseconds(rank.clock.uncertainty));
  }
  figures.images_per_second =
      share(static_cast<double>(images), seconds(figures.window.stop - figures.window.start));
  figures.start_skew_ms = milliseconds(last_start - figures.window.start);
  figures.stop_skew_ms = milliseconds(figures.window.stop - first_stop);
  figures.skew_ms = std::max(figures.start_skew_ms, figures.stop_skew_ms);
  return figures;
}

double scaling_efficiency(const ScalingFigures& run, const ScalingFigures& one_rank) {
  return 100 * share(run.images_per_second, run.ranks * one_rank.images_per_second);
}

std::optional<double> karp_flatt(double speedup, int ranks) {
  if (ranks < 2 || !(speedup > 0)) return std::nullopt;
  const double perfect = 1.0 / ranks;
  return (1 / speedup - perfect) / (1 - perfect);
}

Judgement judge(const ScalingRun& run) {
  Judgement judgement;
  for (const RankRun& rank : run.per_rank) {
    const std::vector<double> rates = window_rates(rank.measurement);
    const SampleEvidence samples{rank.measurement.calls.size(), rank.measurement.warmup.steady, rates};
    Judgement own = judge(samples, rank.observation);
    judge_boards(rank.power, round_windows(rank.measurement), own);
    for (Reason& reason : own.reasons) {
      if (run.ranks > 1) reason.text = fmt::format("rank {}: {}", rank.rank, reason.text);
      judgement.add(std::move(reason));
    }
  }
  judge_skew(run, judgement);
  judge_outputs(run, judgement);
  return judgement;
}

Json scaling_row(const ScalingRun& run, const ScalingFigures* one_rank) {
  const ScalingFigures figures = scaling_figures(run);
  Json row = {{"ranks", run.ranks},
              {"images_per_second", figures.images_per_second},
              {"sum_of_rates", figures.sum_of_rates}};
  if (one_rank != nullptr) {
    row["efficiency"] = scaling_efficiency(figures, *one_rank);
    if (const auto serial =
            karp_flatt(share(figures.images_per_second, one_rank->images_per_second), run.ranks))
      row["serial_fraction"] = *serial;
  }
  row["skew"] = {{"start_ms", figures.start_skew_ms}, {"stop_ms", figures.stop_skew_ms}};
  row["skew_ms"] = figures.skew_ms;
  row.update(to_json(judge(run)));
  Json& per_rank = row["per_rank"] = Json::array();
  for (std::size_t i = 0; i < run.per_rank.size(); ++i) {
    const RankRun& rank = run.per_rank[i];
    Json entry = {{"rank", rank.rank},
                  {"host", rank.host},
                  {"cpus", rank.cpus},
                  {"images_per_second", figures.rates[i]},
                  {"calls", rank.measurement.calls.size()}};
    if (!rank.info.device.empty()) entry["device"] = rank.info.device;
    per_rank.push_back(std::move(entry));
  }
  return row;
}

}  // namespace octet::lab
