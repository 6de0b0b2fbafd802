// From the distribution of a tensor's values to the threshold T beyond which they are clipped. A tensor of
// zero point 0 spreads [0, T] over `levels` = 255 steps, one of zero point 128 [-T, T] over 127 on each side.
// Every method works on magnitudes without exact zeros. docs/calibration.md explains the methods and where
// they settle what their sources leave open.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "octet/calibration.h"
#include "quantize/histogram.h"

namespace octet::quantize {

struct Threshold {
  float value = 1;     ///< > 0; 1 for a tensor of zeros
  double clipped = 0;  ///< share of all values beyond it, zeros counted among all, percent
};

/// Steps between 0 and the threshold.
inline constexpr int kUnsignedLevels = 255;
inline constexpr int kSignedLevels = 127;

/// `percentile` is of kPercentile only: 0 < percentile <= 100, checked by the caller.
Threshold choose_threshold(const Histogram& histogram, CalibrationMethod method, double percentile,
                           int levels);

// ---- the methods, each on magnitudes: counts[i] values in [i * width, (i + 1) * width), none above
// `largest`

/// Kullback-Leibler divergence as published (S7310); `levels` 127 or 255 stand for 128 or 256 merged bins.
double entropy_threshold(std::span<const std::uint64_t> counts, double width, double largest, int levels);
/// The smallest threshold that `percentile` percent of the values do not exceed.
double percentile_threshold(std::span<const std::uint64_t> counts, double width, double largest,
                            double percentile);
/// The smallest expected squared error of rounding and clipping together.
double mse_threshold(std::span<const std::uint64_t> counts, double width, double largest, int levels);

/// Entropy's Q: `bins` merged into `levels` equal parts, each part's sum spread evenly over those of its bins
/// that are not empty in `reference`. A bin across two parts belongs to both in proportion.
std::vector<double> merge_and_spread(std::span<const double> bins, std::span<const double> reference,
                                     std::size_t levels);

}  // namespace octet::quantize
