// A regular file opened for reading: what all readers of files check first, with the same words.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace octet::base {

class RegularFile {
 public:
  /// Throws Error: kNotFound if there is no such file, kIo if it is not a regular file or cannot be opened.
  explicit RegularFile(const std::filesystem::path& path);
  ~RegularFile();
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;

  const std::string& name() const { return name_; }
  int descriptor() const { return descriptor_; }
  /// When it was opened.
  std::uint64_t size() const { return size_; }

 private:
  std::string name_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace octet::base
