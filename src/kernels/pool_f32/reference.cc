// Pooling without vectors: runs everywhere, with the bits of the vector code.
#include "kernels/simd/f32x16_generic.h"
// The vector code needs F32x16 above it.
#include "kernels/pool_f32/vector_body.h"

namespace octet::kernels {

const PoolF32Functions kPoolF32Generic = {pool_row<Maximum>, pool_row<Average>};

}  // namespace octet::kernels
