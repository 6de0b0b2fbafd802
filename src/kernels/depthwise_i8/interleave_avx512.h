// Interleaving for units of 64 channels, and of 32 and 16, which one may have as its last: what the AVX-512
// files share, whatever they multiply by. Internal linkage throughout.
#pragma once

#include "kernels/depthwise_i8/vectors_avx2.h"
#include "kernels/depthwise_i8/vectors_avx512.h"
// The vector code needs the vectors above it.
#include "kernels/depthwise_i8/vector_body.h"

namespace octet::kernels {
namespace {

template <int rows>
void interleave_up_to_64(const DepthwiseI8Columns& columns) {
  switch (columns.channels) {
    case 64:
      return interleave_channels<Vector64, rows, Vector64::kBytes>(columns);
    case 32:
      return interleave_channels<Vector32, rows, Vector64::kBytes>(columns);
    default:
      return interleave_channels<Vector16, rows, Vector64::kBytes>(columns);
  }
}

}  // namespace
}  // namespace octet::kernels
