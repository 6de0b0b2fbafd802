#include "octet/types.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "octet/error.h"

namespace octet {
namespace {

constexpr std::array kPrecisionNames = {"fp32", "bf16", "int8", "int16", "mixed"};
constexpr std::array kIsaNames = {"generic", "avx2", "avx512", "avx512vnni", "avx512bf16", "amx"};

template <typename Enum, std::size_t N>
Enum parse_word(std::string_view text, const std::array<const char*, N>& names, std::string_view what) {
  for (std::size_t i = 0; i < N; ++i) {
    if (text == names[i]) return static_cast<Enum>(i);
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: expected one of {}, got '{}'", what, fmt::join(names, ", "), text));
}

}  // namespace

std::size_t size_of(DataType type) {
  switch (type) {
    case DataType::kFloat32:
    case DataType::kInt32:
      return 4;
    case DataType::kBFloat16:
    case DataType::kInt16:
      return 2;
    case DataType::kUInt8:
    case DataType::kInt8:
      return 1;
  }
  return 0;
}

const char* to_string(DataType type) {
  constexpr std::array names = {"f32", "bf16", "u8", "s8", "s16", "s32"};
  return names[static_cast<std::size_t>(type)];
}

const char* to_string(Precision precision) { return kPrecisionNames[static_cast<std::size_t>(precision)]; }
Precision parse_precision(std::string_view text) {
  return parse_word<Precision>(text, kPrecisionNames, "precision");
}

const char* to_string(Isa isa) { return kIsaNames[static_cast<std::size_t>(isa)]; }
Isa parse_isa(std::string_view text) { return parse_word<Isa>(text, kIsaNames, "instruction set"); }

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (std::int64_t d : dims_) product *= d;
  return product;
}

std::int64_t Shape::elements_per_image() const {
  std::int64_t product = 1;
  for (std::size_t i = 1; i < dims_.size(); ++i) product *= dims_[i];
  return product;
}

std::string Shape::to_string() const { return fmt::format("{}", fmt::join(dims_, "x")); }

std::uint64_t parse_size(std::string_view text) {
  const auto fail = [&]() -> Error {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("size: expected a number with KiB, MiB or GiB, got '{}'", text));
  };
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !(value >= 0) || !std::isfinite(value)) throw fail();
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  double factor = 1;
  if (unit == "KiB") {
    factor = 1024.0;
  } else if (unit == "MiB") {
    factor = 1024.0 * 1024;
  } else if (unit == "GiB") {
    factor = 1024.0 * 1024 * 1024;
  } else if (!unit.empty() && unit != "B") {
    throw fail();
  }
  if (value * factor >= 0x1p63) throw fail();
  return static_cast<std::uint64_t>(value * factor);
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) value /= 1024, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace octet
