// Pooling of narrow maps for AVX2 and FMA.
#include "kernels/pool_i8/bytes_avx2.h"
#include "kernels/simd/sums_avx2.h"

namespace octet::kernels {
namespace {
using Widest = Bytes32;
}  // namespace
}  // namespace octet::kernels

// The vector code needs all of the above.
#include "kernels/pool_i8/vector_body.h"

namespace octet::kernels {

const PoolI8Functions kPoolI8Avx2 = kFunctions;

}  // namespace octet::kernels
