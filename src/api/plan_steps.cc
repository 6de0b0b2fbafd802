// Engine::plan_steps: what an engine would do on a CUDA device that need not be here.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "api/engine_impl.h"
#include "cpu/float_environment.h"
#include "cuda/launch.h"
#include "cuda/registry.h"
#include "octet/error.h"
#include "optimize/optimizer.h"

namespace octet {
namespace {

bool needs_scales(Precision precision) {
  return precision != Precision::kFloat32 && precision != Precision::kBFloat16;
}

/// Scales by which a plan can be made, not run.
std::shared_ptr<const Calibration> stand_in_calibration(const graph::Graph& graph) {
  auto calibration = std::make_shared<Calibration>();
  for (const graph::Tensor& tensor : graph.tensors) {
    TensorCalibration scale;
    scale.name = tensor.name;
    scale.minimum = 0, scale.maximum = 255;
    calibration->tensors.push_back(std::move(scale));
  }
  for (const graph::Node& node : graph.nodes) {
    if (!std::holds_alternative<graph::Input>(node.op)) continue;
    for (const graph::TensorId t : node.outputs) {
      const Shape& shape = graph.tensors[static_cast<std::size_t>(t)].shape;
      if (shape.rank() != 4 || shape[1] > kernels::kChannelQuad) continue;
      calibration->tensors[static_cast<std::size_t>(t)].pixel_mean.assign(static_cast<std::size_t>(shape[1]),
                                                                          0.0f);
    }
  }
  return calibration;
}

int least_compute_capability() {
  int least = 0;
  for (const kernels::Entry& entry : cuda::all_kernels())
    least = least == 0 ? entry.sm : std::min(least, entry.sm);
  return least;
}

void check(const PlannedDevice& device) {
  if (device.compute_capability < least_compute_capability())
    throw Error(ErrorCode::kUnsupported, fmt::format("compute capability: expected {} or more, got {}",
                                                     least_compute_capability(), device.compute_capability));
  if (device.multiprocessors < 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("multiprocessors: expected 1 or more, got {}", device.multiprocessors));
}

}  // namespace

std::vector<StepInfo> Engine::plan_steps(const Network& network, const BuildOptions& asked,
                                         const PlannedDevice& device, int batch) {
  const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kKept);
  check(device);
  graph::Graph graph = network.graph();
  optimize::optimize(graph, asked.disabled_passes);
  BuildOptions options = asked;
  options.device = {Device::Kind::kCuda, 0};
  options.max_batch = batch;
  if (options.calibration == nullptr) options.calibration = network.calibration();
  if (options.calibration == nullptr && needs_scales(options.precision)) {
    options.calibration = stand_in_calibration(graph);
    if (options.precision == Precision::kMixed) options.precision = Precision::kInt8;  // no layers to differ
  }
  const MachineInfo machine = describe_machine();
  options = api::settle(options, machine);
  const plan::Plan plan =
      plan::build_plan(graph, api::plan_options(options, machine, device.compute_capability));
  std::vector<StepInfo> steps = api::describe_steps(plan);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const auto& kernel = dynamic_cast<const cuda::DeviceKernel&>(*plan.steps[s].kernel);
    DeviceWork work = kernel.work(batch, device.multiprocessors);
    work.activation_bytes = (steps[s].input_bytes + steps[s].output_bytes) * batch;
    steps[s].device_work = work;
  }
  return steps;
}

}  // namespace octet
