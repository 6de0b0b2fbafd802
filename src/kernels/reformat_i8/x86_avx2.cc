// Copies between FP32 and narrow maps for AVX2 and FMA.
#include "kernels/simd/sums_avx2.h"
// The vector code needs the instruction set's functions above it.
#include "kernels/reformat_i8/vector_body.h"

namespace octet::kernels {

const ReformatI8Functions kReformatI8Avx2 = kFunctions;

}  // namespace octet::kernels
