// One AVX-512 register of floats: the `Ops` of kernel templates. vector_avx2.h says which wrapper is for
// what, and why everything here has internal linkage.
#pragma once

#include <immintrin.h>

namespace octet::kernels {
namespace {

struct Avx512 {
  using Vector = __m512;
  static constexpr int kLanes = 16;

  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector all(float x) { return _mm512_set1_ps(x); }
  static Vector load(const float* p) { return _mm512_load_ps(p); }
  static void store(float* p, Vector x) { _mm512_store_ps(p, x); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
  static Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  /// c + a * b
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  /// c - a * b
  static Vector multiply_subtract(Vector a, Vector b, Vector c) { return _mm512_fnmadd_ps(a, b, c); }
  /// The bound where x is beyond it; a NaN in x stays (the instruction returns its second operand then).
  static Vector at_least(Vector bound, Vector x) { return _mm512_maskz_max_ps(kAllLanes, bound, x); }
  static Vector at_most(Vector bound, Vector x) { return _mm512_maskz_min_ps(kAllLanes, bound, x); }

 private:
  // Same instruction as without a mask, whose intrinsic GCC 12 takes for a use of uninitialised memory.
  static constexpr __mmask16 kAllLanes = 0xffff;
};

}  // namespace
}  // namespace octet::kernels
