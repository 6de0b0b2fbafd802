#include "import/wire/input_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "octet/error.h"

namespace octet::wire {

InputFile::InputFile(const std::filesystem::path& path)
    : file_(path), name_(file_->name()), size_(file_->size()) {}

InputFile::InputFile(std::string name, std::span<const std::byte> bytes)
    : name_(std::move(name)), memory_(bytes), size_(bytes.size()) {}

void InputFile::read(std::uint64_t offset, void* to, std::size_t bytes) const {
  // Linux moves at most about 2 GiB in one call.
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  auto* out = static_cast<char*>(to);
  if (!file_) {
    if (offset > size_ || bytes > size_ - offset) {
      throw Error(ErrorCode::kIo, fmt::format("{}: ends at byte {}", name_, size_));
    }
    std::copy_n(memory_.data() + offset, bytes, reinterpret_cast<std::byte*>(out));
    return;
  }
  while (bytes > 0) {
    const ssize_t got =
        ::pread(file_->descriptor(), out, std::min(bytes, kMostAtOnce), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Error(ErrorCode::kIo,
                  fmt::format("{}: reading at byte {} failed: {}", name_, offset, std::strerror(errno)));
    }
    if (got == 0) {
      throw Error(ErrorCode::kIo,
                  fmt::format("{}: ended at byte {}; was it changed while being read?", name_, offset));
    }
    out += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
}

}  // namespace octet::wire
