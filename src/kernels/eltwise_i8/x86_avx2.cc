// Element-wise integer operations for AVX2 and FMA.
#include "kernels/simd/narrow_avx2.h"
// The vector code needs the instruction set's functions above it.
#include "kernels/eltwise_i8/vector_body.h"

namespace octet::kernels {

const EltwiseI8Functions kEltwiseI8Avx2 = kFunctions;

}  // namespace octet::kernels
