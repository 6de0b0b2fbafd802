// Depthwise convolution of bytes for AVX-512 with VNNI: four rows a lane, multiplied by one instruction.
#include "kernels/depthwise_i8/vectors_avx2.h"
#include "kernels/depthwise_i8/vectors_avx512.h"
// The vector code needs the vectors above it.
#include "kernels/depthwise_i8/vector_body.h"

namespace octet::kernels {
namespace {

struct Unit : Vector64 {
  static Integers add_products(Integers sums, Integers x, Integers w) {
    sums = _mm512_dpbusd_epi32(sums, x, w);
    asm volatile("" : "+v"(sums));  // or GCC 12 moves sums between registers
    return sums;
  }
};
constexpr int kRows = 4;

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

const DepthwiseI8Functions kDepthwiseI8Avx512Vnni = {Unit::kBytes, kRows, interleave, multiply_unit<Unit>};

}  // namespace octet::kernels
