// Owned, uninitialised memory on a cache-line boundary (on a 2 MiB boundary, with huge pages asked for, when
// it is large).
#pragma once

#include <cstddef>
#include <memory>

namespace octet::base {

inline constexpr std::size_t kCacheLine = 64;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// `bytes` of memory; contents undefined (zero where fresh from the system, but do not rely on it).
  /// Throws Error(kMemoryLimit) naming the size when the system has no more.
  explicit AlignedBuffer(std::size_t bytes);

  std::byte* data() { return memory_.get(); }
  const std::byte* data() const { return memory_.get(); }
  std::size_t size() const { return bytes_; }
  float* floats() { return reinterpret_cast<float*>(memory_.get()); }
  const float* floats() const { return reinterpret_cast<const float*>(memory_.get()); }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte[], Free> memory_;
  std::size_t bytes_ = 0;
};

}  // namespace octet::base
