// Bytes as text in a JSON file: base64 (RFC 4648) with padding.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet::quantize {

std::string encode_base64(std::span<const std::uint8_t> bytes);
/// Nothing where `text` is not base64 to the letter: another character, a length that is no multiple of 4,
/// padding elsewhere than at the end, or bits that the padding should have left zero.
std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text);

}  // namespace octet::quantize
