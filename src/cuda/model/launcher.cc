#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

#include "cuda/device/functions.h"
#include "cuda/model/grid.h"

namespace octet::cuda::model {
namespace {

struct ModelFunction {
  void (*run)(device::Thread& thread, const void* params);
  std::size_t param_bytes;
};

template <class Params, void (*kBody)(device::Thread&, const Params&)>
constexpr ModelFunction model_function() {
  return {
      [](device::Thread& thread, const void* params) { kBody(thread, *static_cast<const Params*>(params)); },
      sizeof(Params)};
}

using namespace device;  // the list names parameters and bodies as they are called there
constexpr ModelFunction kModelFunctions[] = {
#define OCTET_DEVICE_FUNCTION(name, Params, body, threads, least_sm) model_function<Params, body>(),
#include "cuda/functions.inc"
};

}  // namespace

void ModelLauncher::clear(std::byte* memory, std::size_t bytes) { std::memset(memory, 0, bytes); }

void ModelLauncher::launch_bytes(Function function, const Grid& grid, const void* params, std::size_t bytes,
                                 int shared_bytes) {
  const FunctionInfo& info = describe(function);
  const ModelFunction& model = kModelFunctions[static_cast<std::size_t>(function)];
  if (sm_ < info.least_sm || bytes != model.param_bytes)
    throw std::logic_error(fmt::format("{}: needs sm_{}, this is sm_{}; {} bytes of parameters, expected {}",
                                       info.name, info.least_sm, sm_, bytes, model.param_bytes));
  run_grid(
      grid, info.threads, shared_bytes, [&](Thread& thread) { model.run(thread, params); }, order_);
}

}  // namespace octet::cuda::model
