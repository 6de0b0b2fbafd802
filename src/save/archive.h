// Values as bytes and back. What a struct consists of is said once, in a function fields() that both
// directions use.
//
// Little-endian, no padding; a list or a text is its length and then its entries; an optional value and a
// variant begin with a byte that says which. A Reader trusts nothing: each length is compared with the bytes
// that are left before anything is allocated, each enumeration and each boolean with the values there are.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace octet::save {

/// How a fields() function takes its struct: Writers only look at it.
template <class Archive, class T>
using Field = std::conditional_t<Archive::kReads, T, const T>;

/// An enumeration's last value, the first being 0; specialised beside the fields() that need it (of others,
/// reading does not compile).
template <class Enum>
inline constexpr std::nullptr_t kLast = nullptr;

/// Unsigned integer of the same width.
template <class T>
using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

template <class T>
concept Number = (std::integral<T> || std::floating_point<T>)&&(sizeof(T) == 4 || sizeof(T) == 8);

class Writer {
 public:
  static constexpr bool kReads = false;

  template <class... T>
  void operator()(const T&... values) {
    (write(values), ...);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void write_bits(std::uint64_t bits, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_.push_back(static_cast<char>(bits >> (8 * i) & 0xff));
  }
  void write_size(std::size_t size) { write_bits(size, 8); }

  void write(const bool& value) { write_bits(value ? 1 : 0, 1); }
  void write(const std::string& text) {
    write_size(text.size());
    bytes_ += text;
  }
  template <class T>
  void write(const T& value) {
    if constexpr (Number<T>) {
      write_bits(std::bit_cast<Bits<T>>(value), sizeof value);
    } else if constexpr (std::is_enum_v<T>) {
      write_bits(static_cast<std::uint64_t>(value), 1);
    } else {
      fields(*this, value);
    }
  }
  template <class T>
  void write(const std::vector<T>& values) {
    write_size(values.size());
    for (const T& value : values) write(value);
  }
  template <class T>
  void write(const std::map<std::string, T>& values) {
    write_size(values.size());
    for (const auto& [key, value] : values) write(key), write(value);
  }
  template <class T>
  void write(const std::optional<T>& value) {
    write(value.has_value());
    if (value) write(*value);
  }
  template <class... T>
  void write(const std::variant<T...>& value) {
    write_bits(value.index(), 1);
    std::visit([this](const auto& alternative) { this->write(alternative); }, value);
  }

  std::string bytes_;
};

class Reader {
 public:
  static constexpr bool kReads = true;

  /// `name` and `offset`, the place of the bytes in it, are for messages. Both must outlive the reader.
  Reader(std::string_view name, std::span<const std::byte> bytes, std::size_t offset)
      : name_(name), bytes_(bytes), offset_(offset) {}

  /// Throws Error(kParse) naming file and byte.
  template <class... T>
  void operator()(T&... values) {
    (read(values), ...);
  }
  /// Throws Error(kParse) if bytes are left.
  void expect_end() const;
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::size_t left() const { return bytes_.size() - at_; }
  std::uint64_t read_bits(int bytes);
  /// A length; every entry takes a byte at least.
  std::size_t read_size();
  /// A byte that must be one of 0 .. last.
  std::uint8_t read_choice(std::size_t last, const char* what);

  void read(bool& value) { value = read_choice(1, "truth value") != 0; }
  void read(std::string& text);
  template <class T>
  void read(T& value) {
    if constexpr (Number<T>) {
      value = std::bit_cast<T>(static_cast<Bits<T>>(read_bits(sizeof value)));
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(read_choice(static_cast<std::size_t>(kLast<T>), "enumeration"));
    } else {
      fields(*this, value);
    }
  }
  template <class T>
  void read(std::vector<T>& values) {
    const std::size_t size = read_size();
    values.clear();
    for (std::size_t i = 0; i < size; ++i) read(values.emplace_back());
  }
  template <class T>
  void read(std::map<std::string, T>& values) {
    const std::size_t size = read_size();
    values.clear();
    for (std::size_t i = 0; i < size; ++i) {
      std::string key;
      read(key);
      read(values[std::move(key)]);
    }
  }
  template <class T>
  void read(std::optional<T>& value) {
    bool there;
    read(there);
    value.reset();
    if (there) read(value.emplace());
  }
  template <class... T>
  void read(std::variant<T...>& value) {
    const std::size_t index = read_choice(sizeof...(T) - 1, "kind");
    read_alternative(value, index, std::index_sequence_for<T...>());
  }
  template <class Variant, std::size_t... kIndices>
  void read_alternative(Variant& value, std::size_t index, std::index_sequence<kIndices...>) {
    ((kIndices == index ? read(value.template emplace<kIndices>()) : void()), ...);
  }

  std::string_view name_;
  std::span<const std::byte> bytes_;
  std::size_t offset_;
  std::size_t at_ = 0;
};

/// fields() of a struct, all of whose members must be listed in order: one that is added to the struct and
/// not here does not compile.
#define OCTET_FIELDS(Type, ...)                                \
  template <class Archive>                                     \
  void fields(Archive& archive, Field<Archive, Type>& whole) { \
    auto& [__VA_ARGS__] = whole;                               \
    archive(__VA_ARGS__);                                      \
  }

}  // namespace octet::save
