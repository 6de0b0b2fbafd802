// Local response normalisation for AVX-512 (F, BW, DQ, VL).
#include "kernels/simd/f32x16_avx512.h"
// The vector code needs F32x16 above it.
#include "kernels/lrn_f32/vector_body.h"

namespace octet::kernels {

const LrnF32Functions kLrnF32Avx512 = {across_channels, within_channel};

}  // namespace octet::kernels
