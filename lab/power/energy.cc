#include "lab/power/energy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace octet::lab {
namespace {

constexpr double kLongestGap = 3;  // polling intervals
constexpr double kUniform =
    0.28867513459481287;  // 1 / sqrt(12): deviation of an even distribution of width 1

double square(double x) { return x * x; }

/// The stretch between two samples.
struct Segment {
  Nanoseconds start = 0;
  Nanoseconds stop = 0;
  double first = 0;  ///< values at its ends
  double last = 0;
  bool covered = false;       ///< inside a window
  bool covered_ends = false;  ///< where a window begins or ends in it

  double length() const { return seconds(stop - start); }
  double counted_watts() const { return (last - first) / length(); }
};

std::vector<Segment> segments_of(const PowerTrace& trace) {
  std::vector<Segment> segments;
  auto next_break = trace.breaks.begin();
  for (std::size_t i = 1; i < trace.samples.size(); ++i) {
    const PowerSample& a = trace.samples[i - 1];
    const PowerSample& b = trace.samples[i];
    Segment segment{a.time, b.time, a.value, b.value};
    if (segment.stop <= segment.start) continue;
    while (next_break != trace.breaks.end() && *next_break <= a.time) ++next_break;
    const bool broken = next_break != trace.breaks.end() && *next_break <= b.time;
    const bool is_short = segment.length() <= kLongestGap * trace.meter.interval_s * (1 + 1e-9);
    // A counter that went back has been reset.
    const bool whole = trace.meter.reads == Reads::kPower || (!broken && b.value >= a.value);
    segment.covered = whole && (is_short || trace.meter.reads == Reads::kEnergy);
    segment.covered_ends = whole && is_short;
    segments.push_back(segment);
  }
  return segments;
}

/// Adds up the windows' parts of the segments, and the squares of what may be wrong with them.
class Integral {
 public:
  Integral(const MeterInfo& meter, std::vector<Segment> segments)
      : meter_(meter), segments_(std::move(segments)) {}

  void add(const Window& window) {
    total_s_ += seconds(window.stop - window.start);
    auto segment = std::partition_point(segments_.begin(), segments_.end(),
                                        [&](const Segment& s) { return s.stop <= window.start; });
    for (; segment != segments_.end() && segment->start < window.stop; ++segment) {
      const bool inside = segment->start >= window.start && segment->stop <= window.stop;
      if (inside ? segment->covered : segment->covered_ends) add(*segment, window);
    }
  }

  std::optional<Energy> energy() const {
    if (covered_s_ <= 0 || total_s_ <= 0) return std::nullopt;
    const double mean = joules_ / covered_s_;
    const double gap_s = std::max(0.0, total_s_ - covered_s_);
    const double spread = standard_deviation();
    // What nobody saw may be anywhere within half of the mean around it.
    const double gap_error = gap_s * std::max(spread, mean * kUniform);
    double variance = ends_variance_ + square(gap_error);
    if (meter_.reads == Reads::kPower) variance += square(covered_s_) * sampling_variance(spread);
    Energy energy;
    energy.joules = joules_ + mean * gap_s;
    energy.uncertainty_joules = std::sqrt(variance + square(meter_.relative_error * energy.joules));
    energy.seconds = total_s_;
    energy.coverage = std::min(1.0, covered_s_ / total_s_);
    energy.sampling_hz = static_cast<double>(used_) / used_s_;
    return energy;
  }

 private:
  static double value_at(const Segment& segment, Nanoseconds time) {
    const double share = seconds(time - segment.start) / segment.length();
    return segment.first + share * (segment.last - segment.first);
  }

  void add(const Segment& segment, const Window& window) {
    const Nanoseconds from = std::max(segment.start, window.start);
    const Nanoseconds to = std::min(segment.stop, window.stop);
    const double part = seconds(to - from);
    const double a = value_at(segment, from);
    const double b = value_at(segment, to);
    const bool counts = meter_.reads == Reads::kEnergy;
    joules_ += counts ? b - a : (a + b) / 2 * part;
    covered_s_ += part;
    ++used_;
    used_s_ += segment.length();
    if (counts) {
      watts_.push_back(segment.counted_watts());
    } else {
      if (segment.start >= window.start && segment.start != last_sample_) watts_.push_back(segment.first);
      if (segment.stop <= window.stop) watts_.push_back(segment.last);
      last_sample_ = segment.stop;
    }
    if (from == window.start) ends_variance_ += end_variance(segment, from, true);
    if (to == window.stop) ends_variance_ += end_variance(segment, to, false);
  }

