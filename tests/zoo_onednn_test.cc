// The study's networks layer by layer against oneDNN: each distinct convolution, inner product, pooling, LRN
// and softmax, at full size, on every instruction set of the machine, as a network of one layer through the
// whole engine.
#include <gtest/gtest.h>
#include <omp.h>

#include <iostream>
#include <map>
#include <memory>
#include <set>

#include "graph/describe.h"
#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/onednn_layer.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

constexpr double kOneDnnBound = 1e-4;  // of the output's range

/// The layer alone, with its own weights.
std::shared_ptr<graph::Graph> alone(const graph::Graph& from, const graph::Node& node) {
  auto graph = std::make_shared<graph::Graph>();
  graph->name = node.name;
  const graph::TensorId in = graph->add_node("data", graph::Input{}, {});
  graph->inputs = {in};
  const graph::TensorId out = graph->add_node(node.name, node.op, {in}, node.weights, node.origin);
  graph->outputs = {out};
  graph->tensors[static_cast<std::size_t>(in)].shape = from.shape(node.inputs[0]);
  graph->tensors[static_cast<std::size_t>(out)].shape = from.shape(node.outputs[0]);
  return graph;
}

class ZooLayers : public testing::TestWithParam<std::string> {};

TEST_P(ZooLayers, AgreeWithOneDnnOnEveryInstructionSet) {
  omp_set_num_threads(1);  // oneDNN's; its barriers are slow where other tests run beside this one
  const Network network = Network::zoo(GetParam(), 1);
  const graph::Graph& graph = network.graph();
  const std::vector<Isa> isas = test::usable_isas();
  std::set<std::string> seen;
  std::map<std::string, int> compared;
  for (const graph::Node& node : graph.nodes) {
    if (node.inputs.size() != 1) continue;
    const std::string layer = std::string(graph::op_name(node.op)) + graph::attributes(node) +
                              graph.shape(node.inputs[0]).to_string() +
                              graph.shape(node.outputs[0]).to_string();
    if (!seen.insert(layer).second) continue;
    const auto single = alone(graph, node);
    const auto input =
        test::random_floats(static_cast<std::size_t>(graph.shape(node.inputs[0]).elements()), 21);
    const auto expected = test::OneDnnLayer(*single, single->nodes.back()).run(input);
    if (!expected) continue;
    ++compared[graph::op_name(node.op)];
    for (const Isa isa : isas) {
      // Plain loops take a second for each GMAC.
      if (isa == Isa::kGeneric && graph::macs(graph, node) > 50'000'000) {
        std::cout << "skipped: generic on " << node.name << " (too slow)\n";
        continue;
      }
      BuildOptions options;
      options.isa = isa;
      options.threads = 1;
      const Engine engine = Engine::build(Network(single), options);
      const auto difference = test::compare(test::run_engine(engine, 1, input)[0], *expected);
      EXPECT_LE(difference.max_error, kOneDnnBound)
          << node.name << " " << layer << " on " << to_string(isa) << " (" << engine.steps()[0].kernel
          << "): " << difference.text;
    }
  }
  EXPECT_GE(compared["Convolution"], 5);
  EXPECT_GE(compared["Pooling"], 2);
}

INSTANTIATE_TEST_SUITE_P(Networks, ZooLayers, testing::ValuesIn(Network::zoo_names()),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace octet
