// Depthwise convolution of bytes for AVX2 and FMA.
#include "kernels/depthwise_i8/unit16_avx2.h"
// The vector code needs the units above it.
#include "kernels/depthwise_i8/vector_body.h"

namespace octet::kernels {
namespace {

void depthwise(const DepthwiseI8Run& run) { run_units<Unit16>(run, 0); }

}  // namespace

const DepthwiseI8Functions kDepthwiseI8Avx2 = {Unit16::kChannels, depthwise};

}  // namespace octet::kernels
