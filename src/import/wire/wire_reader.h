// Protobuf's wire format read from a file without building messages: fields come one by one, and a payload is
// only a range of the file until somebody reads it. So a network of gigabytes (protobuf's own parser stops at
// 2 GiB) costs no memory but for the numbers that are wanted.
//
//   FileWindow window(file);                      // one small buffer, shared by all readers of the file
//   WireReader reader(window, 0, file.size());    // the top message
//   while (auto field = reader.next())            // ... WireReader(window, field->begin, field->end)
//
// Every length is checked against the message that holds it; what does not fit is Error(kParse) naming file
// and byte offset. Source: protobuf.dev/programming-guides/encoding.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "import/wire/input_file.h"

namespace octet::wire {

/// A buffered view of a file that moves with its readers.
class FileWindow {
 public:
  explicit FileWindow(const InputFile& file) : file_(file) {}
  const InputFile& file() const { return file_; }
  /// The buffered bytes from `offset` on: at least one if `offset` lies in the file, at least
  /// min(`wanted`, rest of the file) for `wanted` up to kSize.
  std::span<const std::uint8_t> bytes(std::uint64_t offset, std::size_t wanted);

  static constexpr std::size_t kSize = std::size_t{64} << 10;

 private:
  const InputFile& file_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t begin_ = 0;
};

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  std::uint64_t value = 0;           // of a varint
  std::uint64_t begin = 0, end = 0;  // of the payload, in bytes of the file

  std::uint64_t size() const { return end - begin; }
};

class WireReader {
 public:
  WireReader(FileWindow& window, std::uint64_t begin, std::uint64_t end)
      : window_(&window), position_(begin), end_(end) {}
  WireReader(FileWindow& window, const Field& message) : WireReader(window, message.begin, message.end) {}

  /// The next field, whose payload is skipped unless read; nullopt at the message's end.
  std::optional<Field> next();
  /// Offset of the next field.
  std::uint64_t position() const { return position_; }
  /// Goes on at `position`, the beginning of a field between here and the end.
  void seek(std::uint64_t position) { position_ = position; }
  std::uint64_t end() const { return end_; }

  /// The varints of a packed field, appended to `to`; Error(kParse) past `limit` of them.
  static void read_packed(FileWindow& window, const Field& field, std::size_t limit,
                          std::vector<std::int64_t>& to);
  /// The text of a field; Error(kParse) past `limit` bytes.
  static std::string read_text(FileWindow& window, const Field& field, std::size_t limit);

 private:
  std::uint64_t read_varint();
  [[noreturn]] void fail(std::uint64_t at, std::string_view what) const;

  FileWindow* window_;
  std::uint64_t position_;
  std::uint64_t end_;
};

/// Error(kParse): "FILE: byte AT: WHAT".
[[noreturn]] void fail_at(const InputFile& file, std::uint64_t at, std::string_view what);

}  // namespace octet::wire
