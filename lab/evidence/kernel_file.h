// Files of /proc and /sys: short texts that the kernel makes at the moment they are read, and that may
// vanish, refuse or change their form at any time. Every failure is an Error that names the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace octet::lab {

/// Bytes that are not ASCII come back as '?', so that any part can go into a message and into JSON. Throws
/// Error(kNotFound), Error(kIo) with the system's reason, Error(kParse) for more than 16 MiB.
std::string read_kernel_file(const std::filesystem::path& file);

std::vector<std::string_view> split(std::string_view text, char separator);
/// Fields between blanks.
std::vector<std::string_view> fields_of(std::string_view text);

/// A whole decimal number, blanks around it allowed; nothing for another text.
std::optional<std::int64_t> to_integer(std::string_view text);
std::optional<double> to_number(std::string_view text);
/// The same of a file's text. Throws Error(kParse): "FILE: expected a number, got 'abc'".
std::int64_t integer_in(const std::filesystem::path& file);

/// The rest of the first line that starts with `key` and a separator (blank, tab or colon), without blanks
/// around it; nothing if there is no such line.
std::optional<std::string_view> value_of(std::string_view text, std::string_view key);

/// "0-3,8" -> {0, 1, 2, 3, 8}. Throws Error(kParse) naming `where`; CPU numbers end at 65535.
std::vector<int> parse_cpu_list(std::string_view text, const std::string& where);

}  // namespace octet::lab
