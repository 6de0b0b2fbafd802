// The CPU's side of device/base.h: one thread of a block that the model runs (model/grid.h).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "cuda/device/base.h"

#define OCTET_DEVICE inline
#define OCTET_UNROLL

namespace octet::cuda::model {
class Block;
}

namespace octet::cuda::device {

class Thread {
 public:
  struct Place {
    int index, threads;
    int block_x, block_y, block_z;
    int grid_x;
  };
  Thread(model::Block& block, const Place& place) : block_(&block), place_(place) {}

  int index() const { return place_.index; }
  int threads() const { return place_.threads; }
  int block_x() const { return place_.block_x; }
  int block_y() const { return place_.block_y; }
  int block_z() const { return place_.block_z; }
  int grid_x() const { return place_.grid_x; }

  void sync() const;
  u8* shared() const;

  s32 add(s32* global, s32 value) const {
    const s32 before = *global;
    *global = static_cast<s32>(static_cast<u32>(before) + static_cast<u32>(value));
    return before;
  }
  void fence() const {}
  s32 load_fresh(const s32* global) const { return *global; }

  void copy16(void* shared, const void* global) const { copy(shared, global, 16); }
  void copy4(void* shared, const void* global) const { copy(shared, global, 4); }
  void commit() const;
  template <int kPending>
  void wait() const {
    wait_for_all_but(kPending);
  }

  void load_matrices(u32 (&words)[4], const void* row) const;
  template <int kRows, int kColumns>
  void multiply(s32 (&sums)[kRows][kColumns][4], const u32 (&a)[kRows][4],
                const u32 (&b)[kColumns][2]) const {
    multiply(&sums[0][0][0], &a[0][0], &b[0][0], kRows, kColumns);
  }

 private:
  void copy(void* shared, const void* global, int bytes) const;
  void wait_for_all_but(int pending) const;
  void multiply(s32* sums, const u32* a, const u32* b, int rows, int columns) const;

  model::Block* block_;
  Place place_;
};

inline s32 dot4(u32 a, u32 b, s32 sum) {
  auto total = static_cast<u32>(sum);
  for (int i = 0; i < 4; ++i)
    total += static_cast<u32>(static_cast<s32>(a >> 8 * i & 0xff) * static_cast<s8>(b >> 8 * i & 0xff));
  return static_cast<s32>(total);
}
inline s32 dot2_low(u32 a, u32 b, s32 sum) {
  auto total = static_cast<u32>(sum);
  for (int i = 0; i < 2; ++i)
    total += static_cast<u32>(static_cast<s16>(a >> 16 * i & 0xffff) * static_cast<s8>(b >> 8 * i & 0xff));
  return static_cast<s32>(total);
}
inline s32 dot2_high(u32 a, u32 b, s32 sum) { return dot2_low(a, b >> 16, sum); }

inline float fused(float a, float b, float c) { return std::fmaf(a, b, c); }
inline float round_even(float x) { return std::nearbyintf(x); }
inline float larger(float a, float b) { return std::fmaxf(a, b); }
inline float smaller(float a, float b) { return std::fminf(a, b); }
inline float divide(float a, float b) { return a / b; }
inline float square_root(float x) { return std::sqrt(x); }
inline float as_float(s32 bits) { return std::bit_cast<float>(bits); }
inline s32 as_bits(float x) { return std::bit_cast<s32>(x); }
inline double as_double(s64 bits) { return std::bit_cast<double>(bits); }
inline s64 as_bits(double x) { return std::bit_cast<s64>(x); }

}  // namespace octet::cuda::device
