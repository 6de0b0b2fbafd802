// The lines that this family makes in kernels.inc.
#include "kernels/conv_dot/amx_convolution.h"
#include "kernels/conv_dot/contract.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/families.h"
#include "kernels/fully_connected_dot/fully_connected.h"
#include "kernels/fully_connected_dot/layer.h"
#include "kernels/fully_connected_dot/reference.h"

namespace octet::kernels {

#define OCTET_FULLY_CONNECTED(function, type, gops, kernels)                                       \
  double function##_cost(const OpDesc& desc, int images) {                                         \
    return fully_connected_dot::cost(desc, images, DataType::type, gops);                          \
  }                                                                                                \
  std::unique_ptr<Kernel> function(const OpDesc& desc) {                                           \
    return fully_connected_dot::make_fully_connected(std::get<FullyConnectedDesc>(desc), kernels); \
  }
#define OCTET_REFERENCE(function, type)                                                     \
  double function##_cost(const OpDesc& desc, int images) {                                  \
    return fully_connected_dot::cost(desc, images, DataType::type, conv_dot::kGenericGops); \
  }                                                                                         \
  std::unique_ptr<Kernel> function(const OpDesc& desc) {                                    \
    return fully_connected_dot::make_reference(std::get<FullyConnectedDesc>(desc));         \
  }

OCTET_REFERENCE(fully_connected_i8_generic, kUInt8)
OCTET_REFERENCE(fully_connected_i16_generic, kInt16)
OCTET_REFERENCE(fully_connected_bf16_generic, kBFloat16)
#ifdef OCTET_X86
OCTET_FULLY_CONNECTED(fully_connected_i8_avx2, kUInt8, conv_dot::kAvx2Gops, conv_dot::kAvx2U8)
OCTET_FULLY_CONNECTED(fully_connected_i8_avx512, kUInt8, conv_dot::kAvx512ExactGops, conv_dot::kAvx512U8)
OCTET_FULLY_CONNECTED(fully_connected_i8_avx512vnni, kUInt8, conv_dot::kAvx512VnniGops,
                      conv_dot::kAvx512VnniU8)
OCTET_FULLY_CONNECTED(fully_connected_i16_avx2, kInt16, conv_dot::kAvx2S16Gops, conv_dot::kAvx2S16)
OCTET_FULLY_CONNECTED(fully_connected_i16_avx512, kInt16, conv_dot::kAvx512S16Gops, conv_dot::kAvx512S16)
OCTET_FULLY_CONNECTED(fully_connected_i16_avx512vnni, kInt16, conv_dot::kAvx512VnniS16Gops,
                      conv_dot::kAvx512VnniS16)
OCTET_FULLY_CONNECTED(fully_connected_bf16_avx2, kBFloat16, conv_dot::kAvx2Bf16Gops, conv_dot::kAvx2Bf16)
OCTET_FULLY_CONNECTED(fully_connected_bf16_avx512, kBFloat16, conv_dot::kAvx512Bf16AsF32Gops,
                      conv_dot::kAvx512Bf16)
OCTET_FULLY_CONNECTED(fully_connected_bf16_avx512bf16, kBFloat16, conv_dot::kAvx512Bf16Gops,
                      conv_dot::kAvx512Bf16Bf16)
#define OCTET_TILES(function, type, kernels)                                                              \
  double function##_cost(const OpDesc& op, int images) {                                                  \
    const FullyConnectedDesc* desc = fully_connected_dot::as_fully_connected(op, DataType::type);         \
    return desc == nullptr ? -1 : conv_dot::amx_cost(fully_connected_dot::to_convolution(*desc), images); \
  }                                                                                                       \
  std::unique_ptr<Kernel> function(const OpDesc& op) {                                                    \
    return conv_dot::make_amx(fully_connected_dot::to_convolution(std::get<FullyConnectedDesc>(op)),      \
                              kernels);                                                                   \
  }
OCTET_TILES(fully_connected_i8_amx, kUInt8, conv_dot::kAmxU8)
OCTET_TILES(fully_connected_bf16_amx, kBFloat16, conv_dot::kAmxBf16)
#undef OCTET_TILES
#endif

#undef OCTET_REFERENCE
#undef OCTET_FULLY_CONNECTED

}  // namespace octet::kernels
