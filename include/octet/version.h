// The version, as semver.org has it: until 1.0 a program must be compiled again for a new minor version.
// Written here only; CMake, the packages and the shared library's name take it from this line.
#pragma once

namespace octet {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace octet
