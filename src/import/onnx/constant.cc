#include "import/onnx/constant.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace octet::onnx {

std::string ShapeNumber::to_string() const {
  if (!times_batch) return fmt::format("{}", value);
  return value == 1 ? "batch" : fmt::format("{}*batch", value);
}

Constant Constant::of_reals(Dims dims, std::span<const float> values) {
  base::AlignedBuffer buffer(values.size_bytes());
  std::copy(values.begin(), values.end(), buffer.floats());
  return of_reals(std::move(dims), std::move(buffer));
}

Constant Constant::of_reals(Dims dims, base::AlignedBuffer values) {
  Constant result;
  result.dims = std::move(dims);
  result.reals = std::make_shared<const base::AlignedBuffer>(std::move(values));
  return result;
}

Constant Constant::of_integers(Dims dims, std::vector<ShapeNumber> values) {
  Constant result;
  result.dims = std::move(dims);
  result.integers = std::move(values);
  return result;
}

Constant Constant::of_integers(const std::vector<std::int64_t>& values) {
  std::vector<ShapeNumber> numbers;
  for (const std::int64_t value : values) numbers.push_back({value, false});
  return of_integers({static_cast<std::int64_t>(values.size())}, std::move(numbers));
}

std::int64_t Constant::elements() const { return element_count(dims); }

std::span<const float> Constant::real_values() const {
  return {reals->floats(), static_cast<std::size_t>(elements())};
}

graph::Weights Constant::as_weights(Shape shape) const {
  const bool by_channel = shape.rank() > 1 && !dims.empty() && dims[0] == shape[0];
  return graph::Weights(std::move(shape), reals).with_scales(by_channel ? scales_along(0) : nullptr);
}

std::shared_ptr<const std::vector<float>> Constant::scales_along(std::size_t axis) const {
  if (!scales || axis >= dims.size()) return nullptr;
  const auto size = static_cast<std::size_t>(dims[axis]);
  if (scales->values.size() == 1) return std::make_shared<std::vector<float>>(size, scales->values[0]);
  if (scales->axis != axis) return nullptr;
  return {scales, &scales->values};
}

std::string Constant::shape_text() const { return onnx::to_string(dims); }

std::int64_t element_count(const Dims& dims) {
  std::int64_t product = 1;
  for (const std::int64_t dim : dims) product *= dim;
  return product;
}

std::string to_string(const Dims& dims) {
  return dims.empty() ? "a scalar" : fmt::format("{}", fmt::join(dims, "x"));
}

}  // namespace octet::onnx
