// Depthwise convolution of bytes for AVX-512 (F, BW, DQ, VL).
#include "kernels/depthwise_i8/unit16_avx2.h"
#include "kernels/depthwise_i8/unit32_avx512.h"
// The vector code needs the units above it.
#include "kernels/depthwise_i8/vector_body.h"

namespace octet::kernels {
namespace {

void depthwise(const DepthwiseI8Run& run) { run_units<Unit16>(run, run_units<Unit32>(run, 0)); }

}  // namespace

const DepthwiseI8Functions kDepthwiseI8Avx512 = {Unit32::kChannels, depthwise};

}  // namespace octet::kernels
