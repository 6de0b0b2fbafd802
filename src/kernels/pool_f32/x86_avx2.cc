// Pooling for AVX2 and FMA.
#include "kernels/simd/f32x16_avx2.h"
// The vector code needs F32x16 above it.
#include "kernels/pool_f32/vector_body.h"

namespace octet::kernels {

const PoolF32Functions kPoolF32Avx2 = {pool_row<Maximum>, pool_row<Average>};

}  // namespace octet::kernels
