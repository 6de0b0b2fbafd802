// What boards' states say: summaries, verdicts, and their JSON.
#include "lab/power/board_evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/power/test_meters.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kPowerLimit = 0x4;
constexpr std::uint64_t kHardwareSlowdown = 0x8;
constexpr std::uint64_t kSoftwareThermal = 0x20;

BoardState state(std::uint64_t reasons, double busy = 1) {
  return {.performance_state = 0, .sm_mhz = 1500, .celsius = 70, .busy_share = busy, .reasons = reasons};
}

/// A sample each 0.1 s of 10 s; `of` gives each one's state.
PowerTrace board_trace(const std::function<BoardState(int)>& of) {
  PowerTrace trace = sampled(Reads::kPower, 0, 10, 0.1, [](double) { return 100.0; });
  trace.meter.scope = "GPU 0 (Tesla P40)";
  for (int i = 0; i < static_cast<int>(trace.samples.size()); ++i)
    trace.board.push_back({trace.samples[static_cast<std::size_t>(i)].time, of(i)});
  return trace;
}

Judgement judged(const PowerTrace& trace, const std::vector<Window>& windows) {
  Judgement judgement;
  judge_boards(std::vector{trace}, windows, judgement);
  return judgement;
}

TEST(BoardSummary, CountsOnlyWhatLiesInTheWindows) {
  const PowerTrace trace = board_trace([](int i) {
    const bool inside = (i >= 20 && i <= 30) || (i >= 60 && i <= 70);
    const int warmer = i / 10;
    return inside ? BoardState{2, i < 50 ? 1000.0 : 1200.0, 60.0 + warmer, 0.5, kPowerLimit}
                  : BoardState{15, 300.0, 99.0, 0.0, kSoftwareThermal};
  });
  const BoardSummary board = summarize_board(trace.board, std::vector{window(2, 3), window(6, 7)});
  EXPECT_EQ(board.samples, 22u);
  EXPECT_EQ(board.performance_state, 2);
  EXPECT_DOUBLE_EQ(*board.sm_mhz, 1100);
  EXPECT_EQ(board.celsius, 67);
  EXPECT_DOUBLE_EQ(*board.busy_share, 0.5);
  EXPECT_EQ(board.slowed_share, 0);
  EXPECT_EQ(board.reasons, kPowerLimit);
}

TEST(BoardSummary, WhatTheBoardDoesNotTellIsLeftOut) {
  const PowerTrace trace = board_trace([](int) { return BoardState{.celsius = 50}; });
  const BoardSummary board = summarize_board(trace.board, std::vector{window(2, 3)});
  EXPECT_EQ(to_json(board), Json::parse(R"({"celsius": 50.0})"));
  EXPECT_EQ(judged(trace, {window(2, 3)}).verdict, Verdict::kValid);
  EXPECT_EQ(summarize_board({}, std::vector{window(2, 3)}).samples, 0u);
}

TEST(JudgeBoards, ABoardSlowedDownByHeatIsSuspectAndNamed) {
  const PowerTrace trace =
      board_trace([](int i) { return state(i % 10 == 0 ? kSoftwareThermal | kPowerLimit : kPowerLimit); });
  const Judgement judgement = judged(trace, {window(0.05, 10.05)});
  EXPECT_EQ(judgement.verdict, Verdict::kSuspect);
  ASSERT_EQ(judgement.reasons.size(), 1u);
  EXPECT_EQ(judgement.reasons[0].code, "gpu-throttled");
  EXPECT_EQ(judgement.reasons[0].text,
            "GPU 0 (Tesla P40) was slowed down in 10.0 % of its readings (software thermal slowdown), more "
            "than 1 %");
  EXPECT_DOUBLE_EQ(judgement.reasons[0].value, 0.1);
}

