// Element-wise operations for AVX2 and FMA.
#include "kernels/simd/f32x16_avx2.h"
// The vector code needs F32x16 above it.
#include "kernels/eltwise_f32/vector_body.h"

namespace octet::kernels {

const EltwiseF32Functions kEltwiseF32Avx2 = kFunctions;

}  // namespace octet::kernels
