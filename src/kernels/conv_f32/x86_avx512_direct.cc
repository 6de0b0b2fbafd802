// Blocks of up to 14 pixels x 32 channels: 28 sums, two weight registers and one broadcast of the 32
// registers there are, and 28 multiply-adds for 16 loads.
#include "kernels/conv_f32/direct_kernels.h"
#include "kernels/simd/vector_avx512.h"

namespace octet::kernels::conv_f32 {
namespace {

template <int kRows, int kVectors>
constexpr auto kBlocked = Block<Avx512, kRows, kVectors, 16>::blocked;
template <int kRows, int kVectors>
constexpr auto kPlanar = Block<Avx512, kRows, kVectors, 1>::planar;

#define ROWS_1_TO_14(block, vectors)                                                                    \
  {                                                                                                     \
    block<1, vectors>, block<2, vectors>, block<3, vectors>, block<4, vectors>, block<5, vectors>,      \
        block<6, vectors>, block<7, vectors>, block<8, vectors>, block<9, vectors>, block<10, vectors>, \
        block<11, vectors>, block<12, vectors>, block<13, vectors>, block<14, vectors>                  \
  }

}  // namespace

const DirectMicroKernels kDirectAvx512 = {
    14,
    2,
    {{ROWS_1_TO_14(kBlocked, 1), ROWS_1_TO_14(kBlocked, 2)},
     {ROWS_1_TO_14(kPlanar, 1), ROWS_1_TO_14(kPlanar, 2)}},
    Depthwise<Avx512>::run,
};

}  // namespace octet::kernels::conv_f32
