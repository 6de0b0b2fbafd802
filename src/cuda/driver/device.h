// A GPU that has loaded our device functions, and streams of work for it.
//
//   Context   (context.h) what the driver keeps for this process on the device
//   Device    a context with the device functions in it; engines on one GPU share it
//   Stream    launches and copies in order; a Launcher, so device kernels launch into it
//
// Every failed call of the driver's is an Error that names the device, what was being done and the driver's
// words.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "cuda/driver/context.h"
#include "cuda/driver/library.h"
#include "cuda/launch.h"

namespace octet::cuda::driver {

class Device {
 public:
  /// Makes device code for a compute capability that an image has none for: P40 and P4 (6.1) in a build by
  /// CUDA 13.
  using Compile = std::function<std::vector<std::byte>(int sm)>;

  /// Device `index` of those that the driver shows to this process, with `image` (cuda/module.h) loaded.
  /// `library` must outlive it.
  /// Throws Error: kNotFound without driver or with an index outside of the devices, naming their range;
  /// kUnsupported for a device or a driver that is too old or an image without its code; kMemoryLimit; kIo.
  Device(const Library& library, int index, std::span<const std::byte> image, const Compile& compile);
  /// With this machine's driver, this build's device code and its run-time compiler (runtime_compiler.h).
  explicit Device(int index);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Context& context() const { return *context_; }
  /// "CUDA device 0 (NVIDIA H200)".
  const std::string& label() const { return context_->label(); }
  int compute_capability() const { return sm_; }  ///< 90 is 9.0
  int multiprocessors() const { return multiprocessors_; }
  /// Null for what the compute capability does not have.
  FunctionHandle handle_of(Function function) const { return functions_[static_cast<std::size_t>(function)]; }
  /// Shared memory that a block may have.
  int most_shared_bytes() const { return most_shared_bytes_; }

 private:
  void load(std::span<const std::byte> image, const Compile& compile, int driver_version);

  std::unique_ptr<Context> context_;
  int sm_ = 0;
  int multiprocessors_ = 0;
  int most_shared_bytes_ = 0;
  Module module_;
  std::vector<FunctionHandle> functions_;  // by Function
};

/// One thread at a time, and the device's context is that thread's current one (Current) in all functions but
/// construction and destruction. Nothing waits for the device but synchronize() and drain().
class Stream final : public Launcher {
 public:
  explicit Stream(const Device& device);

  /// The host's memory stays as it is until the stream has been synchronised; unless it is pinned, the call
  /// may wait for the copy.
  void copy_to_device(std::byte* to, const void* from, std::size_t bytes);
  void copy_to_host(void* to, const std::byte* from, std::size_t bytes);
  int multiprocessors() const override { return device_.multiprocessors(); }
  void clear(std::byte* memory, std::size_t bytes) override;
  void record(const Event& event);

  /// What `work()` does on this stream, as one graph; does none of it. An exception of `work` leaves the
  /// stream as it was.
  template <class Work>
  GraphExec capture(const Work& work) {
    begin_capture();
    try {
      work();
    } catch (...) {
      abandon_capture();
      throw;
    }
    return end_capture();
  }
  void replay(const GraphExec& graph);

  /// Waits until all is done. Throws what went wrong meanwhile on the device, of which `doing` says what it
  /// was.
  void synchronize(std::string_view doing);
  /// Waits likewise, and ignores what went wrong.
  void drain() noexcept;

 protected:
  void launch_bytes(Function function, const Grid& grid, const void* params, std::size_t bytes,
                    int shared_bytes) override;

 private:
  void begin_capture();
  void abandon_capture() noexcept;
  GraphExec end_capture();

  const Device& device_;
  const Context& context_;
  const Api& api_;
  Owned<StreamHandle, &Api::cuStreamDestroy_v2> stream_;
};

/// Between two events of a stream that has been synchronised since; in steps of about half a microsecond.
double seconds_between(const Context& context, const Event& begin, const Event& end);

/// Device memory with a copy of `bytes`.
DeviceMemory upload(const Device& device, std::span<const std::byte> bytes, std::string_view what);

}  // namespace octet::cuda::driver
