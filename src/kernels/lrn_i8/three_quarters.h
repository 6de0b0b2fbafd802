// The numbers of t^(-3/4): a guess from the float's bits, then a polynomial for what the guess is off by.
//
//   y = the float whose bits are kGuess - bits(t) + (bits(t) >> 2)     within 4.5 % of t^(-3/4)
//   w = t^3 * y^4                                                      in [0.828, 1.171]
//   t^(-3/4) = y * w^(-1/4), with the minimax polynomial of degree 3   relative error 1.06e-5
//
// One degree more would bring 8e-7; a byte has 255 steps, and arithmetic is what the layer waits for.
#pragma once

#include <cstdint>

namespace octet::kernels {

inline constexpr std::int32_t kGuess = 0x6f145a1c;
inline constexpr int kRootTerms = 4;
/// Of w^(-1/4), highest power first.
inline constexpr float kInverseFourthRoot[kRootTerms] = {-0.12053888f, 0.5207101f, -0.92977467f, 1.529593f};

}  // namespace octet::kernels
