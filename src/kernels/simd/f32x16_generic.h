// F32x16 without vectors: the same operations as its twins, lane by lane, so that a family's vector code
// gives the same bits where there are none. See f32x16_avx512.h. Internal linkage throughout.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace octet::kernels {
namespace {

struct F32x16 {
  float lanes[16];
};

template <class Function>
F32x16 by_lane(Function&& function) {
  F32x16 result;
  for (int i = 0; i < 16; ++i) result.lanes[i] = function(i);
  return result;
}

inline F32x16 load(const float* p) {
  return by_lane([&](int i) { return p[i]; });
}
inline void store(float* p, const F32x16& v) {
  for (int i = 0; i < 16; ++i) p[i] = v.lanes[i];
}
inline F32x16 broadcast(float x) {
  return by_lane([&](int) { return x; });
}
inline F32x16 operator+(const F32x16& a, const F32x16& b) {
  return by_lane([&](int i) { return a.lanes[i] + b.lanes[i]; });
}
inline F32x16 operator-(const F32x16& a, const F32x16& b) {
  return by_lane([&](int i) { return a.lanes[i] - b.lanes[i]; });
}
inline F32x16 operator*(const F32x16& a, const F32x16& b) {
  return by_lane([&](int i) { return a.lanes[i] * b.lanes[i]; });
}
inline F32x16 operator/(const F32x16& a, const F32x16& b) {
  return by_lane([&](int i) { return a.lanes[i] / b.lanes[i]; });
}
/// b where either is NaN.
inline F32x16 max(const F32x16& a, const F32x16& b) {
  return by_lane([&](int i) { return a.lanes[i] > b.lanes[i] ? a.lanes[i] : b.lanes[i]; });
}
inline F32x16 min(const F32x16& a, const F32x16& b) {
  return by_lane([&](int i) { return a.lanes[i] < b.lanes[i] ? a.lanes[i] : b.lanes[i]; });
}
/// A NaN where either is.
inline F32x16 max_or_nan(const F32x16& a, const F32x16& b) {
  return by_lane(
      [&](int i) { return std::isnan(a.lanes[i]) || a.lanes[i] > b.lanes[i] ? a.lanes[i] : b.lanes[i]; });
}
inline F32x16 sqrt(const F32x16& a) {
  return by_lane([&](int i) { return std::sqrt(a.lanes[i]); });
}
/// a * b + c, rounded once.
inline F32x16 fused_multiply_add(const F32x16& a, const F32x16& b, const F32x16& c) {
  return by_lane([&](int i) { return std::fma(a.lanes[i], b.lanes[i], c.lanes[i]); });
}
/// x where a < b, else y.
inline F32x16 where_less(const F32x16& a, const F32x16& b, const F32x16& x, const F32x16& y) {
  return by_lane([&](int i) { return a.lanes[i] < b.lanes[i] ? x.lanes[i] : y.lanes[i]; });
}
/// To the nearest integer, ties to even.
inline F32x16 round(const F32x16& a) {
  return by_lane([&](int i) { return std::nearbyint(a.lanes[i]); });
}
/// Positive normal x = mantissa * 2^exponent with 0.75 <= mantissa < 1.5; of other bits anything.
struct Split {
  F32x16 mantissa, exponent;
};
inline Split split(const F32x16& x) {
  constexpr std::uint32_t kThreeQuarters = 0x3f400000;
  constexpr int kMantissaBits = 23;
  Split result;
  for (int i = 0; i < 16; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(x.lanes[i]);
    const int exponent = static_cast<std::int32_t>(bits - kThreeQuarters) >> kMantissaBits;
    result.mantissa.lanes[i] =
        std::bit_cast<float>(bits - (static_cast<std::uint32_t>(exponent) << kMantissaBits));
    result.exponent.lanes[i] = static_cast<float>(exponent);
  }
  return result;
}
/// 2^n for whole n in [-126, 127]; of a NaN anything.
inline F32x16 power_of_two(const F32x16& n) {
  constexpr int kBias = 127, kMantissaBits = 23;
  return by_lane([&](int i) {
    const int whole = std::isnan(n.lanes[i]) ? 0 : static_cast<int>(n.lanes[i]);
    return std::bit_cast<float>(static_cast<std::uint32_t>(whole + kBias) << kMantissaBits);
  });
}

}  // namespace
}  // namespace octet::kernels
