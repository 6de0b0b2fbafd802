#include "fuzz/targets/networks.h"

#include <memory>
#include <span>
#include <vector>

#include "fuzz/targets/explore.h"
#include "tests/support/engines.h"
#include "tests/support/graph_builder.h"
#include "tests/support/simple_calibration.h"
#include "tests/support/tensors.h"

namespace octet::fuzz {
namespace {

Network make_small_network() {
  test::GraphBuilder b(7);
  graph::TensorId t = b.input({1, 3, 9, 9});
  t = b.relu(b.convolution(t, {test::square_window(3, 2, 1), 8, 1, {}}));
  const graph::TensorId left = b.convolution(t, {test::square_window(1), 8, 1, {}});
  t = b.relu(b.sum({left, b.convolution(t, {test::square_window(3, 1, 1), 8, 2, {}})}), 0.25f);
  t = b.node(graph::Concat{}, {t, b.node(graph::Pooling{.window = test::square_window(3, 1, 1)}, {t})});
  t = b.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .global = true}, {t});
  const graph::TensorId out = b.node(graph::Softmax{}, {b.inner_product(t, 5)});
  return Network(std::make_shared<graph::Graph>(b.finish({out})));
}

const Network& small_network() {
  static const Network network = make_small_network();
  return network;
}

/// Layers of all precisions in turn, which only kMixed heeds.
Calibration calibrate_small_network() {
  constexpr Precision kPrecisions[] = {Precision::kInt8, Precision::kInt16, Precision::kFloat32};
  const auto input = test::random_floats(std::size_t{3} * 9 * 9, 1);
  const std::span<const float> span(input);
  Calibration calibration = *test::simple_calibration(small_network(), 1, std::span(&span, 1));
  for (std::size_t i = 0; i < calibration.layers.size(); ++i)
    calibration.layers[i].precision = kPrecisions[i % std::size(kPrecisions)];
  return calibration;
}

Engine build(const Calibration& calibration, Precision precision) {
  BuildOptions options;
  options.precision = precision;
  options.calibration = std::make_shared<const Calibration>(calibration);
  options.max_batch = 2;
  options.threads = 1;
  return Engine::build(small_network(), options);
}

}  // namespace

const Calibration& small_calibration() {
  static const Calibration calibration = calibrate_small_network();
  return calibration;
}

Engine small_engine(Precision precision) { return build(small_calibration(), precision); }

void build_small_network(const Calibration& calibration) {
  for (const Precision precision : {Precision::kInt8, Precision::kMixed})
    run_small(build(calibration, precision));
}

void run_small(const Engine& engine) {
  const auto batch = static_cast<std::size_t>(engine.max_batch());
  std::int64_t macs = 0;
  for (const StepInfo& step : engine.steps()) macs += step.kernel_macs;
  if (macs > kMostMacs) return;
  if (engine.pixel_input()) return;
  test::Tensors inputs;
  for (const TensorInfo& tensor : engine.inputs())
    inputs.push_back(
        test::random_floats(static_cast<std::size_t>(tensor.shape.elements_per_image()) * batch, 3));
  const std::vector<std::span<const float>> in(inputs.begin(), inputs.end());
  test::run_engine(engine, engine.max_batch(), in);
}

}  // namespace octet::fuzz
