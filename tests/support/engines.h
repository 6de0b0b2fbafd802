// What engine tests share: the instruction sets of this machine, said aloud when one is missing, networks up
// to their softmax, and a run in one call.
#pragma once

#include <iostream>
#include <vector>

#include "octet/engine.h"
#include "octet/machine.h"
#include "octet/network.h"

namespace octet::test {

/// Usable instruction sets; the others are printed as skipped with their reason.
inline std::vector<Isa> usable_isas() {
  std::vector<Isa> isas;
  for (const IsaStatus& status : describe_machine().isas) {
    if (status.usable) {
      isas.push_back(status.isa);
    } else {
      std::cout << "skipped: " << to_string(status.isa) << " (" << status.reason << ")\n";
    }
  }
  return isas;
}

/// The values before the softmax, where it would otherwise hide errors: an output with a range worth
/// comparing.
inline Network before_softmax(const Network& network) {
  for (const LayerInfo& layer : network.layers()) {
    if (layer.op == "Softmax") return network.with_output(layer.inputs[0]);
  }
  return network;
}

/// All outputs of `batch` images of `input` on a fresh context.
inline std::vector<std::vector<float>> run_engine(const Engine& engine, int batch,
                                                  const std::vector<float>& input) {
  Context context = engine.create_context();
  std::vector<std::vector<float>> outputs;
  for (const TensorInfo& tensor : engine.outputs()) {
    outputs.emplace_back(static_cast<std::size_t>(tensor.shape.elements_per_image() * batch));
  }
  std::vector<std::span<float>> spans(outputs.begin(), outputs.end());
  const std::span<const float> in(input);
  context.run(batch, std::span(&in, 1), spans);
  return outputs;
}

}  // namespace octet::test
