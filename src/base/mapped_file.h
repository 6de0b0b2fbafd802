// A file's bytes in memory, read from it when they are first touched and shared with every process that maps
// it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace octet::base {

class MappedFile {
 public:
  /// Read-only, on a page boundary. Throws Error: what RegularFile throws, kIo if the system refuses to map.
  /// A file that somebody cuts short meanwhile ends the process at the next touch (SIGBUS), so map only files
  /// that are replaced as a whole, as AtomicFile does.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& name() const { return name_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  std::string name_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace octet::base
