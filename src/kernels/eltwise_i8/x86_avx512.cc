// Element-wise integer operations for AVX-512 (F, BW, DQ, VL).
#include "kernels/simd/narrow_avx512.h"
// The vector code needs the instruction set's functions above it.
#include "kernels/eltwise_i8/vector_body.h"

namespace octet::kernels {

const EltwiseI8Functions kEltwiseI8Avx512 = kFunctions;

}  // namespace octet::kernels
