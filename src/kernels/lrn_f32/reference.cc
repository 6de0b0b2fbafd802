// Local response normalisation without vectors: runs everywhere, with the bits of the vector code.
#include "kernels/simd/f32x16_generic.h"
// The vector code needs F32x16 above it.
#include "kernels/lrn_f32/vector_body.h"

namespace octet::kernels {

const LrnF32Functions kLrnF32Generic = {across_channels, within_channel};

}  // namespace octet::kernels
