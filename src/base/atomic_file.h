// A file that appears whole or not at all: written beside its place under a temporary name, synced, then
// renamed.
#pragma once

#include <filesystem>
#include <string_view>

namespace octet::base {

class AtomicFile {
 public:
  /// Opens a temporary file in the folder of `path`, or of the file that it is a link to. Throws Error(kIo)
  /// naming the path and the system's reason, or because it is no regular file (a device, a folder).
  explicit AtomicFile(const std::filesystem::path& path);
  /// Without commit() the temporary file is removed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  int descriptor() const { return descriptor_; }
  /// Throws Error(kIo), for example on a full disk.
  void write(std::string_view bytes);
  /// Makes the file durable and gives it its name. Throws Error(kIo); then the old file, if any, is
  /// untouched.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

}  // namespace octet::base
