// Engine: a network compiled for one device and one largest batch; immutable, shareable between threads.
// Context: one caller's activations on an engine; not shareable. `Context::run` allocates nothing and, its
// arguments being right, cannot fail.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/api.h"
#include "octet/calibration.h"
#include "octet/devices.h"
#include "octet/network.h"
#include "octet/types.h"

namespace octet {

/// Which CPUs threads are bound to where BuildOptions::cpus names none (MachineInfo::placement).
enum class Pinning {
  kAuto,   ///< one a core if the threads fill the machine's cores, or one a CPU; else to none, or two engines
           ///< that take half the machine each would sit on the same half
  kCores,  ///< always: thread i to the i-th CPU of the placement
  kNone,
};
OCTET_API Pinning parse_pinning(std::string_view text);  // "auto", "cores", "none"

struct BuildOptions {
  Precision precision = Precision::kFloat32;
  /// On a CUDA device all layers run on it, once for the whole batch; `threads`, `cpus`, `pinning`, `isa` and
  /// `winograd` have no meaning there. Integer layers and all that lies between them have kernels there, FP32
  /// and BF16 convolutions have none (Error(kUnsupported) naming the layer). Without such a device
  /// Error(kNotFound) or kUnsupported says why.
  Device device;
  int max_batch = 1;      ///< >= 1; `Context::run` takes any batch from 1 to this
  int threads = 0;        ///< 0: one a core of the affinity mask, within the cgroup quota
  std::vector<int> cpus;  ///< pin thread i to cpus[i]; empty: as `pinning` says
  Pinning pinning = Pinning::kAuto;
  std::optional<Isa> isa;  ///< forced instruction set; Error(kUnsupported) if the machine lacks it
  bool winograd = true;    ///< false: convolutions of 3x3 and larger run directly
  /// Scales and precisions; needed for kInt8, kInt16 and kMixed, unless the network brings its own
  /// (Network::calibration), which are taken where there are none here. A tensor or layer that it lacks is
  /// Error(kMismatch). Hashes are not compared here but by Calibration::check.
  std::shared_ptr<const Calibration> calibration;
  /// The input is pictures, u8 N x H x W x C (B, G, R), instead of FP32 N x C x H x W less their mean: the
  /// calibration must know the mean (pixel_mean). Both give the same outputs where the first layer is INT8.
  bool pixel_input = false;
  /// The most bytes of MemoryInfo::peak(): of what an engine holds at any time, from a network to a context.
  /// 0: the machine's memory. Where that is more, Error(kMemoryLimit) says what is needed, before any of it
  /// is allocated. What a program is by itself, and the caller's inputs and outputs, come on top.
  std::uint64_t memory_limit = 0;
  std::vector<std::string>
      disabled_passes;  ///< names of `list_passes()`; an unknown name is Error(kInvalidArgument)
};

/// One optimisation pass, in the order in which they run.
struct PassInfo {
  std::string name;
  std::string description;
};
OCTET_API std::vector<PassInfo> list_passes();

/// What a pass did to this network.
struct PassReport {
  std::string name;
  bool enabled = true;
  int changes = 0;
  double milliseconds = 0;
};

/// One kernel call of the plan, as `octet inspect --plan` prints it.
struct StepInfo {
  std::string layer;  ///< name of the (fused) layer
  std::string op;
  std::string kernel;         ///< "conv_f32/winograd/avx512"
  std::string output_layout;  ///< "nchw", "nchw16c", "nhwc"
  std::string output_type;    ///< "f32", "u8", ...
  float output_scale = 0;     ///< of integers
  int output_zero_point = 0;
  Shape output_shape;            ///< N = 1
  std::int64_t macs = 0;         ///< of one image, of the layer as defined (not what Winograd leaves)
  std::int64_t kernel_macs = 0;  ///< of one image, as the kernel executes them: padding, what Winograd leaves
  std::int64_t input_bytes = 0;  ///< activations read for one image
  std::int64_t output_bytes = 0;  ///< activations written for one image
  std::int64_t weight_bytes = 0;  ///< packed
  int images_per_group = 1;       ///< how many images one call works on (depth-first groups)
  bool reads_caller = false;      ///< an input is the caller's memory
  bool writes_caller = false;     ///< the output is
  /// All threads work on each call, whatever the batch (fully connected layers).
  bool shared_by_threads = false;
  std::optional<DeviceWork> device_work;  ///< of Engine::plan_steps: of its whole batch
};

struct MemoryInfo {
  std::uint64_t weight_bytes = 0;  ///< packed weights, held by the engine
  std::uint64_t arena_bytes = 0;   ///< activations and scratch of one context, all threads together
  /// FP32 weights of the network that stay, as the caller does not give it away; 0 for an engine that is
  /// there
  std::uint64_t network_bytes = 0;
  /// The most that there is while the engine is built: FP32 weights of the network and those that passes make
  /// of them, packed weights, scratch of packing. None is counted as freed before the end, since the C
  /// library may keep what is. 0 for an engine that is there.
  std::uint64_t build_bytes = 0;
  /// Of an engine and one context.
  std::uint64_t total() const { return weight_bytes + arena_bytes; }
  /// Of a CUDA device's memory: packed weights and one context; all above is of the host's.
  std::uint64_t device_bytes = 0;
  /// From building to running.
  std::uint64_t peak() const { return std::max(build_bytes, network_bytes + total()); }
};

/// What a saved engine leaves open. All the rest was decided when it was built.
struct LoadOptions {
  /// Which CUDA device, of an engine built for one; else the CPU. Default: the kind it was built for, index
  /// 0.
  std::optional<Device> device;
  int max_batch = 0;      ///< 0: what the engine was built for
  int threads = 0;        ///< as in BuildOptions; need not be what the engine was built for
  std::vector<int> cpus;  ///< as in BuildOptions
  Pinning pinning = Pinning::kAuto;
  std::uint64_t memory_limit = 0;  ///< as in BuildOptions
};

/// What a caller wants to be kept with a saved engine, by name.
using EngineNotes = std::map<std::string, std::string>;

class Context;

class OCTET_API Engine {
 public:
  /// Stages: optimise -> lower -> place memory -> pack weights. Throws Error, naming the layer. A network
  /// that the caller gives away (std::move) has each layer's FP32 weights freed when they are folded or
  /// packed.
  static Engine build(Network network, const BuildOptions& options = {});
  /// The bytes that `build` with these options would need, the network being kept, without allocating packed
  /// weights or a context. Weights that passes change are there twice meanwhile.
  static MemoryInfo estimate_memory(const Network& network, const BuildOptions& options);

