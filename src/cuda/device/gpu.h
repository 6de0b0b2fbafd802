// The GPU's side of base.h.
#pragma once

#define OCTET_DEVICE __device__ __forceinline__
/// Before a loop whose every round is to be an instruction of its own.
#define OCTET_UNROLL _Pragma("unroll")

namespace octet::cuda::device {

class Thread {
 public:
  OCTET_DEVICE int index() const { return static_cast<int>(threadIdx.x); }
  OCTET_DEVICE int threads() const { return static_cast<int>(blockDim.x); }
  OCTET_DEVICE int block_x() const { return static_cast<int>(blockIdx.x); }
  OCTET_DEVICE int block_y() const { return static_cast<int>(blockIdx.y); }
  OCTET_DEVICE int block_z() const { return static_cast<int>(blockIdx.z); }
  OCTET_DEVICE int grid_x() const { return static_cast<int>(gridDim.x); }

  /// All threads of the block have come here, and see what the others have written.
  OCTET_DEVICE void sync() const { __syncthreads(); }

  /// The block's shared memory, as many bytes as the launch says; aligned to 16.
  OCTET_DEVICE u8* shared() const {
    extern __shared__ __align__(16) u8 octet_shared_memory[];
    return octet_shared_memory;
  }

  /// Adds to global memory as one operation; what was there before.
  OCTET_DEVICE s32 add(s32* global, s32 value) const { return atomicAdd(global, value); }
  /// What this thread has written to global memory is seen before what it writes afterwards.
  OCTET_DEVICE void fence() const { __threadfence(); }
  /// Global memory as other blocks have left it, past this multiprocessor's cache.
  OCTET_DEVICE s32 load_fresh(const s32* global) const { return __ldcg(global); }

#if __CUDA_ARCH__ >= 800
  /// Copies from global to shared memory, there once wait() says so.
  OCTET_DEVICE void copy16(void* shared, const void* global) const {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address(shared)), "l"(global) : "memory");
  }
  OCTET_DEVICE void copy4(void* shared, const void* global) const {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(address(shared)), "l"(global) : "memory");
  }
  /// Ends a group of this thread's copies.
  OCTET_DEVICE void commit() const { asm volatile("cp.async.commit_group;" ::: "memory"); }
  /// All groups of this thread but the last kPending are there.
  template <int kPending>
  OCTET_DEVICE void wait() const {
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
  }
#else
  // Turing and Pascal have no asynchronous copies: they are there at once.
  OCTET_DEVICE void copy16(void* shared, const void* global) const {
    *static_cast<Bytes16*>(shared) = *static_cast<const Bytes16*>(global);
  }
  OCTET_DEVICE void copy4(void* shared, const void* global) const {
    *static_cast<u32*>(shared) = *static_cast<const u32*>(global);
  }
  OCTET_DEVICE void commit() const {}
  template <int kPending>
  OCTET_DEVICE void wait() const {}
#endif

#if __CUDA_ARCH__ >= 750
  /// Four matrices of 8 rows of 16 bytes in shared memory. Lane 8 i + r gives the address of row r of matrix
  /// i, and gets into words[i] word (lane % 4) of row (lane / 4) of matrix i.
  OCTET_DEVICE void load_matrices(u32 (&words)[4], const void* row) const {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(address(row))
                 : "memory");
  }

  /// sums += a * b for kRows x kColumns tiles of 16 x 8 sums, 32 products each: a u8, [16][32]; b s8, its
  /// columns of 32. Of a tile lane l holds, with g = l / 4 and t = l % 4:
  ///   a     words 0..3: row g, bytes 4 t..; row g + 8; row g, bytes 16 + 4 t..; row g + 8, bytes 16 + 4 t..
  ///   b     words 0, 1: column g, bytes 4 t.. and 16 + 4 t..
  ///   sums  row g, columns 2 t and 2 t + 1; row g + 8, the same
  template <int kRows, int kColumns>
  OCTET_DEVICE void multiply(s32 (&sums)[kRows][kColumns][4], const u32 (&a)[kRows][4],
                             const u32 (&b)[kColumns][2]) const {
    OCTET_UNROLL
    for (int r = 0; r < kRows; ++r) {
      OCTET_UNROLL
      for (int c = 0; c < kColumns; ++c) multiply(sums[r][c], a[r], b[c]);
    }
  }
#else
  // No tensor cores. Functions that need them are not in the module (functions.inc says what they need), but
  // the compiler reads them.
  __device__ void load_matrices(u32 (&words)[4], const void* row) const;
  template <int kRows, int kColumns>
  __device__ void multiply(s32 (&sums)[kRows][kColumns][4], const u32 (&a)[kRows][4],
                           const u32 (&b)[kColumns][2]) const;
#endif

 private:
  static OCTET_DEVICE u32 address(const void* shared) {
    return static_cast<u32>(__cvta_generic_to_shared(shared));
  }
#if __CUDA_ARCH__ >= 800
  OCTET_DEVICE static void multiply(s32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#elif __CUDA_ARCH__ >= 750
  OCTET_DEVICE static void multiply(s32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    multiply_8x8(d[0], d[1], a[0], b[0]);
    multiply_8x8(d[2], d[3], a[1], b[0]);
    multiply_8x8(d[0], d[1], a[2], b[1]);
    multiply_8x8(d[2], d[3], a[3], b[1]);
  }
  OCTET_DEVICE static void multiply_8x8(s32& d0, s32& d1, u32 a, u32 b) {
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.u8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
                 : "+r"(d0), "+r"(d1)
                 : "r"(a), "r"(b));
  }
#endif
};

/// sum + a[0] b[0] + .. + a[3] b[3]: bytes of a unsigned, of b signed; sums wrap.
OCTET_DEVICE s32 dot4(u32 a, u32 b, s32 sum) {
  s32 result;
  asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
/// sum + a[0] b[0] + a[1] b[1]: 16-bit integers of a, bytes 0 and 1 of b, all signed.
OCTET_DEVICE s32 dot2_low(u32 a, u32 b, s32 sum) {
  s32 result;
  asm("dp2a.lo.s32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
/// The same with bytes 2 and 3 of b.
OCTET_DEVICE s32 dot2_high(u32 a, u32 b, s32 sum) {
  s32 result;
  asm("dp2a.hi.s32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

OCTET_DEVICE float fused(float a, float b, float c) { return __fmaf_rn(a, b, c); }
OCTET_DEVICE float round_even(float x) { return rintf(x); }
/// The first argument where the other is NaN.
OCTET_DEVICE float larger(float a, float b) { return fmaxf(a, b); }
OCTET_DEVICE float smaller(float a, float b) { return fminf(a, b); }
OCTET_DEVICE float divide(float a, float b) { return __fdiv_rn(a, b); }
OCTET_DEVICE float square_root(float x) { return __fsqrt_rn(x); }
OCTET_DEVICE float as_float(s32 bits) { return __int_as_float(bits); }
OCTET_DEVICE s32 as_bits(float x) { return __float_as_int(x); }
OCTET_DEVICE double as_double(s64 bits) { return __longlong_as_double(bits); }
OCTET_DEVICE s64 as_bits(double x) { return __double_as_longlong(x); }

}  // namespace octet::cuda::device
