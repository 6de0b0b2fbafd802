// Octet's public value types, for an Archive.
#pragma once

#include "octet/types.h"
#include "save/archive.h"

namespace octet::save {

template <>
inline constexpr auto kLast<Precision> = Precision::kMixed;
template <>
inline constexpr auto kLast<Isa> = Isa::kAmx;

inline void fields(Writer& archive, const Shape& shape) { archive(shape.dims()); }
inline void fields(Reader& archive, Shape& shape) {
  std::vector<std::int64_t> dims;
  archive(dims);
  shape = Shape(std::move(dims));
}

}  // namespace octet::save
