#include "lab/mpi/scaling.h"

#include <gmock/gmock.h>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::HasSubstr;

constexpr Nanoseconds kMs = 1'000'000;

/// `calls` calls of `call_ms` each and 10 images, from `start_ms` on the rank's own clock.
RankRun rank_run(int rank, double start_ms, double call_ms, int calls) {
  RankRun run;
  run.rank = rank;
  run.host = "host";
  run.cpus = {rank};
  run.info.engine = "octet";
  run.info.network = "alexnet";
  run.info.precision = "int8";
  run.info.isa = "avx2";
  run.output_hash = "0123456789abcdef";
  run.measurement.warmup = {10, 0.5, true};
  for (int i = 0; i < calls; ++i)
    run.measurement.calls.push_back({static_cast<Nanoseconds>((start_ms + i * call_ms) * kMs),
                                     static_cast<Nanoseconds>((start_ms + (i + 1) * call_ms) * kMs), 10});
  run.measurement.rounds = {{0, static_cast<std::size_t>(calls)}};
  run.observation.seconds = call_ms * calls / 1e3;
  run.observation.cpus = run.cpus;
  return run;
}

ScalingRun scaling_run(std::vector<RankRun> ranks) {
  ScalingRun run;
  run.network = "alexnet";
  run.precision = "int8";
  run.batch = 10;
  run.ranks = static_cast<int>(ranks.size());
  run.per_rank = std::move(ranks);
  return run;
}

bool has_reason(const Judgement& judgement, const std::string& code) {
  for (const Reason& reason : judgement.reasons)
    if (reason.code == code) return true;
  return false;
}

TEST(ScalingVerdict, AGpuThatWasSlowedDownIsNamedWithItsRank) {
  std::vector ranks = {rank_run(0, 0, 10, 100), rank_run(1, 0, 10, 100)};
  PowerTrace trace;
  trace.meter.scope = "GPU 0 (Tesla P4)";
  BoardState state;
  state.reasons = 0x40;
  for (int i = 0; i < 10; ++i) trace.board.push_back({i * 100 * kMs, state});
  ranks[1].power = {trace};
  const Judgement judgement = judge(scaling_run(ranks));
  ASSERT_TRUE(has_reason(judgement, "gpu-throttled"));
  EXPECT_EQ(judgement.reasons.back().text,
            "rank 1: GPU 0 (Tesla P4) was slowed down in 100.0 % of its readings (hardware thermal "
            "slowdown), more than 1 %");
}

TEST(ScalingFigures, TotalIsAllImagesOverFirstStartToLastStop) {
  // 1000 images in 1 s from 0, and 500 images in 1 s from 100 ms.
  const ScalingFigures figures =
      scaling_figures(scaling_run({rank_run(0, 0, 10, 100), rank_run(1, 100, 20, 50)}));
  EXPECT_DOUBLE_EQ(figures.images_per_second, 1500 / 1.1);
  EXPECT_DOUBLE_EQ(figures.sum_of_rates, 1500);
  EXPECT_THAT(figures.rates, ::testing::ElementsAre(1000, 500));
  EXPECT_DOUBLE_EQ(figures.start_skew_ms, 100);
  EXPECT_DOUBLE_EQ(figures.stop_skew_ms, 100);
  EXPECT_EQ(figures.window.start, 0);
  EXPECT_EQ(figures.window.stop, 1100 * kMs);
}

TEST(ScalingFigures, LaysTheClocksOfOtherMachinesBesideRankZeros) {
  RankRun other = rank_run(1, 5'000'000, 10, 100);
  other.clock = {-5'000'000 * kMs + 30 * kMs, 2 * kMs};
  const ScalingFigures figures = scaling_figures(scaling_run({rank_run(0, 0, 10, 100), other}));
  EXPECT_DOUBLE_EQ(figures.start_skew_ms, 30);
  EXPECT_DOUBLE_EQ(figures.images_per_second, 2000 / 1.03);
  EXPECT_DOUBLE_EQ(figures.clock_uncertainty_ms, 2);
}

TEST(ScalingFigures, RefusesARunWithoutRanksOrCalls) {
  EXPECT_THROW(scaling_figures(scaling_run({})), Error);
  try {
    scaling_figures(scaling_run({rank_run(0, 0, 1, 1), rank_run(1, 0, 1, 0)}));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("rank 1 has no calls"));
  }
}

TEST(Efficiency, IsTheShareOfPerfectScaling) {
  const ScalingFigures one = scaling_figures(scaling_run({rank_run(0, 0, 10, 100)}));
  const ScalingFigures two =
      scaling_figures(scaling_run({rank_run(0, 0, 12.5, 80), rank_run(1, 0, 12.5, 80)}));
  EXPECT_DOUBLE_EQ(scaling_efficiency(one, one), 100);
  EXPECT_DOUBLE_EQ(scaling_efficiency(two, one), 80);
}

