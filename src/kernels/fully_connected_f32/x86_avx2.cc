// Fully connected layers on AVX2 and FMA: see contract.h.
#include "kernels/fully_connected_f32/micro_kernels.h"
#include "kernels/simd/vector_avx2.h"

namespace octet::kernels::fully_connected_f32 {
namespace {

constexpr int kImages = 6;  // 12 sums of 8 floats, 2 weights and 1 value fill the 16 registers.

constexpr MicroKernels make_kernels() {
  MicroKernels kernels = {.max_images = kImages, .column_blocks = 1, .multiply = {}};
  set_blocks<Avx2, kImages, 1>(kernels);
  return kernels;
}

}  // namespace

constinit const MicroKernels kAvx2 = make_kernels();

}  // namespace octet::kernels::fully_connected_f32