  /// The steps that an engine of these options (all but `device`, `max_batch` and `memory_limit`) would have
  /// on `device`, with their DeviceWork for `batch` images. Needs neither the device nor its driver, and
  /// packs nothing. Integers without a calibration are planned as if all tensors had one scale and inputs of
  /// up to 4 channels were pictures: real scales may ask for conversions where these need none.
  /// Throws Error: kUnsupported for a device that has no kernels, or a layer without one;
  /// kInvalidArgument.
  static std::vector<StepInfo> plan_steps(const Network& network, const BuildOptions& options,
                                          const PlannedDevice& device, int batch);

  /// Writes the engine to a file that load() maps: the optimised network, scales, chosen kernels and packed
  /// weights. The file appears whole or not at all. Throws Error(kIo).
  void save(const std::filesystem::path& file, const EngineNotes& notes = {}) const;
  /// The engine of such a file, without importing, calibrating or packing; gives the same outputs to the bit.
  /// Weights are used where the file is mapped, so processes share them; the file may be replaced or deleted,
  /// but must not be written into. Batch, threads and the memory that follows are planned anew.
  ///
  /// Checks the whole file against its checksums, and all that it says whether they are right or not; nothing
  /// in it is executed or used as an address. Throws Error, naming the file: kNotFound, kIo, kParse (no saved
  /// engine; cut or damaged), kMismatch (written by another version or revision of Octet; contents that do
  /// not belong together), kUnsupported (another format; an instruction set that this machine lacks),
  /// kInvalidNetwork, kInvalidArgument (options), kMemoryLimit.
  static Engine load(const std::filesystem::path& file, const LoadOptions& options = {});