  /// What the interpolation in the segment at a window's end gets wrong if the power changes right there, as
  /// it does where a measurement starts or stops (docs/energy.md derives it).
  double end_variance(const Segment& segment, Nanoseconds end, bool is_start) const {
    const double before = seconds(end - segment.start) / segment.length();
    const double inside = is_start ? 1 - before : before;  // share of the segment that is in the window
    if (meter_.reads == Reads::kEnergy) {
      const double step = std::abs(neighbour_watts(segment, 1) - neighbour_watts(segment, -1));
      const double interpolation = inside * (1 - inside) * segment.length() * step;
      const double update = segment.counted_watts() * meter_.averaging_s * kUniform;
      return square(interpolation) + square(update) + square(meter_.resolution * kUniform);
    }
    const double step = std::abs(segment.last - segment.first);
    const double interpolation = square(inside) * segment.length() * step / 2;
    const double lag = meter_.averaging_s * kUniform * step;
    return square(interpolation) + square(lag);
  }

  /// Mean power of the segment beside this one, or its own where there is none to be had.
  double neighbour_watts(const Segment& segment, std::ptrdiff_t step) const {
    const std::ptrdiff_t index = &segment - segments_.data() + step;
    if (index < 0 || index >= std::ssize(segments_)) return segment.counted_watts();
    const Segment& neighbour = segments_[static_cast<std::size_t>(index)];
    return neighbour.covered ? neighbour.counted_watts() : segment.counted_watts();
  }

  double standard_deviation() const {
    if (watts_.size() < 2) return 0;
    double sum = 0;
    for (const double watts : watts_) sum += watts;
    const double mean = sum / static_cast<double>(watts_.size());
    double squares = 0;
    for (const double watts : watts_) squares += square(watts - mean);
    return std::sqrt(squares / static_cast<double>(watts_.size() - 1));
  }

  /// Of the mean of sampled powers. Samples within one averaging window of the meter are one sample.
  double sampling_variance(double spread) const {
    const double independent = static_cast<double>(watts_.size()) /
                               std::max(1.0, meter_.averaging_s * static_cast<double>(used_) / used_s_);
    return (square(spread) + square(meter_.resolution * kUniform)) / std::max(1.0, independent);
  }

  const MeterInfo& meter_;
  std::vector<Segment> segments_;
  double joules_ = 0;
  double covered_s_ = 0;
  double total_s_ = 0;
  double ends_variance_ = 0;
  std::vector<double> watts_;  ///< sampled powers, or a counter's between samples, in the windows
  Nanoseconds last_sample_ = std::numeric_limits<Nanoseconds>::min();  ///< passed by
  std::size_t used_ = 0;                                               ///< segments, and their whole length
  double used_s_ = 0;
};

}  // namespace

std::optional<Energy> energy_of(const PowerTrace& trace, std::span<const Window> windows) {
  Integral integral(trace.meter, segments_of(trace));
  for (const Window& window : windows)
    if (window.stop > window.start) integral.add(window);
  return integral.energy();
}

Energy sum(std::span<const Energy> parts) {
  if (parts.empty()) return {};
  Energy total;
  double variance = 0;
  total.seconds = parts.front().seconds;
  total.coverage = parts.front().coverage;
  total.sampling_hz = parts.front().sampling_hz;
  for (const Energy& part : parts) {
    total.joules += part.joules;
    variance += square(part.uncertainty_joules);
    total.coverage = std::min(total.coverage, part.coverage);
    total.sampling_hz = std::min(total.sampling_hz, part.sampling_hz);
  }
  total.uncertainty_joules = std::sqrt(variance);
  return total;
}

Efficiency efficiency(double images, const Energy& busy, const std::optional<Energy>& idle) {
  constexpr double kSignificant = 2;  // standard deviations
  Efficiency result;
  if (!(busy.joules > 0) || !(busy.seconds > 0)) return result;
  result.watts = busy.watts();
  result.watts_uncertainty = busy.watts_uncertainty();
  result.images_per_joule = images / busy.joules;
  result.images_per_joule_uncertainty = result.images_per_joule * busy.uncertainty_joules / busy.joules;
  if (!idle) return result;
  result.idle_watts = idle->watts();
  const double above = result.watts - result.idle_watts;
  const double uncertainty = std::hypot(result.watts_uncertainty, idle->watts_uncertainty());
  if (above <= 0 || above <= kSignificant * uncertainty) return result;
  result.images_per_joule_above_idle = images / busy.seconds / above;
  result.above_idle_uncertainty = *result.images_per_joule_above_idle * uncertainty / above;
  return result;
}

}  // namespace octet::lab
