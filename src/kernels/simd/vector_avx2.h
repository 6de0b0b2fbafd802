// This folder is what instruction-set files share; each such file includes the wrapper of its own set.
//
//   vector_*.h    one register of floats, passed to a kernel template as its parameter `Ops`. For loops that
//                 count registers: blocks of matrix multiplication and convolution, Winograd's transforms.
//   f32x16_*.h    the 16 channels of one pixel as a value with operators, however many registers that takes.
//                 For loops over pixels: pooling, LRN, element-wise operations.
//   narrow_*.h    16 integers or BF16 numbers of a kNhwc map to F32x16 and back; narrow_types.h: the same as
//                 template parameters; sums_*.h: their exact sums.
//   activation.h  the fused ReLU, over `Ops`.
//   negative_power.h  t^-beta over F32x16.
//
// Everything that needs an instruction set has internal linkage or is always inlined, so that the linker can
// never share code compiled for a newer CPU with other files (scripts/check-isa-symbols). This file: AVX2.
#pragma once

#include <immintrin.h>

namespace octet::kernels {
namespace {

struct Avx2 {
  using Vector = __m256;
  static constexpr int kLanes = 8;

  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector all(float x) { return _mm256_set1_ps(x); }
  static Vector load(const float* p) { return _mm256_load_ps(p); }
  static void store(float* p, Vector x) { _mm256_store_ps(p, x); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
  static Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  /// c + a * b
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  /// c - a * b
  static Vector multiply_subtract(Vector a, Vector b, Vector c) { return _mm256_fnmadd_ps(a, b, c); }
  /// The bound where x is beyond it; a NaN in x stays (the instruction returns its second operand then).
  static Vector at_least(Vector bound, Vector x) { return _mm256_max_ps(bound, x); }
  static Vector at_most(Vector bound, Vector x) { return _mm256_min_ps(bound, x); }
};

}  // namespace
}  // namespace octet::kernels