  Context create_context() const;

  const std::string& network_name() const;
  Precision precision() const;
  Device device() const;
  Isa isa() const;  ///< on a CUDA device kGeneric
  /// What its kernels were chosen for: the instruction set, or the compute capability ("sm_90").
  std::string target() const;
  int max_batch() const;
  int threads() const;
  bool pixel_input() const;
  std::vector<TensorInfo> inputs()
      const;  ///< FP32, NCHW; with pixel_input u8, NHWC (the shape is still N, C, H, W)
  std::vector<TensorInfo> outputs() const;  ///< FP32, NCHW
  std::vector<StepInfo> steps() const;
  std::vector<PassReport> passes() const;
  MemoryInfo memory() const;
  const EngineNotes& notes() const;  ///< of a saved engine
  /// 16 hex digits over the plan and the packed weights.
  std::string hash() const;

  struct Impl;
  explicit Engine(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

/// Time of one step summed over the groups and threads of a run. All steps' times together are the run's,
/// times the threads, but for what starting and ending a run takes.
struct StepTime {
  double busy_ms = 0;  ///< in the step
  double wait_ms = 0;  ///< behind it, for the threads that share the step; at the run's end, for all others
};

/// Where the time of a run goes.
struct RunTimes {
  double to_device_ms = 0;  ///< until the inputs are in the device's memory; 0 on the CPU
  double compute_ms = 0;
  double to_host_ms = 0;  ///< until the outputs are in the caller's; 0 on the CPU
};

class OCTET_API Context {
 public:
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;
  ~Context();

  /// Runs `batch` images. `inputs[i]` / `outputs[i]`: caller's FP32 NCHW memory of the network's i-th input /
  /// output, dense and of batch * elements_per_image floats each. Batch outside 1..max_batch or a span of
  /// another size is Error(kInvalidArgument), thrown before anything is written. Outputs overlap nothing.
  ///
  /// Any bits are taken as input. The caller's floating-point environment (rounding mode, flushed denormals,
  /// unmasked exceptions) reaches no result and comes back as it was. FP32, BF16: denormals may be taken as
  /// zero and results flushed to zero. A NaN comes out as one wherever the definition lets it reach, on every
  /// instruction set; it, or an infinity, may make further outputs of its own image NaN, never those of
  /// others. Integers: a NaN is quantised to the lowest integer of its tensor, values beyond the range
  /// saturate, so outputs are the same bits on every instruction set for such inputs too
  /// (docs/reliability.md, Numbers).
  ///
  /// On a CUDA device it may also throw Error(kIo or kMemoryLimit), naming the device and what the driver
  /// said; outputs are then undefined.
  void run(int batch, std::span<const std::span<const float>> inputs,
           std::span<const std::span<float>> outputs);
  /// The same for a network of one input and one output.
  void run(int batch, std::span<const float> input, std::span<float> output);
  /// The same for an engine with pixel_input: batch * H * W * C bytes. Each of the two run()s throws
  /// Error(kInvalidArgument) on an engine built for the other.
  void run(int batch, std::span<const std::uint8_t> pixels, std::span<float> output);

  /// Like run; adds where the time went to `times`. On a CUDA device by its own clock.
  void run(int batch, std::span<const std::span<const float>> inputs,
           std::span<const std::span<float>> outputs, RunTimes& times);

  /// Like run; also times each step (one entry per Engine::steps()). Costs a clock read per step and group,
  /// on a CUDA device an event per step.
  void run_timed(int batch, std::span<const std::span<const float>> inputs,
                 std::span<const std::span<float>> outputs, std::vector<StepTime>& times);

 private:
  friend class Engine;
  struct Impl;
  explicit Context(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet
