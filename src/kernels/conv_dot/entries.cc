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

OCTET_DIRECT(conv_i8_direct_avx512, kUInt8, conv_dot::kAvx512ExactGops, conv_dot::kAvx512U8)
OCTET_DIRECT(conv_i8_direct_avx512vnni, kUInt8, conv_dot::kAvx512VnniGops, conv_dot::kAvx512VnniU8)

#undef OCTET_DIRECT
#endif

}  // namespace octet::kernels
