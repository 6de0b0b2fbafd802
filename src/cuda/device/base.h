// What device functions are written with. Every file of this folder is compiled twice: by a CUDA compiler for
// GPUs, and by the C++ compiler for the model (cuda/model), which runs the same functions on a CPU, thread by
// thread. So they include nothing but each other (a run-time compiler has no standard headers), and whatever
// the two differ in stands in two headers with the same names:
//
//   class Thread   its place in block and grid; barriers; shared memory; asynchronous copies; tensor cores
//   functions      dot products, fused multiply-add, rounding, conversions of bits
//
// Blocks are one-dimensional, grids have three dimensions. Compiled with -fmad=false: results must not depend
// on which products a compiler happens to fuse.
#pragma once

namespace octet::cuda::device {

using u8 = unsigned char;
using s8 = signed char;
using u16 = unsigned short;
using s16 = short;
using u32 = unsigned int;
using s32 = int;
using u64 = unsigned long long;
using s64 = long long;

/// What one thread moves at a time.
struct alignas(16) Bytes16 {
  u32 word[4];
};
struct alignas(8) Bytes8 {
  u32 word[2];
};

inline constexpr int kWarp = 32;

}  // namespace octet::cuda::device

#ifdef __CUDACC__
#include "cuda/device/gpu.h"
#else
#include "cuda/model/thread.h"
#endif
