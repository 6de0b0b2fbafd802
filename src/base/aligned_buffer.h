// Owned, uninitialised memory on a cache-line boundary. When it is large it is a mapping of its own, on a 2
// MiB boundary, with huge pages asked for: what is freed goes back to the system at once, and no small block
// of the heap ever lies in a huge page that a large one left behind.
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
    std::size_t mapped;  // bytes of the mapping; 0, as in an empty pointer: the heap's
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte[], Free> memory_;
  std::size_t bytes_ = 0;
};

}  // namespace octet::base
