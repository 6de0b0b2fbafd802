// Transforms of exact INT8 Winograd for AVX-512 (F, BW, DQ, VL), with and without VNNI: see contract.h.
#include "kernels/conv_i8_winograd/words_avx512.h"
#include "kernels/simd/sums_avx512.h"
// The widths of Words and S32x16 come from above.
#include "kernels/conv_i8_winograd/transforms.h"

namespace octet::kernels::conv_i8_winograd {

constinit const Transforms kAvx512Transforms = make_transforms();

}  // namespace octet::kernels::conv_i8_winograd
