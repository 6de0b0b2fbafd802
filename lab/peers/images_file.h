// Synthetic images on their way to a worker: a file of raw FP32 that is gone with the object.
#pragma once

#include <cstdint>
#include <filesystem>

#include "octet/types.h"

namespace octet::lab {

class ImagesFile {
 public:
  /// The first `shape[0]` images of `seed`, written piece by piece. Throws Error(kIo).
  ImagesFile(const std::filesystem::path& folder, const Shape& shape, std::uint64_t seed);
  ~ImagesFile();
  ImagesFile(const ImagesFile&) = delete;
  ImagesFile& operator=(const ImagesFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A name in `folder` that no other object and no other process of this machine uses.
std::filesystem::path unused_name(const std::filesystem::path& folder, const char* ending);

}  // namespace octet::lab
