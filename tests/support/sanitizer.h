// Whether this build has a sanitizer: it replaces the allocator, keeps what was freed and has memory of its
// own, so that what a process holds says nothing about Octet.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // GCC's words
#define OCTET_TEST_SANITIZER 1
#elif defined(__has_feature)  // Clang's
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OCTET_TEST_SANITIZER 1
#endif
#endif
#ifndef OCTET_TEST_SANITIZER
#define OCTET_TEST_SANITIZER 0
#endif

namespace octet::test {

inline constexpr bool kSanitizer = OCTET_TEST_SANITIZER == 1;
inline constexpr bool kMemoryIsCounted = !kSanitizer;

}  // namespace octet::test
