// Adaptive weight rounding: each weight up or down, whichever lets the layer's output lose least on the
// calibration pictures, instead of each to its own nearest integer.
//
// With d[t] = integer - weight / scale (between -1 and 1) the expected squared error of an output channel is
// d^T A d, A[t][u] being the mean product of the inputs that taps t and u see. Finding the best of the two
// choices that every tap has is hard; what is done here comes near it:
//
// 1. With A = L L^T the loss is a sum of squares, sum over t of (sum over u >= t of L[u][t] d[u])^2. Going
// from
//    the last tap to the first, each is rounded so that its own square is smallest, which is the best choice
//    if the taps still open could take any value (Babai's nearest plane, and so GPTQ). Taps with the largest
//    mean square go first, while the others can still make up for them.
// 2. Then single taps are turned round as long as that lowers the loss.
//
// No randomness, no step size, and the same result on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace octet::quantize {

/// The quadratic form of one group of a layer: taps x taps, symmetric.
struct QuadraticForm {
  std::int64_t taps = 0;
  std::vector<float> values;

  std::span<const float> row(std::int64_t t) const {
    return std::span(values).subspan(static_cast<std::size_t>(t * taps), static_cast<std::size_t>(taps));
  }
  /// Adds `share` of the mean diagonal to the diagonal: samples are finite, and taps that they hardly touch
  /// should be rounded to nearest.
  void dampen(double share);
  /// Subtracts mean mean^T: what is left is what a corrected bias cannot mend.
  void centre(std::span<const double> mean);
};

/// What of the solution depends on the form alone; shared by all channels, and between threads.
class AdaptiveRounding {
 public:
  /// Factorises the form, the work shared by the pool. The form must outlive it.
  AdaptiveRounding(const QuadraticForm& form, base::ThreadPool& pool);

  /// Integers of scales.size() output channels: `weights` {channels, taps}, one scale a channel. Each integer
  /// is weight / scale rounded up or down, within +-127. May be called from several threads at a time.
  std::vector<std::int8_t> round(std::span<const float> weights, std::span<const float> scales) const;

 private:
  void factorise(base::ThreadPool& pool);
  std::span<float> factor_row(std::size_t t) {
    return std::span(factor_).subspan(t * order_.size(), order_.size());
  }
  std::span<const float> factor_row(std::size_t t) const {
    return std::span(factor_).subspan(t * order_.size(), order_.size());
  }

  const QuadraticForm& form_;
  std::vector<std::size_t> order_;  // taps by mean square, smallest first
  std::vector<float> factor_;       // L of the form in this order, row by row; nothing above the diagonal
};

/// d^T A d of one channel.
double rounding_loss(const QuadraticForm& form, std::span<const float> weights, float scale,
                     std::span<const std::int8_t> integers);

}  // namespace octet::quantize
