// The exponential function in double, of Octet's own: the same on every machine, whatever its C library.
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

}  // namespace octet::kernels
