// A meter between the plug and the machine, whose own software writes a file. It is read when traces are
// asked for; until then the file may grow.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "lab/power/kinds.h"
#include "lab/power/wall_log.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

constexpr double kLongestShift = 366.0 * 86400;
constexpr int kAround = 2;  // samples before and after the time asked for

std::string utc(Nanoseconds unix_time) {
  const auto whole = static_cast<std::time_t>(unix_time / 1'000'000'000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(whole));
}

class WallMeter final : public LoggedMeter {
 public:
  WallMeter(fs::path file, double shift_s) : file_(std::move(file)), shift_(nanoseconds(shift_s)) {
    info_.id = "wall:" + file_.filename().string();
    info_.kind = "wall";
    info_.scope = "whole node, at the wall";
    info_.reads = Reads::kPower;
    describe(read_wall_log(file_));
  }

  const MeterInfo& info() const override { return info_; }

  PowerTrace logged(Nanoseconds start, Nanoseconds stop) override {
    WallLog log = read_wall_log(file_);
    describe(log);
    // From the file's times to those of the laboratory's clock.
    const Nanoseconds offset = shift_ - unix_offset();
    for (PowerSample& sample : log.samples) sample.time += offset;
    const auto before = [](const PowerSample& sample, Nanoseconds time) { return sample.time < time; };
    const auto begin = log.samples.begin();
    const auto end = log.samples.end();
    auto first = std::lower_bound(begin, end, start, before);
    auto last = std::lower_bound(first, end, stop, before);
    PowerTrace trace{info_, {}, {}, {}};
    if (first == last && (first == begin || last == end))
      trace.failures.push_back(outside(log.samples, start, stop, offset));
    first -= std::min<std::ptrdiff_t>(kAround, first - begin);
    last += std::min<std::ptrdiff_t>(kAround, end - last);
    trace.samples.assign(first, last);
    return trace;
  }

 private:
  void describe(const WallLog& log) {
    info_.interval_s = log.interval_s;
    info_.resolution = log.resolution;
  }

  std::string outside(const std::vector<PowerSample>& samples, Nanoseconds start, Nanoseconds stop,
                      Nanoseconds offset) const {
    if (samples.empty()) return fmt::format("{}: no samples yet", file_.string());
    return fmt::format(
        "{}: its times, {} to {}, do not meet the recording's, {} to {}; --wall-shift moves them",
        file_.string(), utc(samples.front().time - offset + shift_),
        utc(samples.back().time - offset + shift_), utc(start - offset + shift_),
        utc(stop - offset + shift_));
  }

  fs::path file_;
  Nanoseconds shift_;
  MeterInfo info_;
};

}  // namespace

double LoggedMeter::read() {
  throw Error(ErrorCode::kInternal, fmt::format("{}: a meter's log cannot be polled", info().id));
}

FoundKind find_wall(const MeterOptions& options) {
  FoundKind found;
  found.status.kind = "wall";
  if (!std::isfinite(options.wall_shift_s) || std::abs(options.wall_shift_s) > kLongestShift)
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("wall meter's shift: expected seconds within a year, got {}", options.wall_shift_s));
  if (options.wall_csv.empty()) {
    found.status.why_not = "no file of a wall meter was given";
    found.status.remedy =
        "--wall-meter FILE, a CSV with the columns time and watts that the meter's software "
        "writes meanwhile";
    return found;
  }
  found.meters.push_back(std::make_unique<WallMeter>(options.wall_csv, options.wall_shift_s));
  found.status.meters.push_back(found.meters.back()->info());
  found.status.works = true;
  return found;
}

}  // namespace octet::lab
