// The front door of each kernel family: its cost functions and factories, named in kernels.inc. A family's
// own folder says what it computes (contract.h) and holds one file an instruction set.
#pragma once

#include "kernels/kernel.h"

namespace octet::kernels {

// clang-format off
#define OCTET_FAMILY(function) \
  double function##_cost(const OpDesc& desc, int images); \
  std::unique_ptr<Kernel> function(const OpDesc& desc)

OCTET_FAMILY(conv_f32_direct_generic);
OCTET_FAMILY(conv_f32_direct_avx2);
OCTET_FAMILY(conv_f32_direct_avx512);
OCTET_FAMILY(conv_f32_winograd_avx2);
OCTET_FAMILY(conv_f32_winograd_avx512);
OCTET_FAMILY(fully_connected_f32_generic);
OCTET_FAMILY(fully_connected_f32_avx2);
OCTET_FAMILY(fully_connected_f32_avx512);
OCTET_FAMILY(pool_f32_generic);
OCTET_FAMILY(pool_f32_avx2);
OCTET_FAMILY(pool_f32_avx512);
OCTET_FAMILY(lrn_f32_generic);
OCTET_FAMILY(lrn_f32_avx2);
OCTET_FAMILY(lrn_f32_avx512);
OCTET_FAMILY(eltwise_f32_generic);
OCTET_FAMILY(eltwise_f32_avx2);
OCTET_FAMILY(eltwise_f32_avx512);
OCTET_FAMILY(channel_affine_f32_generic);
OCTET_FAMILY(channel_affine_f32_avx2);
OCTET_FAMILY(channel_affine_f32_avx512);
OCTET_FAMILY(activation_f32_generic);
OCTET_FAMILY(activation_f32_avx2);
OCTET_FAMILY(activation_f32_avx512);
OCTET_FAMILY(activation_i8_generic);
OCTET_FAMILY(activation_i8_avx2);
OCTET_FAMILY(activation_i8_avx512);
OCTET_FAMILY(channel_shuffle_generic);
OCTET_FAMILY(pad_generic);
OCTET_FAMILY(softmax_f32_generic);
OCTET_FAMILY(reformat_f32_generic);
OCTET_FAMILY(conv_i8_direct_generic);
OCTET_FAMILY(conv_i8_direct_avx2);
OCTET_FAMILY(conv_i8_direct_avx512);
OCTET_FAMILY(conv_i8_direct_avx512vnni);
OCTET_FAMILY(conv_i8_winograd_avx2);
OCTET_FAMILY(conv_i8_winograd_avx512);
OCTET_FAMILY(conv_i8_winograd_avx512vnni);
OCTET_FAMILY(conv_i16_direct_generic);
OCTET_FAMILY(conv_i16_direct_avx2);
OCTET_FAMILY(conv_i16_direct_avx512);
OCTET_FAMILY(conv_i16_direct_avx512vnni);
OCTET_FAMILY(conv_bf16_direct_generic);
OCTET_FAMILY(conv_bf16_direct_avx2);
OCTET_FAMILY(conv_bf16_direct_avx512);
OCTET_FAMILY(conv_bf16_direct_avx512bf16);
OCTET_FAMILY(conv_bf16_winograd_avx2);
OCTET_FAMILY(conv_bf16_winograd_avx512);
OCTET_FAMILY(conv_i8_tiles_amx);
OCTET_FAMILY(conv_bf16_tiles_amx);
OCTET_FAMILY(reformat_i8_generic);
OCTET_FAMILY(reformat_i8_avx2);
OCTET_FAMILY(reformat_i8_avx512);
OCTET_FAMILY(pool_i8_generic);
OCTET_FAMILY(pool_i8_avx2);
OCTET_FAMILY(pool_i8_avx512);
OCTET_FAMILY(eltwise_i8_generic);
OCTET_FAMILY(eltwise_i8_avx2);
OCTET_FAMILY(eltwise_i8_avx512);
OCTET_FAMILY(channel_affine_i8_generic);
OCTET_FAMILY(channel_affine_i8_avx2);
OCTET_FAMILY(channel_affine_i8_avx512);
OCTET_FAMILY(lrn_i8_generic);
OCTET_FAMILY(lrn_i8_avx2);
OCTET_FAMILY(lrn_i8_avx512);
OCTET_FAMILY(depthwise_i8_generic);
OCTET_FAMILY(depthwise_i8_avx2);
OCTET_FAMILY(depthwise_i8_avx512);
OCTET_FAMILY(depthwise_i8_avx512vnni);
OCTET_FAMILY(fully_connected_i8_generic);
OCTET_FAMILY(fully_connected_i8_avx2);
OCTET_FAMILY(fully_connected_i8_avx512);
OCTET_FAMILY(fully_connected_i8_avx512vnni);
OCTET_FAMILY(fully_connected_i16_generic);
OCTET_FAMILY(fully_connected_i16_avx2);
OCTET_FAMILY(fully_connected_i16_avx512);
OCTET_FAMILY(fully_connected_i16_avx512vnni);
OCTET_FAMILY(fully_connected_bf16_generic);
OCTET_FAMILY(fully_connected_bf16_avx2);
OCTET_FAMILY(fully_connected_bf16_avx512);
OCTET_FAMILY(fully_connected_bf16_avx512bf16);
OCTET_FAMILY(fully_connected_i8_amx);
OCTET_FAMILY(fully_connected_bf16_amx);

#undef OCTET_FAMILY
// clang-format on

}  // namespace octet::kernels
