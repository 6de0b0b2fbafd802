// Depthwise convolution of bytes for AVX-512 (F, BW, DQ, VL): two rows a lane, as 16-bit integers.
#include "kernels/depthwise_i8/interleave_avx512.h"

namespace octet::kernels {
namespace {

using Unit = Pairs<Vector64>;
constexpr int kRows = 2;

}  // namespace

const DepthwiseI8Functions kDepthwiseI8Avx512 = {Unit::kBytes, kRows, interleave_up_to_64<kRows>,
                                                 multiply_unit<Unit>};

}  // namespace octet::kernels
