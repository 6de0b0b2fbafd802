#include "lab/bench/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lab/bench/test_fake_system.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::FakeClock;
using ::testing::HasSubstr;

TEST(PoissonArrivals, ComeFromTheSeedWithExponentialGaps) {
  constexpr std::size_t kCount = 20000;
  const std::vector<Nanoseconds> arrivals = poisson_arrivals(100, kCount, 7);
  EXPECT_EQ(arrivals, poisson_arrivals(100, kCount, 7));
  EXPECT_NE(arrivals, poisson_arrivals(100, kCount, 8));
  double longer_than_mean = 0, longer_than_two = 0;
  Nanoseconds before = 0;
  for (Nanoseconds arrival : arrivals) {
    ASSERT_GE(arrival, before);
    const double gap = seconds(arrival - before);
    longer_than_mean += gap > 0.01;
    longer_than_two += gap > 0.02;
    before = arrival;
  }
  EXPECT_NEAR(seconds(arrivals.back()) / kCount, 0.01, 0.0003);
  EXPECT_NEAR(longer_than_mean / kCount, std::exp(-1), 0.015);
  EXPECT_NEAR(longer_than_two / kCount, std::exp(-2), 0.015);
}

TEST(PoissonArrivals, AnotherRateIsTheSameScheduleStretched) {
  const std::vector<Nanoseconds> slow = poisson_arrivals(10, 100, 3), fast = poisson_arrivals(20, 100, 3);
  for (std::size_t i = 0; i < slow.size(); ++i)
    EXPECT_NEAR(static_cast<double>(slow[i]), 2.0 * static_cast<double>(fast[i]), 3);
  for (double qps : {0.0, -1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)})
    EXPECT_THROW(poisson_arrivals(qps, 1, 1), Error);
}

TEST(AllowedLate, IsTheBinomialTailsAnswer) {
  EXPECT_FALSE(allowed_late(458));  // 0.99^458 = 0.01002
  EXPECT_EQ(allowed_late(459), 0u);
  EXPECT_EQ(allowed_late(10000), 77u);
  // By the normal approximation: 2703.36 - 2.326 * sqrt(2703.36 * 0.99).
  EXPECT_NEAR(static_cast<double>(*allowed_late(270336)), 2583, 3);
}

ServerSettings bound(double p99_ms) {
  ServerSettings settings;
  settings.p99_ms = p99_ms;
  settings.least_requests = 20000;
  settings.most_s = 1e6;
  settings.warmup.most_s = 0;
  return settings;
}

/// Probability that a request waits at most t in an M/D/1 queue (Erlang 1909): Poisson arrivals of rate
/// `load`, one server, service time 1.
double waits_at_most(double t, double load) {
  double sum = 0, factorial = 1;
  for (int k = 0; k <= static_cast<int>(t); ++k) {
    if (k > 0) factorial *= k;
    const double x = load * (k - t);
    sum += std::pow(x, k) / factorial * std::exp(-x);
  }
  return (1 - load) * sum;
}

/// 99th percentile of the time in the queue and in service, in service times.
double p99_of_queue(double load) {
  double t = 0;
  while (waits_at_most(t, load) < 0.99) t += 0.001;
  return t + 1;
}

TEST(Server, AQueueOfKnownAnswerHasItsPercentile) {
  for (double load : {0.3, 0.6, 0.8}) {
    FakeClock clock;
    FakeSystem system(clock, [](int, int) { return 0.01; });
    ServerSettings settings = bound(1e6);
    settings.least_requests = 300000;
    const Trial trial = run_trial(system, settings, 100 * load, clock);
    const TrialFigures figures = judge_trial(trial, settings.p99_ms);
    EXPECT_EQ(figures.requests, 300000u);
    EXPECT_EQ(figures.late, 0u);
    EXPECT_TRUE(figures.kept);
    const double expected = 10 * p99_of_queue(load);
    EXPECT_NEAR(figures.p99_ms, expected, 0.06 * expected) << load;
    EXPECT_GE(*figures.p99_upper_ms, figures.p99_ms);
    EXPECT_DOUBLE_EQ(figures.images_per_call, 1);
  }
}