TEST(JudgeBoards, ItsOwnPowerLimitAndAMomentOfASlowdownAreNoReason) {
  EXPECT_THAT(judged(board_trace([](int) { return state(kPowerLimit); }), {window(0, 10)}).reasons,
              IsEmpty());
  const PowerTrace once = board_trace([](int i) { return state(i == 50 ? kHardwareSlowdown : 0); });
  EXPECT_THAT(judged(once, {window(0, 10)}).reasons, IsEmpty());
  EXPECT_EQ(judged(once, {window(4.5, 5.5)}).reasons.size(), 1u);
}

TEST(JudgeBoards, ABoardAtRestMayChangeItsClocks) {
  const PowerTrace trace = board_trace([](int) { return state(kHardwareSlowdown, 0); });
  EXPECT_THAT(judged(trace, {window(0, 10)}).reasons, IsEmpty());
  EXPECT_EQ(summarize_board(trace.board, std::vector{window(0, 10)}).reasons, kHardwareSlowdown);
}

TEST(WordsOfReasons, NameEveryBitAlsoOnesOfNewerDrivers) {
  EXPECT_THAT(words_of_reasons(0), IsEmpty());
  EXPECT_THAT(words_of_reasons(0x45), ElementsAre("idle", "power limit", "hardware thermal slowdown"));
  EXPECT_THAT(words_of_reasons(0x6000'0002), ElementsAre("application clocks", "0x60000000"));
}

TEST(BoardJson, ATraceWithABoardComesBackAsItWas) {
  PowerTrace trace = board_trace([](int i) {
    return i % 2 == 0 ? state(kPowerLimit) : BoardState{.celsius = 50, .reasons = 0x8000'0000'0000'0000u};
  });
  trace.meter.board = BoardInfo{"GPU-0", "535.104.05", 250};
  const Json json = to_json(trace);
  EXPECT_EQ(to_json(power_trace_from(json)), json);
  EXPECT_EQ(json["meter"]["board"]["limit_watts"], 250);
  EXPECT_TRUE(json["board"]["sm_mhz"][1].is_null());
  EXPECT_EQ(json["board"]["reasons"][1], 0x8000'0000'0000'0000u);
  EXPECT_FALSE(to_json(sampled(Reads::kPower, 0, 1, 0.1, [](double) { return 1.0; })).contains("board"));
}

TEST(BoardJson, WhatIsBrokenIsNamed) {
  const Json good = to_json(board_trace([](int) { return state(0); }));
  const auto message = [](const Json& json) {
    try {
      power_trace_from(json);
      return std::string("nothing");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kParse);
      return std::string(error.what());
    }
  };
  Json broken = good;
  broken["board"]["celsius"].erase(0);
  EXPECT_THAT(message(broken), HasSubstr("expected as many celsius as times, got 100 and 101"));
  broken = good;
  broken["board"]["reasons"][3] = "hot";
  EXPECT_THAT(message(broken), HasSubstr("a power trace: "));
  broken = good;
  broken["board"].erase("busy_share");
  EXPECT_THAT(message(broken), HasSubstr("busy_share"));
  broken = good;
  broken["board"]["time_ns"][2] = broken["board"]["time_ns"][1];
  EXPECT_THAT(message(broken), HasSubstr("time_ns[2]: expected more than 100000000, got 100000000"));
  broken = good;
  broken["board"] = 7;
  EXPECT_THAT(message(broken), HasSubstr("a power trace: "));
  broken = good;
  broken["meter"]["board"] = Json::array();
  EXPECT_THAT(message(broken), HasSubstr("a meter's info: "));
}

TEST(CutBoard, KeepsWhatTheWindowsNeed) {
  const PowerTrace trace = board_trace([](int i) { return state(static_cast<std::uint64_t>(i)); });
  const std::vector windows = {window(2, 3), window(6, 7)};
  const PowerTrace kept = cut(trace, windows);
  EXPECT_EQ(kept.board.size(), kept.samples.size());
  EXPECT_EQ(to_json(summarize_board(kept.board, windows)), to_json(summarize_board(trace.board, windows)));
}

}  // namespace
}  // namespace octet::lab
