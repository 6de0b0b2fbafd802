#include "fuzz/targets/explore.h"

#include <span>
#include <vector>

#include "fuzz/accepts.h"
#include "graph/describe.h"
#include "octet/engine.h"
#include "octet/export.h"
#include "tests/support/engines.h"
#include "tests/support/temporary_directory.h"

namespace octet::fuzz {
namespace {

void run_once(const Network& network) {
  BuildOptions options;
  options.threads = 1;
  const Engine engine = Engine::build(network, options);
  test::Tensors inputs;
  for (const TensorInfo& tensor : engine.inputs())
    inputs.emplace_back(static_cast<std::size_t>(tensor.shape.elements_per_image()), 0.5f);
  const std::vector<std::span<const float>> in(inputs.begin(), inputs.end());
  test::run_engine(engine, 1, in);
}

}  // namespace

bool is_small(const graph::Graph& graph) {
  std::int64_t elements = 0, macs = 0;
  for (const graph::Tensor& tensor : graph.tensors) {
    elements += tensor.shape.elements_per_image();
    if (elements > kMostElements) return false;
  }
  for (const graph::Node& node : graph.nodes) {
    elements += graph::params(graph, node);
    macs += graph::macs(graph, node);
    if (elements > kMostElements || macs > kMostMacs) return false;
  }
  return true;
}

void explore(const Network& network) {
  network.layers();
  network.hash();
  if (!is_small(network.graph())) return;
  // What ONNX cannot say may run all the same.
  const test::TemporaryDirectory directory;
  accepts([&] { export_onnx(network, directory.path() / "net.onnx"); });
  run_once(network);
}

}  // namespace octet::fuzz