TEST(Server, FindsTheHighestRateThatKeepsTheBound) {
  for (double load : {0.5, 0.8}) {
    FakeClock clock;
    FakeSystem system(clock, [](int, int) { return 0.01; });
    const double p99_ms = 10 * p99_of_queue(load);  // so that this load is the highest
    const ServerSearch search = find_highest_rate(system, bound(p99_ms), clock);
    EXPECT_TRUE(search.converged) << search.note;
    EXPECT_GT(search.highest_qps, 0.85 * 100 * load);
    EXPECT_LT(search.highest_qps, 1.05 * 100 * load);
    bool found = false, nearest = false;
    for (const Trial& trial : search.trials) {
      const bool kept = judge_trial(trial, p99_ms).kept;
      found = found || (kept && trial.qps == search.highest_qps);
      nearest = nearest || (!kept && trial.qps <= 1.05 * search.highest_qps);
      EXPECT_TRUE(!kept || trial.qps <= search.highest_qps);
    }
    EXPECT_TRUE(found && nearest) << "both ends of the answer are among the trials";
  }
}

TEST(Server, LatencyCountsFromTheScheduledArrival) {
  FakeClock clock;
  // The third call takes a second; whoever should have arrived meanwhile has waited since then.
  FakeSystem system(clock, [](int call, int) { return call == 2 ? 1.0 : 0.0001; });
  ServerSettings settings = bound(1e6);
  settings.least_requests = 500;
  const Trial trial = run_trial(system, settings, 100, clock);
  std::size_t waited = 0;
  for (std::size_t i = 0; i < trial.done.size(); ++i) {
    EXPECT_GE(trial.start[i], trial.arrival[i]);
    waited += seconds(trial.done[i] - trial.arrival[i]) > 0.1;
  }
  EXPECT_GT(waited, 50u) << "not the one call alone";
}

TEST(Server, RequestsThatWaitAreServedTogether) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.01; });
  ServerSettings settings = bound(1e6);
  settings.max_batch = 8;
  const TrialFigures figures = judge_trial(run_trial(system, settings, 400, clock), settings.p99_ms);
  EXPECT_NEAR(figures.images_per_call, 4, 0.3);
  for (int batch : system.batches) EXPECT_LE(batch, 8);
}

TEST(Server, ATrialThatCannotSucceedEndsEarly) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.01; });
  const Trial trial = run_trial(system, bound(50), 200, clock);
  EXPECT_LT(trial.done.size(), 2000u);
  EXPECT_EQ(trial.done.size(), trial.arrival.size());
  EXPECT_FALSE(judge_trial(trial, 50).kept);
}

TEST(Server, ABoundBelowOneCallEndsTheSearchWithTheReason) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.01; });
  const ServerSearch search = find_highest_rate(system, bound(5), clock);
  EXPECT_EQ(search.highest_qps, 0);
  EXPECT_EQ(search.trials.size(), 1u);
  EXPECT_THAT(search.note, HasSubstr("within the bound"));
}

TEST(Server, TooFewRequestsShowNothing) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.01; });
  ServerSettings settings = bound(100);
  settings.most_s = 1;
  const TrialFigures figures = judge_trial(run_trial(system, settings, 10, clock), 100);
  EXPECT_EQ(figures.late, 0u);
  EXPECT_FALSE(figures.p99_upper_ms);
  EXPECT_FALSE(figures.kept);
  EXPECT_THAT(find_highest_rate(system, settings, clock).note, HasSubstr("too few"));
}

TEST(Server, SettingsThatMakeNoSenseAreErrors) {
  FakeClock clock;
  FakeSystem system(clock, [](int, int) { return 0.01; });
  const auto refused = [&](auto spoil, double qps = 10) {
    ServerSettings settings = bound(100);
    spoil(settings);
    EXPECT_THROW(run_trial(system, settings, qps, clock), Error);
  };
  refused([](ServerSettings& s) { s.p99_ms = -1; });
  refused([](ServerSettings& s) { s.p99_ms = NAN; });
  refused([](ServerSettings& s) { s.max_batch = 0; });
  refused([](ServerSettings& s) { s.duration_s = 0; });
  refused([](ServerSettings& s) { s.tolerance = 0; });
  for (double qps : {0.0, -1.0, static_cast<double>(NAN), static_cast<double>(INFINITY), 1e12})
    refused([](ServerSettings&) {}, qps);
  EXPECT_TRUE(system.batches.empty());
}

TEST(Server, TrialsAreReadAsTheyWereWritten) {
  const Trial trial{25, {0, 10, 12}, {1, 20, 20}, {9, 30, 30}};
  Json json = to_json(trial);
  EXPECT_EQ(to_json(trial_from(json)), json);
  const Measurement calls = calls_of(trial);
  ASSERT_EQ(calls.calls.size(), 2u);
  EXPECT_EQ(calls.calls[1].images, 2);
  json["done_ns"].push_back(31);
  EXPECT_THROW(trial_from(json), Error);
  json.erase("done_ns");
  EXPECT_THROW(trial_from(json), Error);
}

}  // namespace
}  // namespace octet::lab
