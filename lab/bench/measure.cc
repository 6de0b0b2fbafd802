#include "lab/bench/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "lab/bench/require.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

// Between two looks at the clock: short enough to end in time and to show progress, long enough that asking
// (a message to and fro, where the system is another process) costs nothing.
constexpr double kShareOfRound = 0.05;
constexpr double kLongestChunk_s = 0.2;

/// How many calls take about `time_s`.
int calls_in(double time_s, double call_s, int most) {
  const double calls = time_s / std::max(call_s, 1e-9);
  return calls >= most ? most : std::max(1, static_cast<int>(calls));
}

double duration_of(const Call& call) { return seconds(call.stop - call.start); }

void require_calls(const SystemUnderTest& system, std::size_t made) {
  if (made == 0)
    throw Error(ErrorCode::kInternal,
                fmt::format("{} was asked to run and timed no call", system.info().engine));
}

/// One system's part of a measurement.
class Turns {
 public:
  Turns(SystemUnderTest& system, const LoadSettings& settings, Clock& clock)
      : system_(system), settings_(settings), clock_(clock) {}

  void warm_up() {
    measurement_.warmup = lab::warm_up(system_, settings_.batch, settings_.warmup, clock_);
    call_s_ = measurement_.warmup.call_s;
  }

  /// Calls `progress` with the round's share that is done.
  void run_round(int round, bool settle, const std::function<void(double)>& progress) {
    if (settle) system_.run(settings_.batch);
    std::vector<Call>& calls = measurement_.calls;
    const std::size_t first = calls.size();
    const int wanted = calls_wanted(round);
    const double round_s = settings_.duration_s / settings_.rounds;
    const Nanoseconds start = clock_.now();
    try {
      for (double done = 0; done < 1;) {
        const std::size_t before = calls.size();
        system_.run_timed(settings_.batch, next_chunk(wanted, before - first, round_s), clock_, calls);
        require_calls(system_, calls.size() - before);
        call_s_ = duration_of(calls.back());
        const double by_calls = static_cast<double>(calls.size() - first) / wanted;
        const double by_time = seconds(clock_.now() - start) / round_s;
        done = settings_.iterations > 0 ? by_calls : std::min(by_time, by_calls);
        progress(std::min(done, 1.0));
      }
    } catch (const Error&) {
      if (calls.size() > first) measurement_.rounds.push_back({first, calls.size() - first});
      throw;
    }
    measurement_.rounds.push_back({first, calls.size() - first});
  }

  Measurement measurement_;

 private:
  /// Of a round: exactly, if iterations are counted; at least, if time is.
  int calls_wanted(int round) const {
    const int total = settings_.iterations > 0 ? settings_.iterations : settings_.least_calls;
    return std::max(1, total / settings_.rounds + (round < total % settings_.rounds ? 1 : 0));
  }

  int next_chunk(int wanted, std::size_t done, double round_s) const {
    if (settings_.iterations > 0) return calls_in(kLongestChunk_s, call_s_, wanted - static_cast<int>(done));
    return calls_in(std::min(kLongestChunk_s, kShareOfRound * round_s), call_s_, 1 << 20);
  }

  SystemUnderTest& system_;
  const LoadSettings& settings_;
  Clock& clock_;
  double call_s_ = 0;  // of the last call
};

void run_all_rounds(std::span<Turns> turns, const LoadSettings& settings, bool keep_going) {
  const std::size_t systems = turns.size();
  const double parts = static_cast<double>(systems) * settings.rounds;
  double done = 0;
  const auto report = [&](double share) {
    if (settings.on_progress) settings.on_progress(std::min(share, 1.0));
  };
  for (int round = 0; round < settings.rounds; ++round) {
    for (std::size_t place = 0; place < systems; ++place, ++done) {
      const std::size_t s = (place + static_cast<std::size_t>(round)) % systems;
      if (!turns[s].measurement_.error.empty()) continue;
      if (settings.before_round) settings.before_round(s, round);
      try {
        turns[s].run_round(round, settings.rounds > 1, [&](double share) { report((done + share) / parts); });
      } catch (const Error& error) {
        if (!keep_going) throw;
        turns[s].measurement_.error = error.what();
      }
      if (settings.after_round) settings.after_round(s, round);
    }
  }
}

}  // namespace

