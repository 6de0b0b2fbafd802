// Borders: of one value around a map, or of the tensor's own values, which are taken once more.
#include <algorithm>
#include <utility>

#include "graph/validate.h"
#include "import/onnx/operators.h"
#include "import/onnx/rearrange.h"

namespace octet::onnx {
namespace {

/// The padding of each dimension, begins then ends, of `rank` dimensions.
std::vector<std::int64_t> pads_of_all_axes(const NodeImport& n, std::size_t rank) {
  const auto given = n.attribute_or_input("pads", 1);
  if (!given) n.invalid("pads are missing");
  std::vector<std::size_t> axes;
  if (n.has_input(3)) {
    for (const std::int64_t axis : n.integers(3, "axes")) axes.push_back(n.settle_axis(axis, rank));
  } else {
    for (std::size_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  if (given->size() != 2 * axes.size()) {
    n.invalid("{} pads for {} dimensions, expected {}", given->size(), axes.size(), 2 * axes.size());
  }
  std::vector<std::int64_t> pads(2 * rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    pads[axes[i]] = (*given)[i];
    pads[axes[i] + rank] = (*given)[i + axes.size()];
  }
  return pads;
}

struct Pads {
  std::int64_t before, behind;
};

/// Where along an axis of `size` the values of the padded one come from.
std::vector<std::int64_t> sources(const NodeImport& n, const std::string& mode, std::int64_t size,
                                  Pads pads) {
  const bool reflects = mode == "reflect", wraps = mode == "wrap";
  const std::int64_t most = reflects ? size - 1 : wraps ? size : graph::kMaxDimension;
  if (std::max(pads.before, pads.behind) > most)
    n.unsupported("mode '{}' with {} and {} around {}", mode, pads.before, pads.behind, size);
  std::vector<std::int64_t> result;
  for (std::int64_t i = -pads.before; i < size + pads.behind; ++i) {
    std::int64_t source = std::clamp<std::int64_t>(i, 0, size - 1);  // edge
    if (reflects) source = i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
    if (wraps) source = (i + size) % size;
    result.push_back(source);
  }
  return result;
}

/// Any axis, as the height of a map.
graph::TensorId pad_axis(NodeImport& n, graph::TensorId x, std::size_t axis, Pads pads, float value) {
  Dims dims = n.shape_of(x).dims();
  Dims map = {0, 1, dims[axis], 1};
  for (std::size_t i = 1; i < axis; ++i) map[1] *= dims[i];
  for (std::size_t i = axis + 1; i < dims.size(); ++i) map[3] *= dims[i];
  x = n.add_part("map", graph::Reshape{std::move(map)}, {x});
  x = n.add_part("padded", graph::Pad{.top = pads.before, .bottom = pads.behind, .value = value}, {x});
  dims[axis] += pads.before + pads.behind;
  dims[0] = 0;  // the batch stays
  return n.add_part("reshaped", graph::Reshape{std::move(dims)}, {x});
}

}  // namespace

void convert_pad(NodeImport& n) {
  const std::string mode = n.attributes().text("mode", "constant");
  const bool constant = mode == "constant";
  if (!constant && mode != "reflect" && mode != "edge" && mode != "wrap") n.invalid("mode '{}'", mode);
  const float value =
      n.has_input(2) ? n.real_scalar(2, "constant_value") : n.attributes().real("value", 0.0f);
  graph::TensorId x = n.tensor(0);
  const std::size_t rank = n.shape(0).rank();
  std::vector<std::int64_t> pads = pads_of_all_axes(n, rank);
  for (const std::int64_t pad : pads)
    if (pad < -graph::kMaxDimension || pad > graph::kMaxDimension) n.invalid("padding of {}", pad);
  // Negative ones take from the map.
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::int64_t first = std::max<std::int64_t>(0, -pads[axis]);
    const std::int64_t last = std::max<std::int64_t>(0, -pads[axis + rank]);
    const std::int64_t count = n.shape_of(x)[axis] - first - last;
    if (first == 0 && last == 0) continue;
    if (axis == 0 || count < 1)
      n.unsupported("padding of {} and {} of dimension {} of {}", pads[axis], pads[axis + rank], axis,
                    n.shape(0).to_string());
    x = take(n, x, axis, first, count, 1);
    pads[axis] = std::max<std::int64_t>(0, pads[axis]);
    pads[axis + rank] = std::max<std::int64_t>(0, pads[axis + rank]);
  }
  if (constant && rank == 4 && pads[2] + pads[3] + pads[6] + pads[7] > 0) {
    x = n.add_part("padded", graph::Pad{pads[2], pads[3], pads[6], pads[7], value}, {x});
    pads[2] = pads[3] = pads[6] = pads[7] = 0;
  }
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const Pads here{pads[axis], pads[axis + rank]};
    if (here.before == 0 && here.behind == 0) continue;
    if (axis == 0) n.unsupported("padding of the batch of {}", n.shape(0).to_string());
    x = constant ? pad_axis(n, x, axis, here, value)
                 : take(n, x, axis, sources(n, mode, n.shape_of(x)[axis], here));
  }
  n.add(graph::Identity{"Pad"}, {x});
}

}  // namespace octet::onnx
