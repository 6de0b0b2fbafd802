// Depthwise convolution of bytes for AVX-512 (F, BW, DQ, VL): two rows a lane, as 16-bit integers.
#include "kernels/depthwise_i8/vectors_avx2.h"
#include "kernels/depthwise_i8/vectors_avx512.h"
// The vector code needs the vectors above it.
#include "kernels/depthwise_i8/vector_body.h"

namespace octet::kernels {
namespace {

using Unit = Pairs<Vector64>;
constexpr int kRows = 2;

void interleave(const DepthwiseI8Columns& columns) {
  switch (columns.channels) {
    case 64:
      return interleave_channels<Vector64, kRows, Unit::kBytes>(columns);
    case 32:
      return interleave_channels<Vector32, kRows, Unit::kBytes>(columns);
    default:
      return interleave_channels<Vector16, kRows, Unit::kBytes>(columns);
  }
}

}  // namespace

const DepthwiseI8Functions kDepthwiseI8Avx512 = {Unit::kBytes, kRows, interleave, multiply_unit<Unit>};

}  // namespace octet::kernels
