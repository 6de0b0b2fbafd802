// A histogram as one line of text.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace octet::tools {

/// `width` block characters (U+2581 to U+2588, a blank for nothing), each the sum of equally many bins.
/// Heights are logarithmic, so that a tail of a millionth of the values is still seen. Empty for no bins.
std::string sparkline(std::span<const std::uint64_t> bins, int width);

}  // namespace octet::tools
