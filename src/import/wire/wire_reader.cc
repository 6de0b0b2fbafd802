#include "import/wire/wire_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "octet/error.h"

namespace octet::wire {

void fail_at(const InputFile& file, std::uint64_t at, std::string_view what) {
  throw Error(ErrorCode::kParse, fmt::format("{}: byte {}: {}", file.name(), at, what));
}

std::span<const std::uint8_t> FileWindow::bytes(std::uint64_t offset, std::size_t wanted) {
  const std::uint64_t rest = file_.size() > offset ? file_.size() - offset : 0;
  const bool inside = offset >= begin_ && offset - begin_ <= buffer_.size();
  const std::size_t held = inside ? buffer_.size() - static_cast<std::size_t>(offset - begin_) : 0;
  if (held < std::min<std::uint64_t>(std::max<std::size_t>(wanted, 1), rest)) {
    // Resized before the read and emptied if it throws, so that no stale bytes are ever handed out.
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kSize, rest)));
    begin_ = offset;
    try {
      file_.read(offset, buffer_.data(), buffer_.size());
    } catch (...) {
      buffer_.clear();
      throw;
    }
    return buffer_;
  }
  return std::span<const std::uint8_t>(buffer_).last(held);
}

void WireReader::fail(std::uint64_t at, std::string_view what) const { fail_at(window_->file(), at, what); }

std::uint64_t WireReader::read_varint() {
  constexpr std::size_t kLongest = 10;
  const std::span<const std::uint8_t> held = window_->bytes(position_, kLongest);
  const std::size_t available =
      static_cast<std::size_t>(std::min<std::uint64_t>({kLongest, held.size(), end_ - position_}));
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < available; ++i) {
    const std::uint64_t bits = held[i] & 0x7f;
    if (i == kLongest - 1 && held[i] > 1) break;  // more than 64 bits
    value |= bits << (7 * i);
    if (held[i] < 0x80) {
      position_ += i + 1;
      return value;
    }
  }
  fail(position_, available < kLongest
                      ? "a number runs past the end of its message: the file is cut off or damaged"
                      : "a number of more than 64 bits: the file is damaged");
}

std::optional<Field> WireReader::next() {
  if (position_ >= end_) return std::nullopt;
  const std::uint64_t at = position_;
  const std::uint64_t tag = read_varint();
  Field field;
  if (tag >> 32 != 0 || tag >> 3 == 0)
    fail(at, "not a protobuf field: the file is damaged, or of another format");
  field.number = static_cast<std::uint32_t>(tag >> 3);
  field.type = static_cast<WireType>(tag & 7);
  std::uint64_t size = 0;
  switch (field.type) {
    case WireType::kVarint:
      field.begin = position_;
      field.value = read_varint();
      field.end = position_;
      return field;
    case WireType::kFixed64:
      size = 8;
      break;
    case WireType::kFixed32:
      size = 4;
      break;
    case WireType::kBytes:
      size = read_varint();
      break;
    default:
      fail(at,
           fmt::format("field of wire type {}, which Caffe and ONNX files never have: the file is damaged, "
                       "or of another format",
                       tag & 7));
  }
  const std::uint64_t rest = end_ - position_;
  if (size > rest) {
    fail(at,
         fmt::format("field {} says it has {} bytes, but only {} are left: the file is cut off or damaged",
                     field.number, size, rest));
  }
  field.begin = position_;
  field.end = position_ += size;
  return field;
}

void WireReader::read_packed(FileWindow& window, const Field& field, std::size_t limit,
                             std::vector<std::int64_t>& to) {
  if (field.type == WireType::kVarint) {
    if (to.size() >= limit) fail_at(window.file(), field.begin, fmt::format("more than {} values", limit));
    to.push_back(static_cast<std::int64_t>(field.value));
    return;
  }
  if (field.type != WireType::kBytes) fail_at(window.file(), field.begin, "a list of integers was expected");
  WireReader reader(window, field);
  while (reader.position_ < reader.end_) {
    if (to.size() >= limit)
      fail_at(window.file(), reader.position_, fmt::format("more than {} values", limit));
    to.push_back(static_cast<std::int64_t>(reader.read_varint()));
  }
}

std::string WireReader::read_text(FileWindow& window, const Field& field, std::size_t limit) {
  if (field.type != WireType::kBytes || field.size() > limit) {
    fail_at(window.file(), field.begin, fmt::format("a text of at most {} bytes was expected", limit));
  }
  std::string text(static_cast<std::size_t>(field.size()), '\0');
  window.file().read(field.begin, text.data(), text.size());
  return text;
}

}  // namespace octet::wire
