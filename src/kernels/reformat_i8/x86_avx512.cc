// Copies between FP32 and narrow maps for AVX-512 (F, BW, DQ, VL).
#include "kernels/simd/sums_avx512.h"
// The vector code needs the instruction set's functions above it.
#include "kernels/reformat_i8/vector_body.h"

namespace octet::kernels {

const ReformatI8Functions kReformatI8Avx512 = kFunctions;

}  // namespace octet::kernels
