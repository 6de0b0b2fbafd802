#include "base/mapped_file.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "base/regular_file.h"
#include "octet/error.h"

namespace octet::base {

MappedFile::MappedFile(const std::filesystem::path& path) : name_(path.string()) {
  const RegularFile file(path);
  if (file.size() == 0) return;  // nothing can be mapped, and nothing need be
  size_ = static_cast<std::size_t>(file.size());
  void* const map = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
  if (map == MAP_FAILED)
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot be mapped: {}", name_, std::strerror(errno)));
  data_ = static_cast<const std::byte*>(map);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace octet::base
