#include <algorithm>

#include "lab/bench/measure.h"

namespace octet::lab {
namespace {

constexpr std::size_t kCallsOfWindow = 3;
constexpr Nanoseconds kShortestWindow = 20'000'000;
constexpr Nanoseconds kLongCall = 250'000'000;
constexpr double kAgreement = 0.02;
constexpr double kTrend = 0.01;

bool agree(std::span<const double> figures) {
  const auto [low, high] = std::minmax_element(figures.begin(), figures.end());
  return *high <= *low * (1 + kAgreement);
}

bool trend(std::span<const double> figures) {
  const bool one_way =
      std::is_sorted(figures.begin(), figures.end()) || std::is_sorted(figures.rbegin(), figures.rend());
  const auto [low, high] = std::minmax(figures.front(), figures.back());
  return one_way && high > low * (1 + kTrend);
}

}  // namespace

void SteadyJudge::add(const Call& call) {
  const Nanoseconds time = std::max<Nanoseconds>(1, call.stop - call.start);
  window_.push_back(static_cast<double>(time) / std::max(1, call.images));
  window_time_ += time;
  const bool complete =
      window_time_ >= kLongCall || (window_.size() >= kCallsOfWindow && window_time_ >= kShortestWindow);
  if (!complete) return;
  figures_.push_back(median(window_));
  window_.clear();
  window_time_ = 0;
}

bool SteadyJudge::steady() const {
  if (figures_.size() < 3) return false;
  const std::span<const double> last = std::span(figures_).last(3);
  return agree(last) && !trend(last);
}

bool SteadyJudge::steady_at_limit() const { return steady() || (figures_.size() == 2 && agree(figures_)); }

}  // namespace octet::lab
