// The narrow types of kNhwc maps as template parameters, 16 neighbouring channels at a time. Include
// narrow_avx2.h or its twin first. Internal linkage throughout.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::kernels {
namespace {

struct U8 {
  static constexpr std::int64_t kBytes = 1;
  static F32x16 load(const std::byte* p) { return load_u8(p); }
  static void store(std::byte* p, F32x16 v) { store_u8(p, v); }
};
struct S16 {
  static constexpr std::int64_t kBytes = 2;
  static F32x16 load(const std::byte* p) { return load_s16(p); }
  static void store(std::byte* p, F32x16 v) { store_s16(p, v); }
};
struct Bf16 {
  static constexpr std::int64_t kBytes = 2;
  static F32x16 load(const std::byte* p) { return load_bf16(p); }
  static void store(std::byte* p, F32x16 v) { store_bf16(p, v); }
};
/// For the functions below.
struct F32 {
  static constexpr std::int64_t kBytes = 4;
  static F32x16 load(const std::byte* p) { return octet::kernels::load(reinterpret_cast<const float*>(p)); }
  static void store(std::byte* p, F32x16 v) { octet::kernels::store(reinterpret_cast<float*>(p), v); }
};

/// The first `count` < 16 elements, the others zero, where no more may be read.
template <class T>
inline F32x16 load_first(const std::byte* p, std::int64_t count) {
  alignas(64) std::byte whole[16 * T::kBytes] = {};
  __builtin_memcpy(whole, p, static_cast<std::size_t>(count * T::kBytes));
  return T::load(whole);
}
/// Only the first `count` < 16 elements.
template <class T>
inline void store_first(std::byte* p, F32x16 v, std::int64_t count) {
  alignas(64) std::byte whole[16 * T::kBytes];
  T::store(whole, v);
  __builtin_memcpy(p, whole, static_cast<std::size_t>(count * T::kBytes));
}

}  // namespace
}  // namespace octet::kernels
