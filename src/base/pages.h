// Sizes of Linux's pages of memory.
#pragma once

#include <cstddef>

namespace octet::base {

inline constexpr std::size_t kPage = 4096, kHugePage = std::size_t{2} << 20;

}  // namespace octet::base
