// Activations for AVX-512 (F, BW, DQ, VL).
#include "kernels/simd/f32x16_avx512.h"
// The vector code needs F32x16 above it.
#include "kernels/activation_f32/vector_body.h"

namespace octet::kernels {

const ActivationF32Functions kActivationF32Avx512 = kFunctions;

}  // namespace octet::kernels
