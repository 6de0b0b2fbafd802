#include "tools/support/npy.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>
#include <vector>

#include "octet/error.h"

namespace octet::tools {
namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr std::size_t kMagicBytes = 6;
constexpr std::size_t kMaxHeaderBytes = 1 << 16;
constexpr std::size_t kHeaderAlignment = 64;

[[noreturn]] void fail(ErrorCode code, const std::string& name, const std::string& message) {
  throw Error(code, name + ": " + message);
}

/// The few tokens of a Python literal that a header is made of.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr" && !has_type) {
        header.type = type();
        has_type = true;
      } else if (key == "fortran_order" && !has_order) {
        require_c_order();
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        header.shape = shape();
        has_shape = true;
      } else {
        broken(fmt::format("unexpected key '{}'", key));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size()) broken("text after the dictionary");
    if (!has_type || !has_order || !has_shape) broken("expected the keys descr, fortran_order and shape");
    return header;
  }

 private:
  [[noreturn]] void broken(const std::string& why) const {
    fail(ErrorCode::kParse, name_, fmt::format("broken .npy header at byte {}: {}", at_, why));
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) broken(fmt::format("expected '{}'", c));
  }
  bool accept_word(std::string_view word) {
    skip_spaces();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  std::string string() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') broken("expected a quoted word");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) broken("unfinished quotation");
    std::string word(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return word;
  }
  DataType type() {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '[')
      fail(ErrorCode::kUnsupported, name_, "structured arrays are not read; expected <f4 or |u1");
    const std::string word = string();
    if (word == "<f4") return DataType::kFloat32;
    if (word == "|u1" || word == "<u1" || word == "u1") return DataType::kUInt8;
    fail(ErrorCode::kUnsupported, name_,
         fmt::format("expected FP32 (<f4) or u8 (|u1) elements, got '{}'; convert with x.astype('<f4')",
                     word));
  }
  void require_c_order() {
    if (accept_word("False")) return;
    if (!accept_word("True")) broken("expected True or False");
    fail(ErrorCode::kUnsupported, name_,
         "the array is in Fortran order; convert with numpy.ascontiguousarray(x)");
  }
  Shape shape() {
    std::vector<std::int64_t> dims;
    expect('(');
    while (!accept(')')) {
      skip_spaces();
      std::int64_t dim = 0;
      const char* end = text_.data() + text_.size();
      const auto [stop, error] = std::from_chars(text_.data() + at_, end, dim);
      if (error != std::errc() || dim < 0) broken("expected a dimension, a whole number of 0 or more");
      at_ = static_cast<std::size_t>(stop - text_.data());
      dims.push_back(dim);
      if (dims.size() > 32) broken("more than 32 dimensions");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return Shape(std::move(dims));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const std::string& name_;
};

/// Bytes of the array; nothing if the product does not fit.
std::optional<std::uint64_t> array_bytes(const NpyHeader& header) {
  std::uint64_t bytes = size_of(header.type);
  for (std::int64_t dim : header.shape.dims())
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(dim), &bytes)) return std::nullopt;
  return bytes;
}

}  // namespace

NpyHeader parse_npy_header(std::string_view dictionary, const std::string& name) {
  return HeaderParser(dictionary, name).parse();
}

NpyReader::NpyReader(const std::filesystem::path& path) : path_(path) {
  const std::string name = path.string();
  std::error_code error;
  const std::uintmax_t file_bytes = std::filesystem::file_size(path, error);
  if (error) fail(ErrorCode::kNotFound, name, "cannot be read: " + error.message());
  file_.open(path, std::ios::binary);
  if (!file_) fail(ErrorCode::kIo, name, "cannot be opened");

  std::array<unsigned char, 12> start{};
  file_.read(reinterpret_cast<char*>(start.data()), 10);
  if (!file_ || std::memcmp(start.data(), kMagic, kMagicBytes) != 0)
    fail(ErrorCode::kParse, name, "is not a .npy array (expected it to start with \\x93NUMPY)");
  const int version = start[6];
  if (version < 1 || version > 3)
    fail(ErrorCode::kUnsupported, name, fmt::format(".npy version {}, expected 1 to 3", version));
  std::size_t header_bytes = start[8] + 256u * start[9];
  std::size_t prefix_bytes = 10;
  if (version > 1) {
    file_.read(reinterpret_cast<char*>(start.data() + 10), 2);
    header_bytes += 65536u * start[10] + 16777216u * start[11];
    prefix_bytes = 12;
  }
  if (!file_ || header_bytes > kMaxHeaderBytes || header_bytes > file_bytes)
    fail(ErrorCode::kParse, name, fmt::format("broken .npy header: it claims {} bytes", header_bytes));
  std::string dictionary(header_bytes, '\0');
  file_.read(dictionary.data(), static_cast<std::streamsize>(header_bytes));
  if (!file_) fail(ErrorCode::kParse, name, "cut off in the .npy header");
  header_ = parse_npy_header(dictionary, name);

  const std::optional<std::uint64_t> bytes = array_bytes(header_);
  const std::uint64_t present = file_bytes - prefix_bytes - header_bytes;
  if (!bytes || *bytes != present)
    fail(ErrorCode::kParse, name,
         fmt::format("the array {} of {} needs {} bytes, the file holds {}", header_.shape.to_string(),
                     to_string(header_.type), bytes ? std::to_string(*bytes) : "more than 2^64", present));
}

void NpyReader::read(std::span<float> elements) { read_bytes(elements.data(), elements.size_bytes()); }
void NpyReader::read(std::span<std::uint8_t> elements) { read_bytes(elements.data(), elements.size_bytes()); }

void NpyReader::read_bytes(void* to, std::size_t bytes) {
  file_.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
  if (!file_) fail(ErrorCode::kIo, path_.string(), "reading failed");
}

NpyWriter::NpyWriter(const std::filesystem::path& path, const Shape& shape, DataType type) : file_(path) {
  std::string dims;
  for (std::int64_t dim : shape.dims()) dims += fmt::format("{}, ", dim);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   type == DataType::kUInt8 ? "|u1" : "<f4", dims);
  const std::size_t unpadded = kMagicBytes + 4 + header.size() + 1;
  header.append((kHeaderAlignment - unpadded % kHeaderAlignment) % kHeaderAlignment, ' ');
  header += '\n';
  const char version_and_size[] = {1, 0, static_cast<char>(header.size() & 255),
                                   static_cast<char>(header.size() >> 8)};
  file_.write({kMagic, kMagicBytes});
  file_.write({version_and_size, sizeof version_and_size});
  file_.write(header);
}

void NpyWriter::write(std::span<const float> elements) {
  file_.write({reinterpret_cast<const char*>(elements.data()), elements.size_bytes()});
}

void NpyWriter::write(std::span<const std::uint8_t> elements) {
  file_.write({reinterpret_cast<const char*>(elements.data()), elements.size()});
}

void NpyWriter::finish() { file_.commit(); }

}  // namespace octet::tools
