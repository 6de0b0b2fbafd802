// NVML by a fake of its library.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <tuple>

#include "lab/power/board_evidence.h"
#include "lab/power/energy.h"
#include "lab/power/kinds.h"
#include "lab/power/polling.h"
#include "lab/power/test_fake_nvml.h"
#include "lab/power/test_meters.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::HasSubstr;

class Nvml : public ::testing::Test {
 protected:
  Nvml() : library_(::dlopen(OCTET_FAKE_NVML, RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) throw Error(ErrorCode::kNotFound, ::dlerror());
    fake_ = reinterpret_cast<FakeNvmlFunction*>(::dlsym(library_, "fake_nvml"))();
    *fake_ = FakeNvml();
    options_.nvml_library = OCTET_FAKE_NVML;
  }
  ~Nvml() override { ::dlclose(library_); }
  FakeNvml& fake() { return *fake_; }

  static constexpr double kStart = 1;  // s, where FakeClock begins
  /// What is read in `length` seconds; `before_reading` gets the seconds since the start.
  static PowerTrace record(Meter& meter, double length, const std::function<void(double)>& before_reading) {
    FakeClock clock;
    before_reading(0);
    Polling polling({&meter}, clock);
    const double step = meter.info().interval_s;
    for (int i = 0; i * step < length + step / 2; ++i, clock.advance(step)) {
      before_reading(i * step);
      polling.poll();
    }
    return polling.traces().front();
  }

