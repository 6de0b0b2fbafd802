#include "lab/evidence/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "lab/evidence/test_machine.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::FakeMachine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> codes(const Judgement& judgement) {
  std::vector<std::string> codes;
  for (const Reason& reason : judgement.reasons) codes.push_back(reason.code);
  return codes;
}

/// A measurement of ten seconds on a fake machine, seen by an observer. `disturb` is called in its middle.
struct Measurement {
  FakeMachine machine;
  std::size_t calls = 100;
  bool steady = true;
  std::vector<double> rates = {100, 101, 99, 100, 102, 98, 100, 101, 99};

  Judgement judged(const std::function<void(Measurement&)>& disturb = [](Measurement&) {}) {
    Observer observer(machine.options());
    const auto five_seconds = [&] {
      for (int tenth = 0; tenth < 50; ++tenth) {
        machine.run_for(0.1);
        observer.sample();
      }
    };
    five_seconds();
    disturb(*this);
    machine.publish();
    five_seconds();
    machine.publish();
    return judge({calls, steady, rates}, observer.finish());
  }
};

TEST(Verdict, OfAQuietWindowIsValid) {
  const Judgement judgement = Measurement().judged();
  EXPECT_EQ(judgement.verdict, Verdict::kValid);
  EXPECT_THAT(judgement.reasons, IsEmpty());
}

TEST(Verdict, OfAWindowAsQuietAsASharedMachineGetsIsValid) {
  const Judgement judgement = Measurement().judged([](Measurement& it) {
    it.machine.counters.steal_ticks += 10;       // 0.5 % of 2 CPUs for 10 s
    it.machine.counters.other_ticks += 60;       // 3 %
    it.machine.counters.throttled_us += 50'000;  // 0.5 %
    it.machine.counters.major_faults += 3;
    it.machine.counters.khz = 2'900'000;  // a turbo step
    it.machine.real += nanoseconds(0.002);
    it.machine.run_for(0.05);  // the observer was late by 50 ms
    it.rates = {100, 103, 97, 100, 104, 98, 101, 102, 99};
  });
  EXPECT_EQ(judgement.verdict, Verdict::kValid) << to_json(judgement).dump(1);
}

struct Forced {
  std::string name, code;
  Verdict verdict;
  std::string says;
  std::function<void(Measurement&)> disturb;
};
class EveryReason : public ::testing::TestWithParam<Forced> {};

TEST_P(EveryReason, IsGivenAloneWithItsFigureAndBound) {
  const Forced& forced = GetParam();
  Measurement measurement;
  const Judgement judgement = measurement.judged(forced.disturb);
  EXPECT_THAT(codes(judgement), ElementsAre(forced.code)) << to_json(judgement).dump(1);
  ASSERT_FALSE(judgement.reasons.empty());
  EXPECT_EQ(judgement.verdict, forced.verdict);
  EXPECT_EQ(judgement.reasons[0].severity, forced.verdict);
  EXPECT_THAT(judgement.reasons[0].text, HasSubstr(forced.says));
}

INSTANTIATE_TEST_SUITE_P(
    Verdict, EveryReason,
    ::testing::Values(Forced{"Steal", "steal", Verdict::kSuspect, "2.5 % of the CPU time was stolen",
                             [](Measurement& it) { it.machine.counters.steal_ticks += 50; }},
                      Forced{"OtherLoad", "other-load", Verdict::kSuspect,
                             "10.0 % of the CPU time was used by other programs",
                             [](Measurement& it) { it.machine.counters.other_ticks += 200; }},
                      Forced{"Throttled", "throttled", Verdict::kSuspect, "for 3.0 % of the window (7 times)",
                             [](Measurement& it) {
                               it.machine.counters.throttled_periods += 7;
                               it.machine.counters.throttled_us += 300'000;
                             }},
                      Forced{"Thermal", "thermal", Verdict::kSuspect, "too hot",
                             [](Measurement& it) { it.machine.counters.core_throttles += 1; }},
                      Forced{"ClockRateFell", "clock-rate", Verdict::kSuspect, "-20.0 %",
                             [](Measurement& it) { it.machine.counters.khz = 2'400'000; }},
                      Forced{"Suspended", "clock-jump", Verdict::kInvalid, "60.000 s",
                             [](Measurement& it) {
                               it.machine.boot += nanoseconds(60);
                               it.machine.real += nanoseconds(60);
                             }},
                      Forced{"ClockSet", "clock-jump", Verdict::kInvalid, "3600.000 s",
                             [](Measurement& it) { it.machine.real += nanoseconds(3600); }},
                      Forced{"StoppedForAWhile", "stalled", Verdict::kSuspect, "0.40 s of 10.40 s",
                             [](Measurement& it) { it.machine.run_for(0.4); }},
                      Forced{"StoppedForLong", "stalled", Verdict::kInvalid, "2.00 s of 12.00 s",
                             [](Measurement& it) { it.machine.run_for(2); }},
                      Forced{"Swapping", "swapping", Verdict::kSuspect, "400 major page faults",
                             [](Measurement& it) { it.machine.counters.major_faults += 400; }},
                      Forced{"FewCalls", "few-samples", Verdict::kSuspect, "4 timed calls, fewer than 5",
                             [](Measurement& it) { it.calls = 4; }},
                      Forced{"NoCalls", "few-samples", Verdict::kInvalid, "nothing ran",
                             [](Measurement& it) { it.calls = 0; }},
                      Forced{"RatesOfNothing", "few-samples", Verdict::kInvalid, "nothing ran",
                             [](Measurement& it) {
                               it.rates = {100, 0, 100};
                             }},
                      Forced{"NotSteady", "not-steady", Verdict::kSuspect, "before the rate was steady",
                             [](Measurement& it) { it.steady = false; }},
                      Forced{"Variation", "variation", Verdict::kSuspect, "vary by",
                             [](Measurement& it) { it.rates = {100, 120, 80, 100, 120, 80, 100, 120, 80}; }},
                      Forced{"Drift", "drift", Verdict::kSuspect, "-6.0 %",
                             [](Measurement& it) { it.rates = {100, 100, 100, 97, 97, 97, 94, 94, 94}; }}),
    [](const auto& parameter) { return parameter.param.name; });

