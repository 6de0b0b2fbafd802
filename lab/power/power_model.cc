// No meter at all: the power is taken to rise from `idle` to `busy` watts with the share of the machine's
// CPU time that is used. Whatever is computed with it is modelled, and says so wherever it is shown.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "lab/power/cpu_time.h"
#include "lab/power/kinds.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

struct PowerModel {
  double idle_watts = 0;
  double busy_watts = 0;
};

constexpr double kMostModelWatts = 1e6;

PowerModel parse_model(const std::string& text) {
  const auto fail = [&](std::string_view what) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("power model '{}': {} (as in idle=60,busy=150, watts)", text, what));
  };
  std::optional<double> idle, busy;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const std::size_t equals = part.find('=');
    const std::string_view key = part.substr(0, equals);
    std::optional<double>& value = key == "idle" ? idle : busy;
    if (equals == std::string_view::npos || (key != "idle" && key != "busy"))
      fail(fmt::format("expected idle=WATTS or busy=WATTS, got '{}'", part));
    if (value) fail(fmt::format("{} is given twice", key));
    const std::string_view number = part.substr(equals + 1);
    double watts = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), watts);
    if (error != std::errc() || end != number.data() + number.size() ||
        !(watts >= 0 && watts <= kMostModelWatts))
      fail(fmt::format("expected watts from 0 to {:.0f}, got '{}'", kMostModelWatts, number));
    value = watts;
  }
  if (!idle || !busy) fail(fmt::format("{} is missing", idle ? "busy" : "idle"));
  if (*busy <= *idle) fail("busy must be above idle");
  return {*idle, *busy};
}

class ModelMeter final : public Meter {
 public:
  ModelMeter(PowerModel model, Clock& clock) : model_(model), clock_(clock) {
    start();
    info_.id = "model";
    info_.kind = "model";
    info_.scope = fmt::format("whole node, modelled: {} W idle to {} W with all {} CPUs busy",
                              model_.idle_watts, model_.busy_watts, begin_.cpus);
    info_.reads = Reads::kEnergy;
    info_.resolution = joules_of_busy(1.0 / static_cast<double>(sysconf(_SC_CLK_TCK)));
    info_.modelled = true;
  }

  const MeterInfo& info() const override { return info_; }
  void start() override {
    begin_ = read_cpu_time();
    begin_time_ = clock_.now();
  }
  double read() override {
    const CpuTime now = read_cpu_time();
    return model_.idle_watts * seconds(clock_.now() - begin_time_) +
           joules_of_busy(now.busy_s - begin_.busy_s);
  }

 private:
  double joules_of_busy(double cpu_seconds) const {
    return (model_.busy_watts - model_.idle_watts) * cpu_seconds / begin_.cpus;
  }

  PowerModel model_;
  Clock& clock_;
  MeterInfo info_;
  CpuTime begin_;
  Nanoseconds begin_time_ = 0;
};

}  // namespace

FoundKind find_model(const MeterOptions& options, Clock& clock) {
  FoundKind found;
  found.status.kind = "model";
  if (options.power_model.empty()) {
    found.status.why_not = "no model was given";
    found.status.remedy =
        "--power-model idle=60,busy=150 with the machine's watts; its figures are marked as "
        "modelled";
    return found;
  }
  const PowerModel model = parse_model(options.power_model);
  try {
    found.meters.push_back(std::make_unique<ModelMeter>(model, clock));
    found.status.meters.push_back(found.meters.back()->info());
    found.status.works = true;
  } catch (const Error& error) {
    found.status.why_not = error.what();
    found.status.remedy = "mount /proc";
  }
  return found;
}

}  // namespace octet::lab
