// Fully connected layers on AVX-512: see contract.h.
#include "kernels/fully_connected_f32/micro_kernels.h"
#include "kernels/simd/vector_avx512.h"

namespace octet::kernels::fully_connected_f32 {
namespace {

constexpr int kImages = 14;  // 28 sums of 16 floats, 2 weights and 1 value fill the 32 registers.

constexpr MicroKernels make_kernels() {
  MicroKernels kernels = {.max_images = kImages, .column_blocks = 2, .multiply = {}};
  set_blocks<Avx512, kImages, 1>(kernels);
  set_blocks<Avx512, kImages, 2>(kernels);
  return kernels;
}

}  // namespace

constinit const MicroKernels kAvx512 = make_kernels();

}  // namespace octet::kernels::fully_connected_f32