TEST(Verdict, ComparesClockRatesBeforeAndAfter) {
  Observation observation;
  observation.seconds = 10;
  observation.clock_ghz_before = 3.0;
  observation.clock_ghz_after = 2.7;
  EXPECT_THAT(codes(judge({100, true, {}}, observation)), ElementsAre("clock-rate"));
  observation.clock_ghz_after = 2.9;
  EXPECT_THAT(codes(judge({100, true, {}}, observation)), IsEmpty());
}

TEST(Verdict, SuspectsASharedCoreByTheLesserCapacity) {
  Observation observation;
  observation.seconds = 10;
  observation.parallel_capacity_before = 0.7;  // turbo, and other guests of the host
  EXPECT_THAT(codes(judge({100, true, {}}, observation)), IsEmpty());
  observation.parallel_capacity_after = 0.505;
  const Judgement judgement = judge({100, true, {}}, observation);
  EXPECT_EQ(judgement.verdict, Verdict::kSuspect);
  ASSERT_THAT(codes(judgement), ElementsAre("shared-core"));
  EXPECT_THAT(judgement.reasons[0].text, HasSubstr("the CPUs together ran at 0.5"));
  EXPECT_THAT(judgement.reasons[0].text, HasSubstr("less than 0.6: the hypervisor may run them on one core"));
  EXPECT_EQ(judgement.reasons[0].value, 0.505);
  EXPECT_EQ(judgement.reasons[0].bound, 0.6);
  std::swap(observation.parallel_capacity_before, observation.parallel_capacity_after);
  EXPECT_EQ(judge({100, true, {}}, observation).reasons[0].value, 0.505);
  observation.parallel_capacity_after = 0.52;
  EXPECT_EQ(judge({100, true, {}}, observation).reasons[0].value, 0.505);
}

TEST(Verdict, DoesNotSuspectAShortWindowForOneTick) {
  FakeMachine machine;
  Observer observer(machine.options());
  machine.run_for(0.2);
  machine.counters.steal_ticks += FakeMachine::kCpus;  // one tick a CPU: 5 % of the window
  machine.counters.other_ticks += 2 * FakeMachine::kCpus;
  machine.publish();
  const Judgement one_tick = judge({10, true, {}}, observer.finish());
  EXPECT_EQ(one_tick.verdict, Verdict::kValid) << to_json(one_tick).dump(1);
}

TEST(Verdict, SuspectsTheSameShareOfALongWindow) {
  FakeMachine machine;
  Observer observer(machine.options());
  for (int tenth = 0; tenth < 100; ++tenth) {
    machine.run_for(0.1);
    observer.sample();
  }
  machine.counters.steal_ticks += 100;
  machine.publish();
  EXPECT_THAT(codes(judge({10, true, {}}, observer.finish())), ElementsAre("steal"));
}

TEST(Verdict, HoldsNothingAgainstFiguresThatAreMissing) {
  Observation nothing;
  nothing.seconds = 5;
  nothing.missing = {"/proc/stat: no such file"};
  EXPECT_EQ(judge({10, true, {}}, nothing).verdict, Verdict::kValid);
}

TEST(Verdict, IsTheWorstOfItsReasonsAndListsAll) {
  Measurement measurement;
  const Judgement judgement = measurement.judged([](Measurement& it) {
    it.machine.counters.steal_ticks += 300;
    it.machine.real += nanoseconds(9);
    it.calls = 2;
  });
  EXPECT_EQ(judgement.verdict, Verdict::kInvalid);
  EXPECT_THAT(codes(judgement), ElementsAre("few-samples", "steal", "clock-jump"));
}

TEST(Verdict, SurvivesJson) {
  Measurement measurement;
  const Judgement judgement = measurement.judged([](Measurement& it) { it.calls = 2; });
  const Judgement again = judgement_from(Json::parse(to_json(judgement).dump()));
  EXPECT_EQ(to_json(again).dump(), to_json(judgement).dump());
  EXPECT_EQ(again.verdict, Verdict::kSuspect);
  EXPECT_EQ(again.reasons[0].bound, 5);
}

TEST(Verdict, RefusesJsonThatIsNoJudgement) {
  for (const char* text :
       {"{}", "[]", "3", R"({"verdict": "FINE", "reasons": []})", R"({"verdict": 1, "reasons": []})",
        R"({"verdict": "VALID", "reasons": [{"code": "steal"}]})"}) {
    try {
      judgement_from(Json::parse(text));
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kParse) << text;
    }
  }
}

TEST(Verdict, HasWordsThatReadBack) {
  for (const Verdict verdict : {Verdict::kValid, Verdict::kSuspect, Verdict::kInvalid})
    EXPECT_EQ(parse_verdict(to_string(verdict)), verdict);
  EXPECT_THROW(parse_verdict("valid"), Error);
  EXPECT_EQ(worse(Verdict::kSuspect, Verdict::kValid), Verdict::kSuspect);
  EXPECT_EQ(worse(Verdict::kSuspect, Verdict::kInvalid), Verdict::kInvalid);
}

}  // namespace
}  // namespace octet::lab
