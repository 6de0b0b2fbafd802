// The signature of results: equal hashes mean equal bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "octet/api.h"

namespace octet {

/// XXH3-64 of the bytes as 16 hex digits.
OCTET_API std::string hash_bytes(std::span<const std::byte> bytes);

}  // namespace octet
