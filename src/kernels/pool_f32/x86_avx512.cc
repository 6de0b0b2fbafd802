// Pooling for AVX-512 (F, BW, DQ, VL).
#include "kernels/simd/f32x16_avx512.h"
// The vector code needs F32x16 above it.
#include "kernels/pool_f32/vector_body.h"

namespace octet::kernels {

const PoolF32Functions kPoolF32Avx512 = {pool_row<Maximum>, pool_row<Average>};

}  // namespace octet::kernels
