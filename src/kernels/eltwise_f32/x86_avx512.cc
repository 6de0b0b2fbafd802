// Element-wise operations for AVX-512 (F, BW, DQ, VL).
#include "kernels/simd/f32x16_avx512.h"
// The vector code needs F32x16 above it.
#include "kernels/eltwise_f32/vector_body.h"

namespace octet::kernels {

const EltwiseF32Functions kEltwiseF32Avx512 = kFunctions;

}  // namespace octet::kernels
