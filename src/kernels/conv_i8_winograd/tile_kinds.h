// The one-dimensional transforms of contract.h, for the three kinds of tile. Included by instruction-set
// files only, after words_avx2.h and simd/sums_avx2.h or their twins.
//
// An input transform reads its inputs through d(i), so that only those are loaded that it needs; rows of B^T
// come in three parts, of which the middle ones share most of their terms:
//
//   zero(d)       point 0        middle(d, v)   points 1, -1 (and 2, -2) to v[0 ..]        infinity(d)
//
// outputs(m, y): y = A^T m; of m only the kind's points are read.
#pragma once

#include "kernels/conv_i8_winograd/contract.h"

namespace octet::kernels::conv_i8_winograd {
namespace {

struct Four {
  static constexpr Kind kKind = Kind::kFour;
  template <class D>
  [[gnu::always_inline]] static Words zero(D d) {
    const Words d2 = d(2);
    return four_times(d(0) - d2) + (d(4) - d2);
  }
  template <class D>
  [[gnu::always_inline]] static void middle(D d, Words* v) {
    const Words d1 = d(1), d2 = d(2), d3 = d(3), d4 = d(4);
    const Words even = d4 - four_times(d2), odd = d3 - four_times(d1);
    v[0] = even + odd;
    v[1] = even - odd;
    const Words far_even = d4 - d2, far_odd = twice(d3 - d1);
    v[2] = far_even + far_odd;
    v[3] = far_even - far_odd;
  }
  template <class D>
  [[gnu::always_inline]] static Words infinity(D d) {
    const Words d3 = d(3);
    return four_times(d(1) - d3) + (d(5) - d3);
  }
  [[gnu::always_inline]] static void outputs(const S32x16* m, S32x16* y) {
    const S32x16 near_sum = m[1] + m[2], near_difference = m[1] - m[2];
    const S32x16 far_sum = m[3] + m[4], far_difference = m[3] - m[4];
    y[0] = m[0] + near_sum + far_sum;
    y[1] = near_difference + shift_left(far_difference, 1);
    y[2] = near_sum + shift_left(far_sum, 2);
    y[3] = near_difference + shift_left(shift_left(far_difference, 1) + m[5], 2);
  }
};

struct Three {
  static constexpr Kind kKind = Kind::kThree;
  template <class D>
  [[gnu::always_inline]] static Words zero(D d) {
    return four_times(d(0) - d(2)) + twice(d(3) - d(1));
  }
  template <class D>
  [[gnu::always_inline]] static void middle(D d, Words* v) {
    const Words d1 = d(1), d2 = d(2), d3 = d(3);
    const Words difference = d3 - d1, sum = difference - d1 - d2;
    v[0] = sum + twice(sum);
    v[1] = d3 + twice(d1) - (d2 + twice(d2));
    v[2] = four_times(difference);
  }
  template <class D>
  [[gnu::always_inline]] static Words infinity(D d) {
    return d(4) - d(2) - twice(d(3) - d(1));
  }
  [[gnu::always_inline]] static void outputs(const S32x16* m, S32x16* y) {
    const S32x16 sum = m[1] + m[2], difference = m[1] - m[2];
    y[0] = m[0] + sum + m[3];
    y[1] = difference + shift_left(m[3], 1);
    y[2] = sum + shift_left(m[3] + m[5], 2);
  }
};

struct Two {
  static constexpr Kind kKind = Kind::kTwo;
  template <class D>
  [[gnu::always_inline]] static Words zero(D d) {
    return four_times(d(0) - d(2));
  }
  template <class D>
  [[gnu::always_inline]] static void middle(D d, Words* v) {
    const Words d1 = d(1), d2 = d(2);
    const Words difference = d1 - d2;
    v[1] = difference + twice(difference);
    v[0] = v[1] - four_times(d1) - twice(d1);
  }
  template <class D>
  [[gnu::always_inline]] static Words infinity(D d) {
    return d(3) - d(1);
  }
  [[gnu::always_inline]] static void outputs(const S32x16* m, S32x16* y) {
    y[0] = m[0] + (m[1] + m[2]);
    y[1] = m[1] - m[2] + shift_left(m[5], 2);
  }
};

}  // namespace
}  // namespace octet::kernels::conv_i8_winograd