TEST(KarpFlatt, IsTheSerialFractionOfAmdahlsLaw) {
  for (const double serial : {0.0, 0.01, 0.25, 1.0})
    for (const int ranks : {2, 4, 100})
      EXPECT_NEAR(karp_flatt(1 / (serial + (1 - serial) / ranks), ranks).value(), serial, 1e-12);
  EXPECT_LT(karp_flatt(2.1, 2).value(), 0) << "more than linear";
  EXPECT_FALSE(karp_flatt(1, 1).has_value());
  EXPECT_FALSE(karp_flatt(0, 2).has_value());
}

TEST(JudgeScaling, ValidWhereEveryRankIs) {
  const Judgement judgement = judge(scaling_run({rank_run(0, 0, 10, 100), rank_run(1, 3, 10, 100)}));
  EXPECT_EQ(judgement.verdict, Verdict::kValid) << to_json(judgement).dump();
}

TEST(JudgeScaling, ARanksReasonNamesTheRank) {
  RankRun stolen = rank_run(1, 0, 10, 100);
  stolen.observation.steal_share = 0.2;
  const Judgement judgement = judge(scaling_run({rank_run(0, 0, 10, 100), stolen}));
  EXPECT_EQ(judgement.verdict, Verdict::kSuspect);
  ASSERT_EQ(judgement.reasons.size(), 1u);
  EXPECT_EQ(judgement.reasons[0].code, "steal");
  EXPECT_THAT(judgement.reasons[0].text, ::testing::StartsWith("rank 1: "));
}

TEST(JudgeScaling, SuspectWhereRanksDidNotMeasureTogether) {
  EXPECT_TRUE(has_reason(judge(scaling_run({rank_run(0, 0, 10, 100), rank_run(1, 200, 10, 100)})), "skew"));
  RankRun other = rank_run(1, 0, 10, 100);
  other.clock.uncertainty = 20 * kMs;
  EXPECT_TRUE(has_reason(judge(scaling_run({rank_run(0, 0, 10, 100), other})), "clock-offset"));
}

TEST(JudgeScaling, InvalidWhereRanksComputedDifferentOutputs) {
  RankRun other = rank_run(1, 0, 10, 100);
  other.output_hash = "fedcba9876543210";
  const ScalingRun run = scaling_run({rank_run(0, 0, 10, 100), other});
  EXPECT_EQ(judge(run).verdict, Verdict::kInvalid);
  EXPECT_TRUE(has_reason(judge(run), "outputs-differ"));
  ScalingRun mixed = run;
  mixed.per_rank[1].info.isa = "avx512";  // floating point may differ from set to set
  EXPECT_EQ(judge(mixed).verdict, Verdict::kValid);
}

TEST(ScalingJson, IsReadBackAsItWasWritten) {
  RankRun other = rank_run(1, 7, 10, 20);
  other.clock = {-123, 45};
  const Json json = to_json(scaling_run({rank_run(0, 0, 10, 20), other}));
  EXPECT_EQ(to_json(scaling_run_from(Json::parse(json.dump()))), json);
  for (const char* key : {"rank", "host", "cpus", "info", "calls", "clock_offset_ns", "clock_uncertainty_ns",
                          "observation", "power"})
    EXPECT_TRUE(json["per_rank"][1].contains(key)) << key;
}

TEST(ScalingJson, WhatIsMissingIsSaid) {
  const Json json = to_json(scaling_run({rank_run(0, 0, 10, 20)}));
  for (const char* key : {"network", "precision", "batch", "ranks", "per_rank"}) {
    Json cut = json;
    cut.erase(key);
    try {
      scaling_run_from(cut);
      ADD_FAILURE() << key;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kParse);
      EXPECT_THAT(error.what(), HasSubstr(key));
    }
  }
  Json rank_missing = json;
  rank_missing["ranks"] = 2;
  EXPECT_THROW(scaling_run_from(rank_missing), Error);
}

TEST(ScalingRow, HasWhatScriptsWerePromised) {
  const ScalingRun one = scaling_run({rank_run(0, 0, 10, 100)});
  const ScalingFigures figures = scaling_figures(one);
  const Json row = scaling_row(scaling_run({rank_run(0, 0, 10, 100), rank_run(1, 0, 10, 100)}), &figures);
  EXPECT_EQ(row["ranks"], 2);
  EXPECT_DOUBLE_EQ(row["images_per_second"], 2000);
  EXPECT_DOUBLE_EQ(row["efficiency"], 100);
  EXPECT_DOUBLE_EQ(row["serial_fraction"], 0);
  EXPECT_DOUBLE_EQ(row["skew_ms"], 0);
  EXPECT_EQ(row["skew"]["start_ms"], 0);
  EXPECT_EQ(row["verdict"], "VALID");
  EXPECT_EQ(row["per_rank"].size(), 2u);
  const Json first = scaling_row(one, nullptr);
  EXPECT_FALSE(first.contains("efficiency")) << "nothing to compare with";
}

}  // namespace
}  // namespace octet::lab
