#include "base/aligned_buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdlib>

#include "base/pages.h"
#include "octet/error.h"
#include "octet/types.h"

namespace octet::base {

void AlignedBuffer::Free::operator()(std::byte* p) const { std::free(p); }

AlignedBuffer::AlignedBuffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  const bool large = bytes >= kHugePage;
  const std::size_t alignment = large ? kHugePage : kCacheLine;
  const std::size_t allocated = round_up(bytes, kCacheLine);
  void* p = nullptr;
  if (posix_memalign(&p, alignment, allocated) != 0) {
    throw Error(ErrorCode::kMemoryLimit,
                fmt::format("out of memory: could not allocate {}", format_bytes(bytes)));
  }
  // Fewer page walks for gigabyte arenas; advice only, so a refusal changes nothing but speed.
  if (large) madvise(p, allocated / kHugePage * kHugePage, MADV_HUGEPAGE);
  memory_.reset(static_cast<std::byte*>(p));
}

}  // namespace octet::base
