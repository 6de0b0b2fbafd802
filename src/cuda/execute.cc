#include "cuda/execute.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "octet/error.h"

namespace octet::cuda {
namespace {

using driver::Current;
using plan::OperandRef;
using plan::Step;

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Of the elements of a network input or output; 0 if no step uses it.
int element_bytes(const plan::Plan& plan, OperandRef::Kind kind, int index) {
  int bytes = 0;
  const auto look = [&](const OperandRef& ref) {
    if (ref.kind == kind && ref.index == index) bytes = ref.element_bytes;
  };
  for (const Step& step : plan.steps) {
    for (const OperandRef& ref : step.inputs) look(ref);
    look(step.output);
  }
  return bytes;
}

OperandRef::Kind port_kind(bool is_input) {
  return is_input ? OperandRef::Kind::kInput : OperandRef::Kind::kOutput;
}

std::size_t port_image_bytes(const plan::Plan& plan, const TensorInfo& tensor, bool is_input, int index) {
  return to_size(tensor.shape.elements() * element_bytes(plan, port_kind(is_input), index));
}

/// With the bytes that kernels may read behind an operand.
std::size_t port_bytes(const plan::Plan& plan, std::size_t image_bytes) {
  return image_bytes * to_size(plan.max_batch) + to_size(plan::kReadableBytes);
}

/// One arena of each kind and one scratch, however many a plan has for threads.
std::size_t arena_bytes(const plan::Plan& plan) {
  return to_size(plan.chunk_arena_bytes + plan.shared_arena_bytes + plan.scratch_bytes +
                 plan::kReadableBytes);
}

/// So much is on its way to the device while the host copies the next.
constexpr std::size_t kPiece = std::size_t{2} << 20;

}  // namespace

namespace {

/// add(bytes of an image) for each network input and output.
template <class Add>
void for_each_port(const plan::Plan& plan, const Add& add) {
  for (const bool is_input : {true, false}) {
    const std::vector<TensorInfo>& tensors = is_input ? plan.inputs : plan.outputs;
    for (std::size_t i = 0; i < tensors.size(); ++i)
      add(port_image_bytes(plan, tensors[i], is_input, static_cast<int>(i)));
  }
}

}  // namespace

std::size_t Executor::device_bytes(const plan::Plan& plan) {
  std::size_t bytes = arena_bytes(plan);
  for_each_port(plan, [&](std::size_t image) { bytes += port_bytes(plan, image); });
  return bytes;
}

std::size_t Executor::pinned_bytes(const plan::Plan& plan) {
  std::size_t bytes = 0;
  for_each_port(plan, [&](std::size_t image) { bytes += image * to_size(plan.max_batch); });
  return bytes;
}

Executor::Executor(std::shared_ptr<const driver::Device> device, const plan::Plan& plan,
                   std::shared_ptr<const driver::DeviceMemory> weights, const ExecutorOptions& options)
    : device_(std::move(device)),
      plan_(plan),
      weights_(std::move(weights)),
      arena_(device_->context(), arena_bytes(plan), "activations"),
      inputs_(make_ports(plan.inputs, true)),
      outputs_(make_ports(plan.outputs, false)),
      graphs_(to_size(std::clamp(options.largest_graph, 0, plan.max_batch)) + 1),
      stream_(*device_) {
  for (driver::Event& mark : marks_) mark = driver::make_event(device_->context());
  make_calls();
}

std::vector<Executor::Port> Executor::make_ports(std::span<const TensorInfo> tensors, bool are_inputs) const {
  std::vector<Port> ports;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string what = fmt::format("{} '{}'", are_inputs ? "input" : "output", tensors[i].name);
    Port port;
    port.image_bytes = port_image_bytes(plan_, tensors[i], are_inputs, static_cast<int>(i));
    port.device = {device_->context(), port_bytes(plan_, port.image_bytes), what};
    port.staging = {device_->context(), port.image_bytes * to_size(plan_.max_batch), what};
    ports.push_back(std::move(port));
  }
  return ports;
}

kernels::Operand Executor::operand(const OperandRef& ref) const {
  const std::size_t index = to_size(ref.index);
  std::byte* base = nullptr;
  switch (ref.kind) {
    case OperandRef::Kind::kInput:
      base = inputs_[index].device.data();
      break;
    case OperandRef::Kind::kOutput:
      base = outputs_[index].device.data();
      break;
    case OperandRef::Kind::kBuffer: {
      const plan::Buffer& buffer = plan_.buffers[index];
      base = arena_.data() + (buffer.shared ? plan_.chunk_arena_bytes : 0) + buffer.offset;
      break;
    }
  }
  return {base + ref.element_offset * ref.element_bytes, ref.image_stride};
}

