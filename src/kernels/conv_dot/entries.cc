// The lines that this family's drivers and micro-kernels make in kernels.inc.
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/direct.h"
#include "kernels/families.h"

namespace octet::kernels {

#ifdef OCTET_X86
#define OCTET_DIRECT(function, type, gops, kernels)            \
  double function##_cost(const OpDesc& desc, int /*images*/) { \
    return conv_dot::direct_cost(desc, DataType::type, gops);  \
  }                                                            \
  std::unique_ptr<Kernel> function(const OpDesc& desc) { return conv_dot::make_direct(desc, kernels); }

OCTET_DIRECT(conv_i8_direct_avx2, kUInt8, conv_dot::kAvx2Gops, conv_dot::kAvx2U8)
OCTET_DIRECT(conv_i8_direct_avx512, kUInt8, conv_dot::kAvx512ExactGops, conv_dot::kAvx512U8)
OCTET_DIRECT(conv_i8_direct_avx512vnni, kUInt8, conv_dot::kAvx512VnniGops, conv_dot::kAvx512VnniU8)
OCTET_DIRECT(conv_i16_direct_avx2, kInt16, conv_dot::kAvx2S16Gops, conv_dot::kAvx2S16)
OCTET_DIRECT(conv_i16_direct_avx512, kInt16, conv_dot::kAvx512S16Gops, conv_dot::kAvx512S16)
OCTET_DIRECT(conv_i16_direct_avx512vnni, kInt16, conv_dot::kAvx512VnniS16Gops, conv_dot::kAvx512VnniS16)
OCTET_DIRECT(conv_bf16_direct_avx2, kBFloat16, conv_dot::kAvx2Bf16Gops, conv_dot::kAvx2Bf16)
OCTET_DIRECT(conv_bf16_direct_avx512, kBFloat16, conv_dot::kAvx512Bf16AsF32Gops, conv_dot::kAvx512Bf16)
OCTET_DIRECT(conv_bf16_direct_avx512bf16, kBFloat16, conv_dot::kAvx512Bf16Gops, conv_dot::kAvx512Bf16Bf16)

#undef OCTET_DIRECT
#endif

}  // namespace octet::kernels
