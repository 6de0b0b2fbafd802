// What a device kernel asks of a device: launches of device functions over grids of blocks. A GPU (driver/)
// and the model (model/) both take them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel.h"
#include "octet/devices.h"

namespace octet::cuda {

/// All device functions, by name. functions.inc is the list.
enum class Function {
#define OCTET_DEVICE_FUNCTION(name, Params, body, threads, least_sm) name,
#include "cuda/functions.inc"
};

struct FunctionInfo {
  const char* name;
  int threads;   ///< of a block
  int least_sm;  ///< compute capability that it needs: 61 is 6.1
};
const FunctionInfo& describe(Function function);
int function_count();

struct Grid {
  std::int64_t x = 1, y = 1, z = 1;
};

class Launcher {
 public:
  virtual ~Launcher() = default;
  template <class Params>
  void launch(Function function, const Grid& grid, const Params& params, int shared_bytes = 0) {
    launch_bytes(function, grid, &params, sizeof params, shared_bytes);
  }
  /// Of the device: how many blocks it takes to keep it busy is for kernels to know.
  virtual int multiprocessors() const = 0;
  /// Fills device memory with zeros, before what is launched afterwards.
  virtual void clear(std::byte* memory, std::size_t bytes) = 0;

 protected:
  virtual void launch_bytes(Function function, const Grid& grid, const void* params, std::size_t bytes,
                            int shared_bytes) = 0;
};

/// A kernel whose operands, packed weights and scratch lie in a device's memory. It packs on the host. Calls
/// have one worker, which is the device.
class DeviceKernel : public kernels::Kernel {
 public:
  virtual void launch(const kernels::Call& call, Launcher& launcher) const = 0;
  /// The work of a call of `images` images, on a device of so many multiprocessors: here what launch()
  /// launches and clears, recorded. Convolutions add products, weights and sums. Activations are the plan's
  /// to know.
  virtual DeviceWork work(int images, int multiprocessors) const;
  /// Nothing calls it: a plan of device kernels runs on its device, or in tests on the model.
  void run(const kernels::Call& call) const noexcept final;
};

}  // namespace octet::cuda
