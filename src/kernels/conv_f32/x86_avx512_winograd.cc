// Winograd's convolution on AVX-512: see winograd.h.
#include "kernels/simd/narrow_avx512.h"
// Templates and functions over what precedes.
#include "kernels/conv_f32/winograd_bf16.h"
#include "kernels/conv_f32/winograd_kernels.h"
#include "kernels/simd/vector_avx512.h"

namespace octet::kernels {
namespace {

constexpr int kRows = 14;  // 28 sums of 16 floats, 2 weights and 1 value fill the 32 registers.

constexpr WinogradIsa make_isa() {
  WinogradIsa isa = {};
  isa.column_blocks = 2;
  isa.max_rows = kRows;
  isa.block_tiles = 2 * kRows;
  set_winograd_transforms<Avx512>(isa);
  set_winograd_products<Avx512, kRows, 1>(isa);
  set_winograd_products<Avx512, kRows, 2>(isa);
  isa.widen = winograd_widen;
  isa.narrow = winograd_narrow;
  return isa;
}

}  // namespace

constinit const WinogradIsa kWinogradAvx512 = make_isa();

}  // namespace octet::kernels
