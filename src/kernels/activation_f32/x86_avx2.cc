// Activations for AVX2 with FMA.
#include "kernels/simd/f32x16_avx2.h"
// The vector code needs F32x16 above it.
#include "kernels/activation_f32/vector_body.h"

namespace octet::kernels {

const ActivationF32Functions kActivationF32Avx2 = kFunctions;

}  // namespace octet::kernels
