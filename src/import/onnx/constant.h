// A tensor whose values are known while a network is imported: an initializer, or what is computed from
// initializers and shapes.
//
// ONNX files compute shapes at run time: they take the shape of a feature map, the batch with it, and reshape
// to what comes out. In Octet's graph the batch is free, so an integer here may be a multiple of the batch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "graph/graph.h"
#include "import/onnx/onnx_model.h"

namespace octet::onnx {

using Dims = std::vector<std::int64_t>;

/// `value`, or `value` times the number of images in a batch.
struct ShapeNumber {
  std::int64_t value = 0;
  bool times_batch = false;

  bool operator==(const ShapeNumber&) const = default;
  std::string to_string() const;  // "3", "batch", "2*batch"
};

/// Of real values that are 8-bit integers times these: one for each position along `axis`, or one for all.
struct StoredScales {
  std::vector<float> values;
  std::size_t axis = 0;
};

struct Constant {
  Dims dims;  // none: a scalar
  /// Row-major; exactly one of both. Integers stand for all of ONNX's integer types and for bool.
  std::shared_ptr<const base::AlignedBuffer> reals;
  std::vector<ShapeNumber> integers;
  ElementType integer_type = ElementType::kInt64;        // as the file has them
  std::shared_ptr<const StoredScales> scales = nullptr;  // of reals only

  static Constant of_reals(Dims dims, std::span<const float> values);
  static Constant of_reals(Dims dims, base::AlignedBuffer values);
  static Constant of_integers(Dims dims, std::vector<ShapeNumber> values);
  /// One dimension.
  static Constant of_integers(const std::vector<std::int64_t>& values);

  bool is_real() const { return reals != nullptr; }
  std::int64_t elements() const;
  std::span<const float> real_values() const;
  /// The values share the storage. `shape` has as many elements.
  graph::Weights as_weights(Shape shape) const;
  /// What graph::Weights::scales() is of weights whose dimension 0 is `axis` here, with its size; null if the
  /// values are no integers times one scale for each position along it.
  std::shared_ptr<const std::vector<float>> scales_along(std::size_t axis) const;
  std::string shape_text() const;  // "64x3x7x7", "a scalar"
};

/// Product of `dims`, which are known to be small enough.
std::int64_t element_count(const Dims& dims);
std::string to_string(const Dims& dims);  // "64x3x7x7", "a scalar"

}  // namespace octet::onnx
