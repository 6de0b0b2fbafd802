#include "import/onnx/rearrange.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace octet::onnx {
namespace {

std::int64_t product(const Dims& dims, std::size_t begin, std::size_t end) {
  return std::accumulate(dims.begin() + static_cast<std::ptrdiff_t>(begin),
                         dims.begin() + static_cast<std::ptrdiff_t>(end), std::int64_t{1},
                         std::multiplies<>());
}

/// Dimensions behind the batch.
graph::TensorId reshaped(NodeImport& n, graph::TensorId x, Dims behind_batch) {
  behind_batch.insert(behind_batch.begin(), 0);  // the batch stays
  return n.add_part("reshaped", graph::Reshape{std::move(behind_batch)}, {x});
}

/// {N, rows, columns, behind...} to {N, columns, rows, behind...}, of which one dimension is made.
graph::TensorId transpose(NodeImport& n, graph::TensorId x, std::int64_t rows, std::int64_t columns,
                          const Dims& behind) {
  Dims dims = {rows * columns};
  dims.insert(dims.end(), behind.begin(), behind.end());
  return n.add_part("shuffled", graph::ChannelShuffle{rows}, {reshaped(n, x, std::move(dims))});
}

/// {N, A, K, B} around an axis.
struct Around {
  std::int64_t before, size, behind;
};
Around around(const Dims& dims, std::size_t axis) {
  return {product(dims, 1, axis), dims[axis], product(dims, axis + 1, dims.size())};
}

/// Channels `start`, `start` + `step` ...: those of a block of `count` * `step` channels, as a matrix of
/// `count` rows transposed, are a row. The block must lie within the channels.
graph::TensorId take_channels(NodeImport& n, graph::TensorId x, std::int64_t start, std::int64_t count,
                              std::int64_t step) {
  const auto slice = [&](graph::TensorId from, std::int64_t first, std::int64_t channels) {
    return n.add_part("sliced", graph::Slice{first, channels}, {from});
  };
  if (step == 1 || count == 1) return slice(x, start, count);
  const std::int64_t size = n.shape_of(x)[1];
  const std::int64_t offset = std::max<std::int64_t>(0, start + count * step - size);
  if (offset > start || offset >= step) {
    n.unsupported("takes every {}th of {} from {} on, which begin or end within a step", step, size, start);
  }
  const graph::TensorId block = slice(x, start - offset, count * step);
  return slice(n.add_part("shuffled", graph::ChannelShuffle{count}, {block}), offset * count, count);
}

}  // namespace

graph::TensorId permute(NodeImport& n, graph::TensorId x, const std::vector<std::size_t>& permutation) {
  const Dims dims = n.shape_of(x).dims();
  std::vector<std::size_t> order(dims.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto size_of_run = [&](std::size_t begin, std::size_t end) {
    std::int64_t size = 1;
    for (std::size_t i = begin; i < end; ++i) size *= dims[order[i]];
    return size;
  };
  // From the last place on: the axis that belongs there and all before it change places with what is between.
  for (std::size_t place = dims.size(); place-- > 1;) {
    const auto wanted = std::find(order.begin(), order.end(), permutation[place]);
    const auto middle = static_cast<std::size_t>(wanted - order.begin()) + 1;
    if (middle > place) continue;
    const std::int64_t rows = size_of_run(1, middle), columns = size_of_run(middle, place + 1);
    if (rows > 1 && columns > 1) {
      Dims behind;
      for (std::size_t i = place + 1; i < order.size(); ++i) behind.push_back(dims[order[i]]);
      if (behind.size() > 2) behind = {size_of_run(place + 1, order.size())};  // a map has height and width
      x = transpose(n, x, rows, columns, behind);
    }
    std::rotate(order.begin() + 1, order.begin() + static_cast<std::ptrdiff_t>(middle),
                order.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
  return x;
}

graph::TensorId axis_to_channels(NodeImport& n, graph::TensorId x, std::size_t axis) {
  if (axis == 1) return x;
  const auto [before, size, behind] = around(n.shape_of(x).dims(), axis);
  if (before > 1 && size > 1) x = transpose(n, x, before, size, {behind});
  return reshaped(n, x, {size, before, behind});
}

graph::TensorId channels_to_axis(NodeImport& n, graph::TensorId x, const Dims& dims, std::size_t axis) {
  if (axis == 1) return x;
  const auto [before, size, behind] = around(dims, axis);
  if (before > 1 && size > 1) x = transpose(n, x, size, before, {behind});
  return reshaped(n, x, Dims(dims.begin() + 1, dims.end()));
}

graph::TensorId take(NodeImport& n, graph::TensorId x, std::size_t axis, std::int64_t start,
                     std::int64_t count, std::int64_t step) {
  Dims dims = n.shape_of(x).dims();
  dims[axis] = count;
  return channels_to_axis(n, take_channels(n, axis_to_channels(n, x, axis), start, count, step), dims, axis);
}

graph::TensorId take(NodeImport& n, graph::TensorId x, std::size_t axis,
                     const std::vector<std::int64_t>& indices) {
  constexpr std::size_t kMostRuns = 64;
  Dims dims = n.shape_of(x).dims();
  const graph::TensorId channels = axis_to_channels(n, x, axis);
  std::vector<graph::TensorId> parts;
  for (std::size_t begin = 0; begin < indices.size();) {
    std::size_t end = begin + 1;
    while (end < indices.size() && indices[end] == indices[end - 1] + 1) ++end;
    if (parts.size() == kMostRuns) {
      n.unsupported("takes more than {} runs of neighbours along dimension {} of {}", kMostRuns, axis,
                    to_string(dims));
    }
    parts.push_back(take_channels(n, channels, indices[begin], static_cast<std::int64_t>(end - begin), 1));
    begin = end;
  }
  dims[axis] = static_cast<std::int64_t>(indices.size());
  const graph::TensorId taken =
      parts.size() == 1 ? parts[0] : n.add_part("joined", graph::Concat{}, std::move(parts));
  return channels_to_axis(n, taken, dims, axis);
}

}  // namespace octet::onnx
