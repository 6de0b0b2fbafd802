// Depthwise convolution of bytes for AVX2 and FMA: two rows a lane, as 16-bit integers.
#include "kernels/depthwise_i8/vectors_avx2.h"
// The vector code needs the vectors above it.
#include "kernels/depthwise_i8/vector_body.h"

namespace octet::kernels {
namespace {

using Unit = Pairs<Vector32>;
constexpr int kRows = 2;

void interleave(const DepthwiseI8Columns& columns) {
  if (columns.channels == 32) return interleave_channels<Vector32, kRows, Unit::kBytes>(columns);
  interleave_channels<Vector16, kRows, Unit::kBytes>(columns);
}

}  // namespace

const DepthwiseI8Functions kDepthwiseI8Avx2 = {Unit::kBytes, kRows, interleave, multiply_unit<Unit>};

}  // namespace octet::kernels
