// Limits of what a caller may ask for.
#pragma once

namespace octet::base {

inline constexpr int kMaxThreads = 1024;

}  // namespace octet::base