const char* to_string(Scenario scenario) {
  switch (scenario) {
    case Scenario::kOffline:
      return "offline";
    case Scenario::kSingleStream:
      return "single-stream";
    case Scenario::kServer:
      return "server";
  }
  throw Error(ErrorCode::kInternal, "a scenario without a name");
}

Scenario parse_scenario(std::string_view text) {
  for (Scenario scenario : {Scenario::kOffline, Scenario::kSingleStream, Scenario::kServer})
    if (text == to_string(scenario)) return scenario;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("scenario: expected offline, single-stream or server, got '{}'", text));
}

void check(const LoadSettings& settings) {
  require(settings.scenario != Scenario::kServer, "the server scenario is measured by server.h");
  require(settings.batch >= 1, fmt::format("batch: expected at least 1, got {}", settings.batch));
  require(settings.scenario != Scenario::kSingleStream || settings.batch == 1,
          fmt::format("single-stream sends one image at a time: expected batch 1, got {}", settings.batch));
  require(settings.iterations >= 0,
          fmt::format("iterations: expected 0 (run for a time) or more, got {}", settings.iterations));
  require(settings.iterations > 0 || (settings.duration_s > 0 && std::isfinite(settings.duration_s)),
          fmt::format("duration: expected a positive number of seconds, got {}", settings.duration_s));
  require(settings.rounds >= 1, fmt::format("rounds: expected at least 1, got {}", settings.rounds));
  require(settings.least_calls >= 1,
          fmt::format("least calls: expected at least 1, got {}", settings.least_calls));
  const WarmupLimits& warmup = settings.warmup;
  require(warmup.most_s >= 0 && std::isfinite(warmup.most_s),
          fmt::format("warm-up: expected 0 or more seconds, got {}", warmup.most_s));
  require(warmup.least_calls >= 1,
          fmt::format("warm-up: expected at least 1 call, got {}", warmup.least_calls));
}

Warmup warm_up(SystemUnderTest& system, int batch, const WarmupLimits& limits, Clock& clock) {
  constexpr double kChunk_s = 0.02;
  constexpr int kMostCalls = 1000;
  SteadyJudge judge;
  Warmup warmup;
  std::vector<Call> calls;
  const Nanoseconds start = clock.now();
  for (bool enough = false; !enough;) {
    const double left_s = std::clamp(limits.most_s - warmup.seconds, 0.0, kChunk_s);
    const int count = warmup.calls == 0 ? 1 : calls_in(left_s, warmup.call_s, kMostCalls);
    calls.clear();
    system.run_timed(batch, count, clock, calls);
    require_calls(system, calls.size());
    for (const Call& call : calls) judge.add(call);
    warmup.call_s = duration_of(calls.back());
    warmup.calls += static_cast<int>(calls.size());
    warmup.seconds = seconds(clock.now() - start);
    const bool over = warmup.seconds >= limits.most_s;
    warmup.steady = over ? judge.steady_at_limit() : judge.steady();
    enough =
        warmup.calls >= limits.least_calls && (over || (warmup.steady && warmup.seconds >= limits.least_s));
  }
  return warmup;
}

Measurement measure(SystemUnderTest& system, const LoadSettings& settings, Clock& clock) {
  check(settings);
  Turns turns(system, settings, clock);
  turns.warm_up();
  run_all_rounds(std::span(&turns, 1), settings, false);
  return std::move(turns.measurement_);
}

std::vector<Measurement> measure_interleaved(std::span<SystemUnderTest* const> systems,
                                             const LoadSettings& settings, Clock& clock) {
  check(settings);
  std::vector<Turns> turns;
  for (SystemUnderTest* system : systems) turns.emplace_back(*system, settings, clock);
  for (Turns& each : turns) {
    try {
      each.warm_up();
    } catch (const Error& error) {
      each.measurement_.error = error.what();
    }
  }
  run_all_rounds(turns, settings, true);
  std::vector<Measurement> measurements;
  for (Turns& each : turns) measurements.push_back(std::move(each.measurement_));
  return measurements;
}

}  // namespace octet::lab
