// Test helper: plans that no machine here would choose -- of instruction sets or devices that are emulated --
// made and run as Engine does it.
#pragma once

#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "execute/executor.h"
#include "octet/network.h"
#include "optimize/optimizer.h"
#include "plan/plan.h"

namespace octet::test {

inline plan::Plan build_plan(const Network& network, const plan::PlanOptions& options) {
  graph::Graph graph = network.graph();
  optimize::optimize(graph, {});
  return plan::build_plan(graph, options);
}

/// Packs the weights, runs one batch on the threads of the plan; the outputs in the network's order.
inline std::vector<std::vector<float>> run_plan(plan::Plan& plan, int batch, std::span<const float> input) {
  base::AlignedBuffer weights(static_cast<std::size_t>(plan.weight_bytes));
  plan::pack_weights(plan, weights.data(), plan.threads);
  execute::Executor executor(plan, weights.data(), {});
  std::vector<std::vector<float>> outputs;
  std::vector<float*> pointers;
  for (const TensorInfo& tensor : plan.outputs) {
    outputs.emplace_back(static_cast<std::size_t>(tensor.shape.elements_per_image() * batch));
  }
  for (std::vector<float>& output : outputs) pointers.push_back(output.data());
  const void* const in = input.data();
  executor.run(batch, {std::span(&in, 1), pointers});
  return outputs;
}

}  // namespace octet::test
