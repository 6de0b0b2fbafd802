// What the library shows of itself. All of it is compiled with hidden visibility; what programs may call is
// marked, and is all that liboctet.so exports.
#pragma once

#if defined(__cplusplus) && __cplusplus < 202002L
#error "Octet's headers need C++20 (-std=c++20 or later)"
#endif

#ifdef __GNUC__
#define OCTET_API __attribute__((visibility("default")))
#else
#define OCTET_API
#endif
