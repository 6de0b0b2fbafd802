// Text as files and programs write it.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace octet::lab {

/// The text without the blanks and line ends around it.
std::string_view trimmed(std::string_view text);

bool contains(std::span<const std::string> words, std::string_view word);

}  // namespace octet::lab
