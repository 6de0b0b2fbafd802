#include "base/first_touch.h"

#include <algorithm>
#include <cstdint>

#include "base/pages.h"

namespace octet::base {

void touch(std::byte* begin, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += kPage) begin[at] = std::byte{0};
}

int toucher(std::size_t page, int threads) {
  // Multiples of the golden ratio, without their whole part, fill [0, 1) evenly however many there are.
  const auto fraction = static_cast<std::uint32_t>(page) * 2654435769u;
  return static_cast<int>((std::uint64_t{fraction} * static_cast<std::uint64_t>(threads)) >> 32);
}

void touch_part(std::byte* begin, std::size_t bytes, int thread, int threads) {
  for (std::size_t page = 0; page * kHugePage < bytes; ++page) {
    if (toucher(page, threads) != thread) continue;
    touch(begin + page * kHugePage, std::min(kHugePage, bytes - page * kHugePage));
  }
}

}  // namespace octet::base
