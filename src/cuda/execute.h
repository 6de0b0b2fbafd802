// Runs a plan of device kernels on a GPU: copies inputs there, launches step after step on one stream, copies
// outputs back. The whole batch is one group, so an operand's address never changes, and calls are ready
// before anything runs.
//
// Device memory of an executor: one chunk arena, the shared arena, scratch (steps run one after the other, so
// they share it), inputs and outputs. Weights are uploaded once an engine (driver::upload) and shared.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "cuda/driver/device.h"
#include "plan/plan.h"

namespace octet::cuda {

/// The caller's memory of one run: pointers per network input (of the plan's type) and output.
struct Bindings {
  std::span<const void* const> inputs;
  std::span<float* const> outputs;
};

/// Where the time of a run goes, on the device's clock.
struct RunSeconds {
  /// Until the last input has arrived; copying the caller's memory to what the device can read overlaps with
  /// it.
  double to_device = 0;
  double compute = 0;
  double to_host = 0;
};

struct ExecutorOptions {
  /// Batches up to this one have their launches captured in a CUDA graph by their first run, and replayed by
  /// the others: one call of the driver's instead of one a step. 0: none.
  int largest_graph = 0;
};

class Executor {
 public:
  /// `plan`: steps with DeviceKernels, packed; every buffer holds max_batch images. `weights`: what
  /// pack_weights wrote, on the same device. The plan must outlive the executor; device and weights are kept.
  /// Allocates all device and pinned memory that running needs. Throws Error (kMemoryLimit, kIo; kInternal
  /// naming the step for a plan that is not one of device kernels).
  Executor(std::shared_ptr<const driver::Device> device, const plan::Plan& plan,
           std::shared_ptr<const driver::DeviceMemory> weights, const ExecutorOptions& options = {});

  /// Device memory of an executor, in bytes.
  static std::size_t device_bytes(const plan::Plan& plan);
  /// And of the host's memory, pinned.
  static std::size_t pinned_bytes(const plan::Plan& plan);

  /// 1 <= batch <= plan.max_batch. `seconds`, if given, and `step_seconds`, if not empty one entry a step,
  /// are what this run's times are added to; with the latter, steps are launched one by one, with an event
  /// behind each. Allocates nothing but what a graph and events take when a batch is first run with them.
  ///
  /// Throws Error naming the device (kIo and others, see driver/device.h; kInvalidArgument for the batch)
  /// after the device has stopped touching the executor's memory; outputs are then undefined. After an error
  /// that was not the device's end it can run again.
  void run(int batch, const Bindings& bindings, RunSeconds* seconds = nullptr,
           std::span<double> step_seconds = {});

 private:
  /// A network input or output in the device's memory and in pinned memory of the host.
  struct Port {
    std::size_t image_bytes = 0;
    driver::DeviceMemory device;
    driver::PinnedMemory staging;
  };

  std::vector<Port> make_ports(std::span<const TensorInfo> tensors, bool are_inputs) const;
  kernels::Operand operand(const plan::OperandRef& ref) const;
  void make_calls();
  void copy_in(int batch, const Bindings& bindings);
  void compute(int batch, std::span<const driver::Event> behind_steps);
  void launch_steps(int batch, std::span<const driver::Event> behind_steps);
  void run_on_stream(int batch, const Bindings& bindings, bool timed, bool steps_timed);
  void add_times(RunSeconds* seconds, std::span<double> step_seconds) const;

  std::shared_ptr<const driver::Device> device_;
  const plan::Plan& plan_;
  std::shared_ptr<const driver::DeviceMemory> weights_;
  driver::DeviceMemory arena_;  // chunk arena, shared arena, scratch
  std::vector<Port> inputs_, outputs_;
  std::vector<const DeviceKernel*> kernels_;  // by step
  std::vector<kernels::Operand> operands_;    // of all calls' inputs
  std::vector<kernels::Call> calls_;          // by step; the batch is missing
  std::array<driver::Event, 4> marks_;        // before and behind the three parts of a run
  std::vector<driver::Event> step_events_;    // behind each step, from when they are first asked for
  std::vector<driver::GraphExec> graphs_;     // by batch, from when it is first run
  driver::Stream stream_;                     // nothing is under way between runs
};

}  // namespace octet::cuda
