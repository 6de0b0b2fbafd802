#include "lab/profile/measure_layers.h"

#include <fmt/format.h>

#include <algorithm>

#include "lab/bench/bindings.h"
#include "lab/support/clock.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr int kWarmupRuns = 2;

LayerRecord describe(const Engine& engine) {
  LayerRecord record;
  record.network = engine.network_name();
  record.precision = to_string(engine.precision());
  record.batch = engine.max_batch();
  record.threads = engine.threads();
  record.isa = engine.target();
  const MachineInfo machine = describe_machine();
  record.l2_bytes = machine.l2_bytes;
  record.l3_bytes = machine.l3_bytes;
  for (const StepInfo& step : engine.steps()) {
    LayerSamples& layer = record.layers.emplace_back();
    layer.layer = step.layer;
    layer.op = step.op;
    layer.kernel = step.kernel;
    layer.output_layout = step.output_layout;
    layer.macs = step.macs;
    layer.input_bytes = step.input_bytes;
    layer.output_bytes = step.output_bytes;
    layer.weight_bytes = step.weight_bytes;
    layer.images_per_group = std::max(1, step.images_per_group);
    layer.kernel_macs = step.kernel_macs;
    layer.outputs = step.output_shape.elements();
    layer.shared_by_threads = step.shared_by_threads;
    layer.reads_caller = step.reads_caller;
    layer.writes_caller = step.writes_caller;
  }
  return record;
}

/// Of the limit, beside an engine, a context and their caller's memory; 0 without a limit.
std::uint64_t bytes_left(const Engine& engine, std::uint64_t limit) {
  if (limit == 0) return 0;
  const std::uint64_t taken =
      engine.memory().total() + binding_bytes(engine.inputs(), engine.outputs(), engine.max_batch());
  return limit > taken ? limit - taken : 1;
}

/// A CUDA device's follow from its facts.
MachinePeaks peaks_of(const Engine& engine, std::uint64_t memory_limit, LayerRecord& record) {
  if (engine.device().kind == Device::Kind::kCpu)
    return machine_peaks(engine.threads(), engine.isa(), bytes_left(engine, memory_limit));
  MachinePeaks peaks;
  const CudaDevice device = describe_cuda_device(engine.device().index);
  constexpr double kGiga = 1e3;  // from 1e12
  peaks.int8_gops = kGiga * std::max(device.tensor_int8_tops, device.dp4a_int8_tops);
  peaks.memory_read_gbps = device.memory_gbps;
  record.l2_bytes = 0;
  record.l3_bytes = device.l2_bytes;  // shared by all multiprocessors
  return peaks;
}

}  // namespace

LayerRecord measure_layers(const Engine& engine, const LayerMeasurement& measurement) {
  if (measurement.iterations < 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("iterations: expected 1 or more, got {}", measurement.iterations));
  if (!(measurement.most_seconds >= 0))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("most seconds: expected 0 or more, got {}", measurement.most_seconds));
  LayerRecord record = describe(engine);
  record.peak = peaks_of(engine, measurement.memory_limit, record);
  Context context = engine.create_context();
  Bindings bindings(engine, record.batch, measurement.seed);
  std::vector<StepTime> times;
  const Nanoseconds began = system_clock().now();
  for (int i = -kWarmupRuns; i < measurement.iterations; ++i) {
    if (i >= kLeastTimedRuns && measurement.most_seconds > 0 &&
        seconds(system_clock().now() - began) >= measurement.most_seconds)
      break;
    Nanoseconds start = system_clock().now();
    bindings.run(context, record.batch);
    const double untimed_ms = elapsed_ms(start);
    start = system_clock().now();
    bindings.run_timed(context, record.batch, times);
    const double whole_ms = elapsed_ms(start);
    if (i < 0) continue;
    record.untimed_ms.push_back(untimed_ms);
    record.whole_ms.push_back(whole_ms);
    for (std::size_t layer = 0; layer < record.layers.size(); ++layer) {
      record.layers[layer].busy_ms.push_back(times[layer].busy_ms);
      record.layers[layer].wait_ms.push_back(times[layer].wait_ms);
    }
    if (measurement.on_progress) measurement.on_progress(static_cast<double>(i + 1) / measurement.iterations);
  }
  return record;
}

}  // namespace octet::lab
