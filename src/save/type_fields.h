// Octet's public value types, for an Archive.
#pragma once

#include "octet/types.h"
#include "save/archive.h"

namespace octet::save {

template <>
struct Last<Precision> {
  static constexpr auto kValue = Precision::kMixed;
};
template <>
struct Last<Isa> {
  static constexpr auto kValue = Isa::kAmx;
};

inline void fields(Writer& archive, const Shape& shape) { archive(shape.dims()); }
inline void fields(Reader& archive, Shape& shape) {
  std::vector<std::int64_t> dims;
  archive(dims);
  shape = Shape(std::move(dims));
}

}  // namespace octet::save
