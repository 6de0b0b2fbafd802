// Blocks of up to 6 pixels x 16 channels: 12 sums, two weight registers and one broadcast of the 16 registers
// there are, and 12 multiply-adds for 8 loads.
#include "kernels/conv_f32/direct_kernels.h"
#include "kernels/simd/vector_avx2.h"

namespace octet::kernels::conv_f32 {
namespace {

template <int kRows>
constexpr auto kBlocked = Block<Avx2, kRows, 1, 16>::blocked;
template <int kRows>
constexpr auto kPlanar = Block<Avx2, kRows, 1, 1>::planar;

#define ROWS_1_TO_6(block) \
  { block<1>, block<2>, block<3>, block<4>, block<5>, block<6> }

}  // namespace

const DirectMicroKernels kDirectAvx2 = {
    6,
    1,
    {{ROWS_1_TO_6(kBlocked), {}}, {ROWS_1_TO_6(kPlanar), {}}},
    Depthwise<Avx2>::run,
};

}  // namespace octet::kernels::conv_f32
