#include "save/archive.h"

#include <fmt/format.h>

#include "octet/error.h"

namespace octet::save {

void Reader::fail(const std::string& what) const {
  throw Error(ErrorCode::kParse, fmt::format("{}: byte {}: {}", name_, offset_ + at_, what));
}

void Reader::expect_end() const {
  if (left() > 0) fail(fmt::format("expected the end of this part, found {} more bytes", left()));
}

std::uint64_t Reader::read_bits(int bytes) {
  const auto count = static_cast<std::size_t>(bytes);
  if (left() < count) fail(fmt::format("expected {} more bytes, {} are left", count, left()));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; ++i) bits |= std::to_integer<std::uint64_t>(bytes_[at_ + i]) << (8 * i);
  at_ += count;
  return bits;
}

std::size_t Reader::read_size() {
  const std::uint64_t size = read_bits(8);
  if (size > left()) fail(fmt::format("a length of {}, but only {} bytes are left", size, left()));
  return static_cast<std::size_t>(size);
}

std::uint8_t Reader::read_choice(std::size_t last, const char* what) {
  const std::uint64_t choice = read_bits(1);
  if (choice > last) fail(fmt::format("{} {}: expected 0 to {}", what, choice, last));
  return static_cast<std::uint8_t>(choice);
}

void Reader::read(std::string& text) {
  const std::size_t size = read_size();
  text.assign(reinterpret_cast<const char*>(bytes_.data() + at_), size);
  at_ += size;
}

}  // namespace octet::save
