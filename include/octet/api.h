// What the library shows of itself. All of it is compiled with hidden visibility; what programs may call is
// marked, and is all that liboctet.so exports.
#pragma once

#ifdef __GNUC__
#define OCTET_API __attribute__((visibility("default")))
#else
#define OCTET_API
#endif
