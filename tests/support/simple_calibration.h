// A calibration by minimum and maximum over a few images of the reference interpreter: independent of
// octet::calibrate, for tests of what an engine does with scales.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "octet/calibration.h"
#include "octet/network.h"
#include "optimize/optimizer.h"
#include "reference/interpreter.h"

namespace octet::test {

/// `inputs` as run_graph wants them, `batch` images. Every tensor of the optimised network gets a scale;
/// those that share memory (concatenations, maxima, views) one scale.
inline std::shared_ptr<Calibration> simple_calibration(const Network& network, int batch,
                                                       std::span<const std::span<const float>> inputs) {
  graph::Graph graph = network.graph();
  optimize::optimize(graph, {});
  const auto values = reference::run_graph_all(graph, batch, inputs);
  std::vector<std::pair<float, float>> ranges(values.size());
  for (std::size_t t = 0; t < values.size(); ++t) {
    if (values[t].empty()) continue;
    const auto [low, high] = std::minmax_element(values[t].begin(), values[t].end());
    ranges[t] = {*low, *high};
  }
  bool changed = true;
  while (changed) {
    changed = false;
    for (const graph::Node& node : graph.nodes) {
      const auto* pool = std::get_if<graph::Pooling>(&node.op);
      const auto* pad = std::get_if<graph::Pad>(&node.op);
      const bool shares =
          std::holds_alternative<graph::Concat>(node.op) || std::holds_alternative<graph::Flatten>(node.op) ||
          std::holds_alternative<graph::Reshape>(node.op) || std::holds_alternative<graph::Slice>(node.op) ||
          std::holds_alternative<graph::ChannelShuffle>(node.op) || (pad != nullptr && pad->value == 0) ||
          (pool != nullptr && pool->kind == graph::PoolKind::kMax);
      if (!shares) continue;
      for (const graph::TensorId in : node.inputs) {
        auto& a = ranges[static_cast<std::size_t>(in)];
        auto& b = ranges[static_cast<std::size_t>(node.outputs[0])];
        const std::pair<float, float> both{std::min(a.first, b.first), std::max(a.second, b.second)};
        if (a != both || b != both) changed = true;
        a = b = both;
      }
    }
  }
  auto calibration = std::make_shared<Calibration>();
  calibration->method = CalibrationMethod::kMinMax;
  for (std::size_t t = 0; t < values.size(); ++t) {
    if (values[t].empty()) continue;
    const auto [low, high] = ranges[t];
    TensorCalibration tensor;
    tensor.name = graph.tensors[t].name;
    tensor.method = CalibrationMethod::kMinMax;
    tensor.minimum = low, tensor.maximum = high;
    tensor.threshold = std::max(std::fabs(low), std::fabs(high));
    tensor.zero_point = low >= 0 ? 0 : 128;
    tensor.scale = tensor.threshold > 0 ? tensor.threshold / (low >= 0 ? 255.0f : 127.0f) : 1.0f;
    calibration->tensors.push_back(tensor);
  }
  for (const graph::Node& node : graph.nodes) {
    if (std::holds_alternative<graph::Convolution>(node.op) ||
        std::holds_alternative<graph::InnerProduct>(node.op)) {
      LayerCalibration layer;
      layer.name = node.name;
      calibration->layers.push_back(layer);
    }
  }
  return calibration;
}

}  // namespace octet::test
