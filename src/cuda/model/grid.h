// A model of a GPU for tests: runs a device function over a grid on the CPU. Each thread of a block is a
// fiber that goes on until it has to wait for others, so what a barrier orders happens in that order, what a
// warp does together (tensor cores, matrix loads) is done once all its lanes have come there, and an
// asynchronous copy arrives when it is waited for and not before. Threads run in an order that can be chosen,
// so that what depends on it -- a barrier that is missing -- shows as a different result.
#pragma once

#include <cstddef>
#include <functional>

#include "cuda/device/base.h"
#include "cuda/launch.h"

namespace octet::cuda::model {

enum class Order { kRising, kFalling };

/// What a thread does.
using Body = std::function<void(device::Thread& thread)>;

/// Block after block, on the calling thread. Throws std::logic_error where the function would hang or is not
/// defined on a GPU: lanes of a warp in different collective operations, threads of a block that end while
/// others wait for them, copies that nothing waits for.
void run_grid(const Grid& grid, int threads, int shared_bytes, const Body& body,
              Order order = Order::kRising);

/// Runs launches at once.
class ModelLauncher final : public Launcher {
 public:
  /// `sm`: compute capability that it pretends to have; a function that needs more is a std::logic_error.
  explicit ModelLauncher(int sm, Order order = Order::kRising, int multiprocessors = 4)
      : sm_(sm), order_(order), multiprocessors_(multiprocessors) {}
  int multiprocessors() const override { return multiprocessors_; }
  void clear(std::byte* memory, std::size_t bytes) override;

 protected:
  void launch_bytes(Function function, const Grid& grid, const void* params, std::size_t bytes,
                    int shared_bytes) override;

 private:
  int sm_;
  Order order_;
  int multiprocessors_;
};

}  // namespace octet::cuda::model
