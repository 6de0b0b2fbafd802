// The numbers of t^(-3/4): a guess from the float's bits, then a polynomial for what the guess is off by.
//
//   y = the float whose bits are kGuess - bits(t) + (bits(t) >> 2)     within 4.5 % of t^(-3/4)
//   w = t^3 * y^4                                                      in [0.828, 1.171]
//   t^(-3/4) = y * w^(-1/4), with the minimax polynomial of degree 4   relative error 7.8e-7
#pragma once

#include <cstdint>

namespace octet::kernels {

inline constexpr std::int32_t kGuess = 0x6f145a1c;
/// Of w^(-1/4), highest power first.
inline constexpr float kInverseFourthRoot[] = {0.09871283f, -0.5150713f, 1.1091433f, -1.3179015f, 1.6251168f};

}  // namespace octet::kernels
