// Adaptive weight rounding: each weight up or down, whichever lets the layer's output lose least on the
// calibration pictures, instead of each to its own nearest integer.
//
// With d[t] = integer - weight / scale (between -1 and 1) the expected squared error of an output channel is
// d^T A d, A[t][u] being the mean product of the inputs that taps t and u see. Minimising it over the two
// choices a tap has is a binary quadratic problem; it is solved here by coordinate descent: one pass that
// decides tap after tap, each against the errors of those before it (as in GPTQ and in noise shaping), then
// passes that turn single taps round until none helps. No randomness, no step size, the same result
// everywhere.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

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

/// Integers of `channels` output channels that share the form: `weights` {channels, taps}, one scale a
/// channel. Each integer is weight / scale rounded up or down, within +-127.
std::vector<std::int8_t> round_adaptively(const QuadraticForm& form, std::span<const float> weights,
                                          std::span<const float> scales);

/// d^T A d of one channel.
double rounding_loss(const QuadraticForm& form, std::span<const float> weights, float scale,
                     std::span<const std::int8_t> integers);

}  // namespace octet::quantize
