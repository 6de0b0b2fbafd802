// SHA-256 (FIPS 180-4) of bytes in memory, as 64 hex digits: what a bundle's manifest lists for every file.
#pragma once

#include <string>
#include <string_view>

namespace octet::lab {

std::string sha256(std::string_view bytes);

}  // namespace octet::lab
