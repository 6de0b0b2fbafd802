#include "import/caffe/weight_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <utility>

#include "base/aligned_buffer.h"
#include "graph/validate.h"
#include "import/caffe/fail.h"
#include "octet/error.h"

namespace octet::caffe {
namespace {

using base::AlignedBuffer;
using graph::Graph;
using graph::Node;
using graph::Weights;

void check_channel_axis(const Graph& graph, const Node& node, std::int64_t axis) {
  const auto rank = static_cast<std::int64_t>(graph.shape(node.inputs[0]).rank());
  if ((axis < 0 ? axis + rank : axis) != 1) {
    fail(ErrorCode::kUnsupported, node.origin, "axis is {}; Octet has {} along axis 1, the channels, only",
         axis, graph::op_name(node.op));
  }
}

/// Dimensions without the leading ones: {1, 1, 10, 20}, as the legacy form has an inner product's weights,
/// and {10, 20} are the same thing.
std::span<const std::int64_t> significant(const std::vector<std::int64_t>& dims) {
  std::span<const std::int64_t> rest(dims);
  while (!rest.empty() && rest.front() == 1) rest = rest.subspan(1);
  return rest;
}

void check_blob(const Node& node, const std::string& file, std::size_t index, const BlobEntry& blob,
                const Shape& expected) {
  if (!std::ranges::equal(significant(blob.dims), significant(expected.dims())) || blob.dims.empty()) {
    fail(ErrorCode::kMismatch, node.origin, "blob {} is {} in {}, expected {}", index, blob.shape_text(),
         file, expected.to_string());
  }
  if (blob.values != static_cast<std::uint64_t>(expected.elements())) {
    fail(ErrorCode::kMismatch, node.origin, "blob {} is {} ({} values), but {} holds {} values for it", index,
         expected.to_string(), expected.elements(), file, blob.values);
  }
}

const LayerEntry& find_layer(const Node& node, const LayerBlobs& expected, const Caffemodel& model) {
  const LayerEntry* layer = model.find(expected.layer);
  if (layer == nullptr) {
    fail(ErrorCode::kMismatch, node.origin, "{} has no layer '{}'", model.file(), expected.layer);
  }
  if (layer->blobs.size() != expected.shapes.size()) {
    fail(ErrorCode::kMismatch, node.origin, "{} blob(s) in {}, expected {}", layer->blobs.size(),
         model.file(), expected.shapes.size());
  }
  for (std::size_t i = 0; i < layer->blobs.size(); ++i) {
    check_blob(node, model.file(), i, layer->blobs[i], expected.shapes[i]);
  }
  return *layer;
}

std::span<float> values_of(AlignedBuffer& buffer) { return {buffer.floats(), buffer.size() / sizeof(float)}; }

AlignedBuffer read(Caffemodel& model, const BlobEntry& blob) {
  AlignedBuffer buffer(static_cast<std::size_t>(blob.values) * sizeof(float));
  model.read(blob, values_of(buffer));
  return buffer;
}

/// {rows, columns} -> {columns, rows}.
AlignedBuffer transpose(const AlignedBuffer& from, const Shape& shape) {
  AlignedBuffer to(from.size());
  const std::int64_t rows = shape[0], columns = shape[1];
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) to.floats()[c * rows + r] = from.floats()[r * columns + c];
  return to;
}

/// Caffe's rule: what the blobs hold is a sum over batches; the factor says of how many, 0 of none.
void divide(AlignedBuffer& buffer, float factor) {
  const float reciprocal = factor == 0 ? 0 : 1 / factor;
  for (float& v : values_of(buffer)) v *= reciprocal;
}

void load_layer(Node& node, const LayerBlobs& expected, const LayerEntry& layer, Caffemodel& model) {
  std::vector<AlignedBuffer> buffers;
  for (const BlobEntry& blob : layer.blobs) buffers.push_back(read(model, blob));
  if (expected.transposed) buffers[0] = transpose(buffers[0], expected.shapes[0]);
  if (expected.divided_by_last) {
    const float factor = buffers.back().floats()[0];
    if (!std::isfinite(factor)) {
      fail(ErrorCode::kInvalidNetwork, node.origin, "weight blob {} holds {} at element 0",
           buffers.size() - 1, factor);
    }
    buffers.pop_back();
    for (AlignedBuffer& buffer : buffers) divide(buffer, factor);
  }
  const std::size_t first = expected.shift_only ? 1 : 0;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    Weights& weights = node.weights[first + i];
    weights = Weights(weights.shape(), std::make_shared<const AlignedBuffer>(std::move(buffers[i])));
  }
}

}  // namespace

std::vector<LayerBlobs> expected_blobs(BuiltNetwork& network) {
  Graph& graph = network.graph;
  std::vector<LayerBlobs> all;
  for (const WeightedNode& weighted : network.weighted) {
    Node& node = graph.nodes[weighted.node];
    if (weighted.op.channel_axis) check_channel_axis(graph, node, *weighted.op.channel_axis);

    LayerBlobs layer;
    layer.node = weighted.node;
    layer.layer = weighted.layer;
    layer.transposed = weighted.op.transposed;
    layer.shift_only = weighted.op.shift_only;
    layer.divided_by_last = std::holds_alternative<graph::BatchNorm>(node.op);

    std::vector<Shape> shapes = graph::weight_shapes(graph, node, true);
    const auto present = static_cast<std::size_t>(weighted.op.blobs - (layer.divided_by_last ? 1 : 0));
    node.weights.assign(shapes.size(), Weights());
    const std::size_t first = layer.shift_only ? 1 : 0;
    for (std::size_t i = first; i < first + present; ++i) {
      node.weights[i] = Weights(shapes[i], std::shared_ptr<const AlignedBuffer>());
      layer.shapes.push_back(shapes[i]);
    }
    if (layer.transposed) std::swap(layer.shapes[0][0], layer.shapes[0][1]);
    if (layer.divided_by_last) layer.shapes.push_back(Shape{1});
    while (!node.weights.empty() && node.weights.back().shape().rank() == 0) node.weights.pop_back();
    all.push_back(std::move(layer));
  }
  return all;
}

void load_weights(Graph& graph, const std::vector<LayerBlobs>& expected, Caffemodel& model) {
  std::vector<const LayerEntry*> layers;
  for (const LayerBlobs& blobs : expected) {
    layers.push_back(&find_layer(graph.nodes[blobs.node], blobs, model));
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    load_layer(graph.nodes[expected[i].node], expected[i], *layers[i], model);
  }
}

}  // namespace octet::caffe
