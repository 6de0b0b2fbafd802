// The exponential function and the logarithm in double, of Octet's own: the same on every machine, whatever
// its C library.
#pragma once

#include <bit>
#include <cstdint>

namespace octet::kernels {

/// e^x for x <= 700: x = n ln 2 + r with |r| <= ln 2 / 2, e^r by its series (first term left out below
/// 2e-10), 2^n by the exponent's bits. 0 below e^-700. A NaN stays one.
inline double exponential(double x) {
  constexpr double kLog2e = 1.4426950408889634, kLn2 = 0.69314718055994531;
  constexpr double kRoundingBias = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  if (x < -700) return 0;
  const double biased = x * kLog2e + kRoundingBias;
  const double r = x - (biased - kRoundingBias) * kLn2;
  double sum = 1.0 / 362880;
  for (const double term : {1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0})
    sum = sum * r + term;
  // The low bits of `biased` are n; it is within 1010 of zero, so the exponent stays a normal number's.
  const auto n = std::bit_cast<std::uint64_t>(biased) - std::bit_cast<std::uint64_t>(kRoundingBias);
  return sum * std::bit_cast<double>((n + 1023) << 52);
}

/// ln x for a positive normal x: x = 2^n m with m in [0.75, 1.5), and ln m by the series of the inverse
/// hyperbolic tangent in s = (m - 1) / (m + 1), |s| <= 0.2, whose first term left out is below 1e-16.
inline double natural_logarithm(double x) {
  constexpr double kLn2 = 0.69314718055994531;
  constexpr std::uint64_t kThreeQuarters = std::bit_cast<std::uint64_t>(0.75);
  constexpr int kMantissaBits = 52, kLastTerm = 21;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const auto n = static_cast<std::int64_t>(bits - kThreeQuarters) >> kMantissaBits;
  const double m = std::bit_cast<double>(bits - (static_cast<std::uint64_t>(n) << kMantissaBits));
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0;
  for (int term = kLastTerm; term >= 1; term -= 2) sum = sum * square + 1.0 / term;
  return static_cast<double>(n) * kLn2 + 2 * s * sum;
}

}  // namespace octet::kernels
