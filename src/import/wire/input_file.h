// A file read at chosen offsets. Plain reads instead of a memory map: a file that another process cuts short
// while it is read gives an error here, where a map would end the program, and what is read goes straight to
// where it is wanted. Bytes in memory can stand for a file, as those of a network that is part of the
// program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "base/regular_file.h"

namespace octet::wire {

class InputFile {
 public:
  /// Throws Error: kNotFound if there is no such file, kIo if it is not a regular file or cannot be opened.
  explicit InputFile(const std::filesystem::path& path);
  /// The bytes must outlive it; `name` is for messages.
  InputFile(std::string name, std::span<const std::byte> bytes);

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }
  /// Exactly `bytes` from `offset` on; Throws Error(kIo) if the system fails or the file has shrunk.
  void read(std::uint64_t offset, void* to, std::size_t bytes) const;

 private:
  std::optional<base::RegularFile> file_;  // none: `memory_` it is
  std::string name_;
  std::span<const std::byte> memory_;
  std::uint64_t size_ = 0;
};

}  // namespace octet::wire
