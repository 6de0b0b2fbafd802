#include "lab/power/board_evidence.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "lab/support/json.h"

namespace octet::lab {
namespace {

/// NVML API reference, "NvmlClocksEventReasons".
struct ClockReason {
  std::uint64_t bit;
  const char* words;
  bool slowdown;  ///< the board is not what it was bought for
};
constexpr std::array<ClockReason, 9> kClockReasons = {{
    {0x1, "idle", false},
    {0x2, "application clocks", false},
    {0x4, "power limit", false},
    {0x8, "hardware slowdown", true},
    {0x10, "sync boost", false},
    {0x20, "software thermal slowdown", true},
    {0x40, "hardware thermal slowdown", true},
    {0x80, "power brake", true},
    {0x100, "display clocks", false},
}};

constexpr std::uint64_t slowdowns() {
  std::uint64_t bits = 0;
  for (const ClockReason& reason : kClockReasons)
    if (reason.slowdown) bits |= reason.bit;
  return bits;
}

/// Of the values that are there.
struct Mean {
  double sum = 0;
  std::size_t count = 0;
  void add(const std::optional<double>& value) {
    if (!value) return;
    sum += *value;
    ++count;
  }
  std::optional<double> mean() const {
    return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt;
  }
};

}  // namespace

BoardSummary summarize_board(std::span<const BoardSample> samples, std::span<const Window> windows) {
  BoardSummary summary;
  Mean sm_mhz, busy, slowed;
  auto window = windows.begin();
  for (const auto& [time, state] : samples) {
    while (window != windows.end() && window->stop < time) ++window;
    if (window == windows.end()) break;
    if (time < window->start) continue;
    ++summary.samples;
    // An absent value is less than any.
    summary.performance_state = std::max(summary.performance_state, state.performance_state);
    summary.celsius = std::max(summary.celsius, state.celsius);
    sm_mhz.add(state.sm_mhz);
    busy.add(state.busy_share);
    if (!state.reasons) continue;
    summary.reasons |= *state.reasons;
    // Boards at rest report a hardware slowdown when they change their clocks.
    const std::uint64_t bad = state.busy_share.value_or(1) > 0 ? *state.reasons & slowdowns() : 0;
    summary.slowed_by |= bad;
    slowed.add(bad != 0 ? 1 : 0);
  }
  summary.sm_mhz = sm_mhz.mean();
  summary.busy_share = busy.mean();
  summary.slowed_share = slowed.mean();
  return summary;
}

std::vector<std::string> words_of_reasons(std::uint64_t reasons) {
  std::vector<std::string> words;
  for (const ClockReason& reason : kClockReasons) {
    if ((reasons & reason.bit) != 0) words.emplace_back(reason.words);
    reasons &= ~reason.bit;
  }
  if (reasons != 0) words.push_back(fmt::format("{:#x}", reasons));  // of a newer driver
  return words;
}

Json to_json(const BoardSummary& summary) {
  Json json = Json::object();
  const auto add = [&](const char* key, const auto& figure, int factor = 1) {
    if (figure) json[key] = factor * *figure;
  };
  add("performance_state", summary.performance_state);
  add("sm_mhz", summary.sm_mhz);
  add("celsius", summary.celsius);
  add("busy", summary.busy_share, 100);
  add("slowed", summary.slowed_share, 100);
  if (summary.slowed_share) json["reasons"] = words_of_reasons(summary.reasons);
  return json;
}

void judge_boards(std::span<const PowerTrace> power, std::span<const Window> windows, Judgement& judgement) {
  for (const PowerTrace& trace : power) {
    const BoardSummary board = summarize_board(trace.board, windows);
    const double share = board.slowed_share.value_or(0);
    if (share <= bounds::kThrottled) continue;
    judgement.add({"gpu-throttled", Verdict::kSuspect,
                   fmt::format("{} was slowed down in {:.1f} % of its readings ({}), more than {:g} %",
                               trace.meter.scope, 100 * share,
                               fmt::join(words_of_reasons(board.slowed_by), ", "), 100 * bounds::kThrottled),
                   share, bounds::kThrottled});
  }
}

}  // namespace octet::lab
