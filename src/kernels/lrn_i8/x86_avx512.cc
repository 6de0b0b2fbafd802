// Local response normalisation of bytes for AVX-512 (F, BW, DQ, VL).
#include "kernels/lrn_i8/units_avx512.h"
// The vector code needs the instruction set's units above it.
#include "kernels/lrn_i8/vector_body.h"

namespace octet::kernels {

const LrnI8Functions kLrnI8Avx512 = {across_channels, within_channel};

}  // namespace octet::kernels
