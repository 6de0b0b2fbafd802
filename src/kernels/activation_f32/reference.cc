// Activations without vectors: runs everywhere, with the bits of the vector code.
#include "kernels/simd/f32x16_generic.h"
// The vector code needs F32x16 above it.
#include "kernels/activation_f32/vector_body.h"

namespace octet::kernels {

const ActivationF32Functions kActivationF32Generic = kFunctions;

}  // namespace octet::kernels
