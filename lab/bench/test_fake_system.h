// A system whose calls take the time that a test says, on a fake clock.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lab/bench/system_under_test.h"
#include "tests/support/fake_clock.h"

namespace octet::lab {

class FakeSystem final : public SystemUnderTest {
 public:
  /// `seconds` of the i-th call, from 0, at a batch.
  FakeSystem(test::FakeClock& clock, std::function<double(int call, int batch)> seconds)
      : clock_(clock), seconds_(std::move(seconds)) {
    info_.engine = "fake";
    info_.network = "none";
  }

  const SystemInfo& info() const override { return info_; }
  void run(int batch) override {
    batches.push_back(batch);
    clock_.advance(seconds_(static_cast<int>(batches.size()) - 1, batch));
  }
  std::string output_hash() override { return ""; }

  std::vector<int> batches;  ///< of every call

 private:
  test::FakeClock& clock_;
  std::function<double(int, int)> seconds_;
  SystemInfo info_;
};

}  // namespace octet::lab
