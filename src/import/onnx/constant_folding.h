// What ONNX's operators compute of constants. Integers may be multiples of the batch and stay so: only what
// is still such a multiple can be computed of them.
//
// `n` is the node in whose name errors are thrown and memory is reserved.
#pragma once

#include <cstdint>
#include <vector>

#include "import/onnx/constant.h"
#include "import/onnx/node_import.h"

namespace octet::onnx {

enum class Arithmetic { kAdd, kSubtract, kMultiply, kDivide, kMaximum, kMinimum };

/// Element by element with NumPy's broadcasting. Integers divide as in C.
Constant fold_arithmetic(NodeImport& n, Arithmetic kind, const Constant& a, const Constant& b);

/// The same values in other dimensions, of which there are as many elements.
Constant with_dims(const Constant& from, Dims dims);

/// Output dimension i is input dimension permutation[i].
Constant fold_transpose(NodeImport& n, const Constant& from, const std::vector<std::size_t>& permutation);

/// What a slice takes of one dimension.
struct SliceRange {
  std::int64_t start = 0, count = 0, step = 1;
};
/// One range a dimension.
Constant fold_slice(NodeImport& n, const Constant& from, const std::vector<SliceRange>& ranges);

/// Indices below 0 count from the end.
Constant fold_gather(NodeImport& n, const Constant& from, const Constant& indices, std::size_t axis);

/// At least one part; all real or all integers.
Constant fold_concat(NodeImport& n, const std::vector<const Constant*>& parts, std::size_t axis);

/// Each real value by `function`; integers stay.
Constant fold_rounding(NodeImport& n, const Constant& from, float (*function)(float));
Constant fold_cast(NodeImport& n, const Constant& from, ElementType to);

/// The product over `axes`, which stay as dimensions of 1 if `keep`.
Constant fold_product(NodeImport& n, const Constant& from, const std::vector<std::size_t>& axes, bool keep);

}  // namespace octet::onnx
