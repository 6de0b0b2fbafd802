#include "base/aligned_buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <limits>

#include "base/pages.h"
#include "octet/error.h"
#include "octet/types.h"

namespace octet::base {
namespace {

// AddressSanitizer sees who writes past a block of the heap, not past a mapping.
#if defined(__SANITIZE_ADDRESS__)  // GCC's word
constexpr bool kMapsLarge = false;
#elif defined(__has_feature)  // Clang's
constexpr bool kMapsLarge = !__has_feature(address_sanitizer);
#else
constexpr bool kMapsLarge = true;
#endif

/// On a boundary of kHugePage; null where the system has no more.
std::byte* map_pages(std::size_t bytes) {
  void* const map =
      ::mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(map);
  const std::size_t before =
      round_up(reinterpret_cast<std::uintptr_t>(begin), kHugePage) - reinterpret_cast<std::uintptr_t>(begin);
  if (before > 0) ::munmap(begin, before);
  if (before < kHugePage) ::munmap(begin + before + bytes, kHugePage - before);
  // Fewer page walks for gigabyte arenas; advice only, so a refusal changes nothing but speed.
  ::madvise(begin + before, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
  return begin + before;
}

}  // namespace

void AlignedBuffer::Free::operator()(std::byte* p) const {
  if (mapped > 0)
    ::munmap(p, mapped);
  else
    std::free(p);
}

AlignedBuffer::AlignedBuffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  const auto require = [&](void* p) {
    if (p != nullptr) return static_cast<std::byte*>(p);
    throw Error(ErrorCode::kMemoryLimit,
                fmt::format("out of memory: could not allocate {}", format_bytes(bytes)));
  };
  // No size that can be rounded up twice without passing the largest is one that there is memory for.
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) require(nullptr);
  if (kMapsLarge && bytes >= kHugePage) {
    const std::size_t mapped = round_up(bytes, kPage);
    memory_ = {require(map_pages(mapped)), Free{mapped}};
  } else {
    memory_ = {require(std::aligned_alloc(kCacheLine, round_up(bytes, kCacheLine))), Free{}};
  }
}

}  // namespace octet::base