  void expect_refused(const std::string& devices, ErrorCode code, const std::string& message) {
    options_.nvml_devices = devices;
    try {
      find_nvml(options_);
      ADD_FAILURE() << devices << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  }

  MeterOptions options_;

 private:
  void* library_;
  FakeNvml* fake_;
};

TEST_F(Nvml, AnEnergyCounterIsReadInJoules) {
  fake().devices = 2;
  fake().energy_mj = 12'345'678;
  const FoundKind found = find_nvml(options_);
  EXPECT_TRUE(found.status.works);
  ASSERT_EQ(found.meters.size(), 2u);
  const MeterInfo& info = found.meters[1]->info();
  EXPECT_EQ(info.id, "nvml:1");
  EXPECT_EQ(info.scope, "GPU 1 (Tesla P40)");
  EXPECT_EQ(info.reads, Reads::kEnergy);
  EXPECT_DOUBLE_EQ(found.meters[1]->read(), 12345.678);
}

TEST_F(Nvml, WithoutACounterThePowerIsSampled) {
  fake().energy_result = 3;  // not supported
  fake().power_mw = 47'250;
  const FoundKind found = find_nvml(options_);
  ASSERT_EQ(found.meters.size(), 1u);
  EXPECT_EQ(found.meters[0]->info().reads, Reads::kPower);
  EXPECT_EQ(found.meters[0]->info().averaging_s, 0);
  EXPECT_DOUBLE_EQ(found.meters[0]->read(), 47.25);
}

TEST_F(Nvml, PowerIsAMeanOfASecondFromAmpereOnButNotOnGa100) {
  fake().energy_result = 3;
  const std::vector<std::tuple<int, int, double>> boards = {{6, 1, 0}, {7, 5, 0}, {8, 0, 0},
                                                            {8, 6, 1}, {8, 9, 1}, {9, 0, 1}};
  for (const auto& [major, minor, averaging_s] : boards) {
    fake().major = major;
    fake().minor = minor;
    EXPECT_EQ(find_nvml(options_).status.meters.at(0).averaging_s, averaging_s) << major << "." << minor;
  }
  fake().board_result = 3;
  EXPECT_EQ(find_nvml(options_).status.meters.at(0).averaging_s, 0);
}

TEST_F(Nvml, TheEnergyOfAWindowIsTheCountersDifference) {
  const FoundKind found = find_nvml(options_);
  // 120 W from 3 s on, 50 W before; the window is of 120 W alone.
  const PowerTrace trace = record(*found.meters[0], 10, [&](double time) {
    const double joules = 1e6 + (time < 3 ? 50 * time : 150 + 120 * (time - 3));
    fake().energy_mj = static_cast<unsigned long long>(std::llround(joules * 1e3));
  });
  const auto energy = energy_of(trace, std::vector{window(4 + kStart, 9 + kStart)});
  ASSERT_TRUE(energy);
  EXPECT_NEAR(energy->joules, 600, 1e-2);
  EXPECT_NEAR(energy->coverage, 1, 1e-9);
  EXPECT_NEAR(energy->sampling_hz, 10, 1e-6);
}

TEST_F(Nvml, TheEnergyOfAWindowIsTheIntegralOfSampledPowers) {
  fake().energy_result = 3;
  const FoundKind found = find_nvml(options_);
  const PowerTrace trace = record(*found.meters[0], 10, [&](double time) {
    fake().power_mw = static_cast<unsigned>(std::lround((50 + 10 * time) * 1e3));
  });
  const auto energy = energy_of(trace, std::vector{window(2 + kStart, 8 + kStart)});
  ASSERT_TRUE(energy);
  EXPECT_NEAR(energy->joules, 600, 1e-2);
  EXPECT_NEAR(energy->coverage, 1, 1e-9);
  EXPECT_NEAR(energy->sampling_hz, 20, 1e-6);
}

TEST_F(Nvml, ACounterThatStartsAnewIsNotTrustedThere) {
  const FoundKind found = find_nvml(options_);
  const PowerTrace trace = record(*found.meters[0], 10, [&](double time) {
    // The driver is loaded again after 5 s.
    fake().energy_mj =
        static_cast<unsigned long long>(std::llround(1e5 * (time < 5.05 ? time + 1000 : time - 5)));
  });
  const auto energy = energy_of(trace, std::vector{window(kStart, 10 + kStart)});
  ASSERT_TRUE(energy);
  EXPECT_NEAR(energy->coverage, 0.99, 1e-6);
  EXPECT_NEAR(energy->joules, 1000, 1e-2);
  EXPECT_GT(energy->uncertainty_joules, 0);
}

TEST_F(Nvml, WhatTheBoardDoesIsRecordedWithItsReadings) {
  fake().energy_result = 3;
  fake().performance_state = 2;
  const FoundKind found = find_nvml(options_);
  ASSERT_TRUE(found.status.meters.at(0).board);
  EXPECT_EQ(found.status.meters[0].board->uuid, "GPU-0");
  EXPECT_EQ(found.status.meters[0].board->driver, "535.104.05");
  EXPECT_EQ(found.status.meters[0].board->limit_watts, 250);
  const PowerTrace trace = record(*found.meters[0], 4, [&](double time) {
    fake().celsius = static_cast<unsigned>(60 + time);
    fake().reasons = time > 2 ? 0x20 : 0;
  });
  EXPECT_EQ(trace.board.size(), trace.samples.size());
  const std::vector windows = {window(3 + kStart, 4 + kStart)};
  const BoardSummary board = summarize_board(trace.board, windows);
  EXPECT_EQ(board.performance_state, 2);
  EXPECT_EQ(board.sm_mhz, 1531);
  EXPECT_EQ(board.celsius, 64);
  EXPECT_EQ(board.busy_share, 1);
  EXPECT_EQ(board.slowed_share, 1);
  Judgement judgement;
  judge_boards(std::vector{trace}, windows, judgement);
  EXPECT_EQ(judgement.verdict, Verdict::kSuspect);
}

TEST_F(Nvml, ABoardThatTellsNothingButItsPowerIsStillAMeter) {
  fake().board_result = 3;
  fake().performance_state = 32;  // unknown
  const FoundKind found = find_nvml(options_);
  ASSERT_TRUE(found.status.works);
  EXPECT_EQ(found.status.meters.at(0).board->uuid, "");
  EXPECT_FALSE(found.status.meters.at(0).board->limit_watts);
  BoardState state = found.meters[0]->board().value();
  EXPECT_FALSE(state.performance_state || state.sm_mhz || state.celsius || state.busy_share || state.reasons);
  fake().board_result = 0;
  state = found.meters[0]->board().value();
  EXPECT_FALSE(state.performance_state);
  EXPECT_TRUE(state.sm_mhz && state.celsius && state.busy_share && state.reasons);
}

TEST_F(Nvml, DevicesAreChosenByIndexAndByUuid) {
  fake().devices = 4;
  const std::vector<std::pair<std::string, std::vector<std::string>>> lists = {
      {"", {"nvml:0", "nvml:1", "nvml:2", "nvml:3"}},
      {"2", {"nvml:2"}},
      {"GPU-3, 0", {"nvml:3", "nvml:0"}},
      {" 1 ,", {"nvml:1"}},
  };
  for (const auto& [list, ids] : lists) {
    options_.nvml_devices = list;
    const FoundKind found = find_nvml(options_);
    EXPECT_TRUE(found.status.works);
    std::vector<std::string> there;
    for (const auto& meter : found.meters) there.push_back(meter->info().id);
    EXPECT_EQ(there, ids) << list;
    EXPECT_EQ(found.status.meters.size(), ids.size());
  }
  EXPECT_EQ(fake().users, 0);
}

TEST_F(Nvml, ADeviceThatWasAskedForAndIsNotThereIsAnError) {
  fake().devices = 2;
  const std::vector<std::tuple<std::string, ErrorCode, std::string>> lists = {
      {"2", ErrorCode::kNotFound,
       "NVML device '2': expected one of the GPUs that the NVIDIA driver sees (0 (GPU-0), 1 (GPU-1))"},
      {"0,GPU-7", ErrorCode::kNotFound, "NVML device 'GPU-7': expected one of the GPUs"},
      {"1,GPU-1", ErrorCode::kInvalidArgument, "NVML device 'GPU-1': GPU 1 was named before"},
      {"-1", ErrorCode::kInvalidArgument, "parted by commas, got '-1'"},
      {"0,,1", ErrorCode::kInvalidArgument, "parted by commas, got ''"},
      {"99999999999", ErrorCode::kInvalidArgument, "got '99999999999'"},
      {"all", ErrorCode::kInvalidArgument, "NVML devices: expected indices and UUIDs (GPU-...)"},
  };
  for (const auto& [list, code, message] : lists) expect_refused(list, code, message);
  fake().devices = 0;
  expect_refused("0", ErrorCode::kNotFound, "that the NVIDIA driver sees (none)");
  fake() = FakeNvml();
  fake().energy_result = fake().power_result = 3;
  expect_refused("0", ErrorCode::kIo, "NVML device '0': nvmlDeviceGetPowerUsage: error 3, Not Supported");
  EXPECT_EQ(fake().users, 0);
  options_.nvml_library = "libno-such-library.so.1";
  expect_refused("0", ErrorCode::kNotFound, "NVML device '0': no NVIDIA driver: libno-such-library.so.1");
}

TEST_F(Nvml, RecordingDoesNotDisturbTheOtherDevices) {
  fake().devices = 2;
  fake().energy_result = 3;
  fake().power_mw = 60'000;
  const FoundKind found = find_nvml(options_);
  FakeClock clock;
  Polling polling({found.meters[0].get(), found.meters[1].get()}, clock);
  for (int i = 0; i <= 100; ++i, clock.advance(0.05)) {
    fake().lost_device = i > 50 ? 1 : -1;
    polling.poll();
  }
  const std::vector<PowerTrace> traces = polling.traces();
  const std::vector windows = {window(kStart, 5 + kStart)};
  EXPECT_NEAR(energy_of(traces[0], windows)->joules, 300, 1e-6);
  EXPECT_NEAR(energy_of(traces[0], windows)->coverage, 1, 1e-9);
  EXPECT_TRUE(traces[0].failures.empty());
  EXPECT_NEAR(energy_of(traces[1], windows)->coverage, 0.5, 1e-9);
  EXPECT_EQ(traces[1].failures.size(), 1u);
  EXPECT_EQ(traces[1].board.size(), traces[1].samples.size());
  const auto both = energy_by_kind(traces, windows, WorkingDevice::kGpu);
  ASSERT_EQ(both.size(), 1u);
  EXPECT_NEAR(both[0].energy.joules, 600, 1e-6);
  EXPECT_NEAR(both[0].energy.coverage, 0.5, 1e-9);
}

TEST_F(Nvml, ADeviceThatIsLostMidwayIsAFailureOfTheTrace) {
  fake().energy_result = 3;
  fake().power_mw = 100'000;
  const FoundKind found = find_nvml(options_);
  FakeClock clock;
  Polling polling({found.meters[0].get()}, clock);
  const Nanoseconds start = clock.now();
  for (int i = 0; i <= 200; ++i, clock.advance(0.05)) {
    fake().lost_device = i > 100 ? 0 : -1;
    polling.poll();
  }
  const PowerTrace trace = polling.traces().front();
  ASSERT_EQ(trace.failures.size(), 1u);
  EXPECT_THAT(trace.failures[0], HasSubstr("nvmlDeviceGetPowerUsage: error 15, GPU is lost"));
  const auto energy = energy_of(trace, std::vector{Window{start, start + nanoseconds(10)}});
  ASSERT_TRUE(energy);
  EXPECT_NEAR(energy->coverage, 0.5, 1e-9);
  EXPECT_NEAR(energy->joules, 1000, 1e-6);
}

TEST_F(Nvml, ErrorsOfTheDriverAreNamedWithWhatHelps) {
  fake().init_result = 9;
  FoundKind found = find_nvml(options_);
  EXPECT_FALSE(found.status.works);
  EXPECT_EQ(found.status.why_not, "nvmlInit_v2: error 9, Driver Not Loaded");
  EXPECT_THAT(found.status.remedy, HasSubstr("nvidia-smi"));
  fake() = FakeNvml();
  fake().devices = 0;
  EXPECT_THAT(find_nvml(options_).status.why_not, HasSubstr("sees no GPU"));
  fake() = FakeNvml();
  fake().energy_result = 3;
  fake().power_result = 3;
  found = find_nvml(options_);
  EXPECT_FALSE(found.status.works);
  EXPECT_THAT(found.status.why_not, HasSubstr("GPU 0: nvmlDeviceGetPowerUsage: error 3, Not Supported"));
}

TEST_F(Nvml, AMissingLibraryAndAnotherLibraryAreToldApart) {
  options_.nvml_library = "libno-such-library.so.1";
  FoundKind found = find_nvml(options_);
  EXPECT_FALSE(found.status.works);
  EXPECT_THAT(found.status.why_not, HasSubstr("no NVIDIA driver: libno-such-library.so.1"));
  EXPECT_THAT(found.status.remedy, HasSubstr("install its driver"));
  options_.nvml_library = "libm.so.6";
  found = find_nvml(options_);
  EXPECT_FALSE(found.status.works);
  EXPECT_THAT(found.status.why_not, HasSubstr("libm.so.6: has no nvmlInit_v2: the driver is too old"));
}

TEST_F(Nvml, TheLibraryIsShutDownWithTheLastMeter) {
  {
    fake().devices = 3;
    FoundKind found = find_nvml(options_);
    EXPECT_EQ(fake().users, 1);
    found.meters.resize(1);
    EXPECT_EQ(fake().users, 1);
  }
  EXPECT_EQ(fake().users, 0);
}

}  // namespace
}  // namespace octet::lab
