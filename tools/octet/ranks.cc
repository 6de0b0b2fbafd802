#include "tools/octet/ranks.h"

#include <fmt/format.h>

#include <optional>

#include "lab/mpi/core_groups.h"
#include "octet/devices.h"
#include "octet/error.h"
#include "octet/machine.h"
#include "tools/support/program.h"

namespace octet::tools {
namespace {

constexpr const char* kAnyCudaDevice = "cuda";  // each rank has its own

}  // namespace

int run_ranked(const std::function<int(lab::Communicator& world)>& body) {
  const std::unique_ptr<lab::Communicator> world = lab::open_communicator();
  if (world->size() == 1) return body(*world);
  const auto end_all = [&](int exit_code, const char* message) {
    world->abort(exit_code, fmt::format("octet: rank {} on {}: {}", world->rank(), world->host(), message));
  };
  try {
    return body(*world);
  } catch (const Error& error) {
    end_all(exit_code_of(error.code()), error.what());
  } catch (const std::exception& error) {
    end_all(kOwnFailure, error.what());
  }
  return kOwnFailure;
}

void together(lab::Communicator& world, const std::function<void()>& work) {
  lab::all_or_none(world, work, [](const Error& error) { return exit_code_of(error.code()); });
}

std::vector<int> claim_device(lab::Communicator& world, int cores) {
  std::vector<int> cpus;
  std::optional<Error> refused;
  try {
    cpus = lab::bind_to_device(world, cores);
  } catch (const Error& error) {
    refused = error;
  }
  together(world, [&] {
    if (refused) throw Error(*refused);
  });
  return cpus;
}

UsedCalibration shared_calibration(lab::Communicator& world, const std::function<UsedCalibration()>& find) {
  UsedCalibration used;
  together(world, [&] {
    if (world.rank() == 0) used = find();
  });
  if (world.size() == 1) return used;
  const bool calibrated = world.broadcast(used.calibration != nullptr ? "yes" : "") == "yes";
  if (!calibrated) return {};
  const std::string text = world.broadcast(world.rank() == 0 ? used.calibration->to_json() : "");
  const std::string origin = world.broadcast(used.origin);
  if (world.rank() == 0) return used;
  return {std::make_shared<const Calibration>(Calibration::from_json(text, origin)), origin};
}

void refuse_own_threads(const EngineOptions& options) {
  if (options.threads == 0 && options.cpus.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: each rank has as many threads as its core group has CPUs; leave it out",
                          options.threads != 0 ? "--threads" : "--cpus"));
}

void refuse_shared_device(const EngineOptions& options, int ranks) {
  const Device device = parse_device(options.device);
  if (ranks < 2 || device.kind == Device::Kind::kCpu || options.device == kAnyCudaDevice) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("--device {}: {} ranks cannot share a device; expected cuda, which gives each rank the "
                  "CUDA device that has its number on its machine",
                  options.device, ranks));
}

void check_device_count(const EngineOptions& options, int ranks, const std::string& host) {
  if (options.device != kAnyCudaDevice) return;
  const int devices = count_cuda_devices();
  if (devices == 0 || ranks <= devices) return;  // without any, opening the device says why
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("--device cuda: {} ranks, but {} has {} CUDA {}, and each rank needs one of its own; "
                  "start at most {}",
                  ranks, host, devices, devices == 1 ? "device" : "devices", devices));
}

EngineOptions options_on_device(const EngineOptions& options, const std::vector<int>& cpus,
                                const lab::Communicator& world) {
  refuse_own_threads(options);
  refuse_shared_device(options, world.size());
  EngineOptions own = options;
  check_device_count(options, world.host_size(), world.host());
  if (options.device == kAnyCudaDevice)
    own.device = to_string(Device{Device::Kind::kCuda, world.host_rank()});
  own.threads = static_cast<int>(cpus.size());
  if (options.memory_limit.empty())
    if (const std::uint64_t all = describe_machine().memory_bytes; all > 0)
      own.memory_limit = std::to_string(all / static_cast<std::uint64_t>(world.host_size()));
  return own;
}

}  // namespace octet::tools
