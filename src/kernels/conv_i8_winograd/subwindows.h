// A window larger than 3x3 as the sum of subwindows of 3x3 (contract.h).
#pragma once

#include <cstdint>

#include "kernels/conv_i8_winograd/contract.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_i8_winograd {

inline constexpr std::int64_t kTaps = 3;  ///< of a subwindow's height and width
inline constexpr std::int64_t kLargestWindow = 9;
inline constexpr int kMostSubwindows = 9;

/// One dimension of a window: of its subwindows only the last may have fewer than 3 taps.
class Subdivision {
 public:
  explicit constexpr Subdivision(std::int64_t taps) : taps_(taps) {}

  constexpr int count() const { return static_cast<int>((taps_ + kTaps - 1) / kTaps); }
  /// Of the shorter ones, the weights are zero at infinity, which nothing is kept or multiplied for.
  constexpr bool has_point(int subwindow, int point) const {
    return point != kSide - 1 || taps_ >= kTaps * (subwindow + 1);
  }
  /// Those that have the point.
  constexpr int count_at(int point) const { return count() - (has_point(count() - 1, point) ? 0 : 1); }
  /// The points that a tile has, of all subwindows.
  constexpr int points(Kind tile) const {
    return points_of(tile) * count() - (count() - count_at(kSide - 1));
  }

 private:
  std::int64_t taps_;
};

/// Numbered row by row.
class Subwindows {
 public:
  explicit constexpr Subwindows(const WindowDesc& window)
      : rows_(window.kernel_h), columns_(window.kernel_w) {}

  constexpr int count() const { return rows_.count() * columns_.count(); }
  /// Where subwindow `s` begins in the window.
  constexpr std::int64_t top(int s) const { return kTaps * (s / columns_.count()); }
  constexpr std::int64_t left(int s) const { return kTaps * (s % columns_.count()); }

  constexpr bool has_point(int s, int point) const {
    return rows_.has_point(s / columns_.count(), point / kSide) &&
           columns_.has_point(s % columns_.count(), point % kSide);
  }
  constexpr int count_at(int point) const {
    return rows_.count_at(point / kSide) * columns_.count_at(point % kSide);
  }
  constexpr std::int64_t points(Kind height, Kind width) const {
    return std::int64_t{rows_.points(height)} * columns_.points(width);
  }
  const Subdivision& rows() const { return rows_; }
  const Subdivision& columns() const { return columns_; }

 private:
  Subdivision rows_, columns_;
};

}  // namespace octet::kernels::conv_i8_winograd
