// Small files read and written whole. A written file appears under its name complete and durable, or not at
// all, so that a run that is killed leaves no half of one.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace octet::lab {

/// Written beside its place under a temporary name, synced, renamed. Throws Error(kIo) naming the file and
/// the system's reason; an old file of that name is then untouched.
void write_file(const std::filesystem::path& file, std::string_view bytes);

/// Throws Error(kNotFound), Error(kIo), or Error(kParse) for more than `max_bytes`.
std::string read_file(const std::filesystem::path& file, std::uintmax_t max_bytes = std::uintmax_t{1} << 30);

/// Makes the folder and its parents. Throws Error(kIo) saying why it cannot, also if it is there but cannot
/// be written to.
void make_writable_folder(const std::filesystem::path& folder);

}  // namespace octet::lab
