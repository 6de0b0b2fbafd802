// Parts of tensors. Dimension 0 of the graph's tensors is the batch, of which all is taken.
#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "graph/validate.h"
#include "import/onnx/constant_folding.h"
#include "import/onnx/operators.h"
#include "import/onnx/rearrange.h"

namespace octet::onnx {
namespace {

/// What one dimension of `size` gives from `start` to `end` in steps, by NumPy's rules.
SliceRange slice_range(const NodeImport& n, std::int64_t size, std::int64_t start, std::int64_t end,
                       std::int64_t step) {
  if (step == 0 || step > graph::kMaxElements || step < -graph::kMaxElements) n.invalid("a step of {}", step);
  const auto settle = [&](std::int64_t position) {
    if (position < 0) position += size;
    return step > 0 ? std::clamp<std::int64_t>(position, 0, size)
                    : std::clamp<std::int64_t>(position, -1, size - 1);
  };
  const std::int64_t first = settle(start), last = settle(end);
  const std::int64_t distance = step > 0 ? last - first : first - last;
  const std::int64_t stride = step > 0 ? step : -step;
  return {first, std::max<std::int64_t>(0, (distance + stride - 1) / stride), step};
}

struct SliceAxis {
  std::size_t axis;
  std::int64_t start, end, step;
};
std::vector<SliceAxis> slice_axes(const NodeImport& n, std::size_t rank) {
  const auto starts = n.attribute_or_input("starts", 1), ends = n.attribute_or_input("ends", 2);
  if (!starts || !ends) n.invalid("starts or ends are missing");
  std::vector<std::int64_t> all(starts->size());
  std::iota(all.begin(), all.end(), std::int64_t{0});
  const std::vector<std::size_t> axes = n.settle_axes(n.attribute_or_input("axes", 3).value_or(all), rank);
  std::vector<std::int64_t> steps(starts->size(), 1);
  if (n.has_input(4)) steps = n.integers(4, "steps");
  if (ends->size() != starts->size() || axes.size() != starts->size() || steps.size() != starts->size()) {
    n.invalid("{} starts, {} ends, {} axes and {} steps; expected as many of each", starts->size(),
              ends->size(), axes.size(), steps.size());
  }
  std::vector<SliceAxis> result;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    result.push_back({axes[i], (*starts)[i], (*ends)[i], steps[i]});
  }
  return result;
}

/// Tensors of the graph: any part of any dimension but the batch.
void slice_tensor(NodeImport& n, const std::vector<SliceAxis>& axes) {
  graph::TensorId x = n.tensor(0);
  const Shape shape = n.shape_of(x);
  for (const SliceAxis& slice : axes) {
    // A batch of any size has no end but one beyond all.
    const bool batch = slice.axis == 0;
    const std::int64_t size = batch ? std::numeric_limits<std::int32_t>::max() : shape[slice.axis];
    const SliceRange range = slice_range(n, size, slice.start, slice.end, slice.step);
    if (range.start == 0 && range.count == size && range.step == 1) continue;
    if (batch || range.count == 0)
      n.unsupported("takes {} of dimension {} of {}", batch ? "a part" : "nothing", slice.axis,
                    shape.to_string());
    if (range.step > 0) {
      x = take(n, x, slice.axis, range.start, range.count, range.step);
    } else {
      std::vector<std::int64_t> indices;
      for (std::int64_t i = 0; i < range.count; ++i) indices.push_back(range.start + i * range.step);
      x = take(n, x, slice.axis, indices);
    }
  }
  n.add(graph::Identity{"Slice"}, {x});
}

/// The sizes of a split's parts, which make up `size`.
std::vector<std::int64_t> split_sizes(const NodeImport& n, std::int64_t size) {
  const auto parts = static_cast<std::int64_t>(n.output_count());
  std::vector<std::int64_t> sizes;
  if (const auto given = n.attribute_or_input("split", 1)) {
    sizes = *given;
  } else {
    // The last part may be smaller, from operator set 18 on.
    const std::int64_t each = (size + parts - 1) / parts;
    if (size % parts != 0 && n.opset() < 18) n.invalid("{} parts of {}", parts, size);
    for (std::int64_t i = 0; i < parts; ++i) sizes.push_back(std::min(each, size - i * each));
  }
  std::int64_t sum = 0;
  for (const std::int64_t part : sizes) {
    if (part < 1 || part > size) n.invalid("a part of {} of {}", part, size);
    sum += part;
  }
  if (sum != size || static_cast<std::int64_t>(sizes.size()) != parts)
    n.invalid("{} parts with a sum of {} for {} outputs of {}", sizes.size(), sum, parts, size);
  return sizes;
}

}  // namespace

void convert_slice(NodeImport& n) {
  const Dims from = n.dims(0);
  const std::vector<SliceAxis> axes = slice_axes(n, from.size());
  if (!n.is_constant(0)) return slice_tensor(n, axes);
  std::vector<SliceRange> ranges;
  for (const std::int64_t size : from) ranges.push_back({0, size, 1});
  for (const SliceAxis& slice : axes) {
    ranges[slice.axis] = slice_range(n, from[slice.axis], slice.start, slice.end, slice.step);
  }
  n.set_output(fold_slice(n, n.constant(0, "data"), ranges));
}

void convert_split(NodeImport& n) {
  const Dims from = n.dims(0);
  const std::size_t axis = n.settle_axis(n.attributes().integer("axis", 0), from.size());
  const bool constant = n.is_constant(0);
  if (!constant && axis == 0) n.unsupported("splits the batch of {}", to_string(from));
  const std::vector<std::int64_t> sizes = split_sizes(n, from[axis]);
  std::int64_t first = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (constant) {
      std::vector<SliceRange> ranges;
      for (const std::int64_t size : from) ranges.push_back({0, size, 1});
      ranges[axis] = {first, sizes[i], 1};
      n.set_output(i, fold_slice(n, n.constant(0, "data"), ranges));
    } else {
      n.add_output(i, graph::Identity{"Split"}, {take(n, n.tensor(0), axis, first, sizes[i], 1)});
    }
    first += sizes[i];
  }
}

void convert_gather(NodeImport& n) {
  const Constant& indices = n.constant(1, "indices");
  if (indices.is_real()) n.invalid("the indices are floats, expected integers");
  const Dims from = n.dims(0);
  const std::size_t axis = n.settle_axis(n.attributes().integer("axis", 0), from.size());
  if (n.is_constant(0)) {
    n.set_output(fold_gather(n, n.constant(0, "data"), indices, axis));
    return;
  }
  if (axis == 0) n.unsupported("takes images out of the batch of {}", to_string(from));
  std::vector<std::int64_t> places;
  for (const ShapeNumber number : indices.integers) {
    const std::int64_t index = number.value;
    if (number.times_batch) n.unsupported("an index of {}", number.to_string());
    if (index < -from[axis] || index >= from[axis]) n.invalid("index {} of {}", index, from[axis]);
    places.push_back(index < 0 ? index + from[axis] : index);
  }
  if (places.empty()) n.unsupported("takes nothing of dimension {} of {}", axis, to_string(from));
  const graph::TensorId taken = take(n, n.tensor(0), axis, places);
  Dims to = n.shape_of(taken).dims();
  const auto place = to.erase(to.begin() + static_cast<std::ptrdiff_t>(axis));
  to.insert(place, indices.dims.begin(), indices.dims.end());
  to[0] = 0;
  n.add(graph::Reshape{std::move(to)}, {taken});
}

}  // namespace octet::onnx
