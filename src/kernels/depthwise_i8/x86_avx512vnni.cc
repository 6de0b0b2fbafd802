// Depthwise convolution of bytes for AVX-512 with VNNI: four rows a lane, multiplied by one instruction.
#include "kernels/depthwise_i8/interleave_avx512.h"

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

}  // namespace

const DepthwiseI8Functions kDepthwiseI8Avx512Vnni = {Unit::kBytes, kRows, interleave_up_to_64<kRows>,
                                                     multiply_unit<Unit>};

}  // namespace octet::kernels
