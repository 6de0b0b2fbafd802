// Small value types shared by the whole public interface: element types, precisions, instruction sets,
// shapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/api.h"

namespace octet {

enum class DataType { kFloat32, kBFloat16, kUInt8, kInt8, kInt16, kInt32 };
OCTET_API std::size_t size_of(DataType type);
OCTET_API const char* to_string(DataType type);

/// How a network or a layer is computed. kInt8: u8 activations x s8 weights; kInt16: s16 activations x s8
/// weights; `kMixed`, of a network only, follows the precision of each layer in the calibration.
enum class Precision { kFloat32, kBFloat16, kInt8, kInt16, kMixed };
/// The command line's words: "fp32", "bf16", "int8", "int16", "mixed".
OCTET_API const char* to_string(Precision precision);
OCTET_API Precision parse_precision(std::string_view text);

/// CPU instruction sets in rising order. Each includes what stands before it, as compiled (see
/// cmake/octet_component.cmake).
enum class Isa { kGeneric, kAvx2, kAvx512, kAvx512Vnni, kAvx512Bf16, kAmx };
inline constexpr Isa kAllIsas[] = {Isa::kGeneric,    Isa::kAvx2,       Isa::kAvx512,
                                   Isa::kAvx512Vnni, Isa::kAvx512Bf16, Isa::kAmx};
OCTET_API const char* to_string(Isa isa);  // "generic", "avx2", "avx512", "avx512vnni", "avx512bf16", "amx"
/// Throws Error(kInvalidArgument) for any other word; "auto" is not an instruction set and is refused here
/// too.
OCTET_API Isa parse_isa(std::string_view text);

/// Sizes of a tensor's dimensions, outermost first. A feature map is {N, C, H, W}; in a Network N is
/// always 1.
class OCTET_API Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<std::int64_t> dims) : dims_(std::move(dims)) {}

  std::size_t rank() const { return dims_.size(); }
  std::int64_t operator[](std::size_t i) const { return dims_[i]; }
  std::int64_t& operator[](std::size_t i) { return dims_[i]; }
  /// Dimension i, or 1 where the shape has fewer: a {1, 1000} vector is a {1, 1000, 1, 1} feature map.
  std::int64_t dim_or_1(std::size_t i) const { return i < dims_.size() ? dims_[i] : 1; }
  const std::vector<std::int64_t>& dims() const { return dims_; }
  /// Number of elements. The product is known to fit: shapes are checked when they are made
  /// (graph/shape_inference.h).
  std::int64_t elements() const;
  /// Elements of one image: the product of all dimensions after the first.
  std::int64_t elements_per_image() const;
  std::string to_string() const;  // "1x3x224x224"
  bool operator==(const Shape&) const = default;

 private:
  std::vector<std::int64_t> dims_;
};

/// "4 KiB", "1.5GiB", "1000" -> bytes. Throws Error(kInvalidArgument).
OCTET_API std::uint64_t parse_size(std::string_view text);
/// 1536 -> "1.5 KiB".
OCTET_API std::string format_bytes(std::uint64_t bytes);

}  // namespace octet
