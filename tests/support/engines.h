// What engine tests share: the instruction sets of this machine, said aloud when one is missing, networks up
// to their softmax, and a run in one call.
#pragma once

#include <iostream>
#include <span>
#include <string>
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

using Tensors = std::vector<std::vector<float>>;

/// All outputs of `batch` images; `inputs[i]`: of the engine's i-th input.
inline Tensors run_context(Context& context, const Engine& engine, int batch,
                           std::span<const std::span<const float>> inputs) {
  Tensors outputs;
  for (const TensorInfo& tensor : engine.outputs()) {
    outputs.emplace_back(static_cast<std::size_t>(tensor.shape.elements_per_image() * batch));
  }
  const std::vector<std::span<float>> spans(outputs.begin(), outputs.end());
  context.run(batch, inputs, spans);
  return outputs;
}

/// The same on a fresh context.
inline Tensors run_engine(const Engine& engine, int batch, std::span<const std::span<const float>> inputs) {
  Context context = engine.create_context();
  return run_context(context, engine, batch, inputs);
}
inline Tensors run_engine(const Engine& engine, int batch, const std::vector<float>& input) {
  const std::span<const float> in(input);
  return run_engine(engine, batch, std::span(&in, 1));
}

/// True if nothing but the ends of the network computes in FP32, whose sums may differ between instruction
/// sets.
inline bool computes_in_integers(const Engine& engine) {
  for (const StepInfo& step : engine.steps()) {
    const std::string family = step.kernel.substr(0, step.kernel.find('/'));
    if (family.ends_with("_f32") && family != "reformat_f32" && family != "softmax_f32") return false;
  }
  return true;
}

}  // namespace octet::test
