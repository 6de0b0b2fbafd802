// Winograd's convolution on AVX2 and FMA: see winograd.h.
#include "kernels/simd/narrow_avx2.h"
// Templates and functions over what precedes.
#include "kernels/conv_f32/winograd_bf16.h"
#include "kernels/conv_f32/winograd_kernels.h"
#include "kernels/simd/vector_avx2.h"

namespace octet::kernels {
namespace {

constexpr int kRows = 6;  // 12 sums of 8 floats, 2 weights and 1 value fill the 16 registers.

constexpr WinogradIsa make_isa() {
  WinogradIsa isa = {};
  isa.column_blocks = 1;
  isa.max_rows = kRows;
  isa.block_tiles = 5 * kRows;
  set_winograd_transforms<Avx2>(isa);
  set_winograd_products<Avx2, kRows, 1>(isa);
  isa.widen = winograd_widen;
  isa.narrow = winograd_narrow;
  return isa;
}

}  // namespace

constinit const WinogradIsa kWinogradAvx2 = make_isa();

}  // namespace octet::kernels