void Executor::make_calls() {
  for (const plan::Buffer& buffer : plan_.buffers) {
    const bool used = buffer.images > 0;  // one that a step wrote over its input instead is not
    if (used && buffer.images < plan_.max_batch)
      throw Error(ErrorCode::kInternal,
                  fmt::format("buffer of '{}' holds {} images, a device runs the whole batch of {} at once",
                              buffer.tensor, buffer.images, plan_.max_batch));
  }
  std::size_t inputs = 0;
  for (const Step& step : plan_.steps) inputs += step.inputs.size();
  operands_.reserve(inputs);  // calls point into it
  for (const Step& step : plan_.steps) {
    const auto* kernel = dynamic_cast<const DeviceKernel*>(step.kernel.get());
    if (kernel == nullptr)
      throw Error(ErrorCode::kInternal,
                  fmt::format("{}: {} has no kernel for a device", step.origin.to_string(), step.op));
    kernels_.push_back(kernel);
    const std::size_t first = operands_.size();
    for (const OperandRef& ref : step.inputs) operands_.push_back(operand(ref));
    kernels::Call call;
    call.inputs = {operands_.data() + first, step.inputs.size()};
    call.output = operand(step.output);
    call.weights = weights_->data() + step.weight_offset;
    call.scratch = arena_.data() + plan_.chunk_arena_bytes + plan_.shared_arena_bytes;
    calls_.push_back(call);
  }
}

void Executor::copy_in(int batch, const Bindings& bindings) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Port& port = inputs_[i];
    const std::size_t bytes = port.image_bytes * to_size(batch);
    const auto* from = static_cast<const std::byte*>(bindings.inputs[i]);
    for (std::size_t at = 0; at < bytes; at += kPiece) {
      const std::size_t count = std::min(kPiece, bytes - at);
      std::memcpy(port.staging.data() + at, from + at, count);
      stream_.copy_to_device(port.device.data() + at, port.staging.data() + at, count);
    }
  }
}

void Executor::launch_steps(int batch, std::span<const driver::Event> behind_steps) {
  for (std::size_t s = 0; s < calls_.size(); ++s) {
    kernels::Call call = calls_[s];
    call.images = batch;
    try {
      kernels_[s]->launch(call, stream_);
      if (!behind_steps.empty()) stream_.record(behind_steps[s]);
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}", plan_.steps[s].origin.to_string(), error.what()));
    }
  }
}

void Executor::compute(int batch, std::span<const driver::Event> behind_steps) {
  if (to_size(batch) >= graphs_.size() || !behind_steps.empty()) return launch_steps(batch, behind_steps);
  driver::GraphExec& graph = graphs_[to_size(batch)];
  if (!graph) graph = stream_.capture([&] { launch_steps(batch, {}); });
  stream_.replay(graph);
}

void Executor::run_on_stream(int batch, const Bindings& bindings, bool timed, bool steps_timed) {
  const auto mark = [&](std::size_t i) {
    if (timed) stream_.record(marks_[i]);
  };
  mark(0);
  copy_in(batch, bindings);
  mark(1);
  compute(batch,
          steps_timed ? std::span<const driver::Event>(step_events_) : std::span<const driver::Event>());
  mark(2);
  for (const Port& port : outputs_)
    stream_.copy_to_host(port.staging.data(), port.device.data(), port.image_bytes * to_size(batch));
  mark(3);
  stream_.synchronize("running the network");
}

void Executor::run(int batch, const Bindings& bindings, RunSeconds* seconds, std::span<double> step_seconds) {
  if (batch < 1 || batch > plan_.max_batch)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("batch {}: expected 1 to {}", batch, plan_.max_batch));
  while (!step_seconds.empty() && step_events_.size() < calls_.size())
    step_events_.push_back(driver::make_event(device_->context()));
  const Current current(device_->context());
  try {
    run_on_stream(batch, bindings, seconds != nullptr || !step_seconds.empty(), !step_seconds.empty());
  } catch (...) {
    stream_.drain();  // what was launched may still be reading the staging memory
    throw;
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i)
    std::memcpy(bindings.outputs[i], outputs_[i].staging.data(), outputs_[i].image_bytes * to_size(batch));
  add_times(seconds, step_seconds);
}

void Executor::add_times(RunSeconds* seconds, std::span<double> step_seconds) const {
  const auto between = [&](const driver::Event& begin, const driver::Event& end) {
    return driver::seconds_between(device_->context(), begin, end);
  };
  if (seconds != nullptr) {
    seconds->to_device += between(marks_[0], marks_[1]);
    seconds->compute += between(marks_[1], marks_[2]);
    seconds->to_host += between(marks_[2], marks_[3]);
  }
  for (std::size_t s = 0; s < step_seconds.size(); ++s)
    step_seconds[s] += between(s == 0 ? marks_[1] : step_events_[s - 1], step_events_[s]);
}

}  // namespace octet::cuda
