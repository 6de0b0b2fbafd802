// What the commands that may run as several ranks share: who speaks, and what all must agree on.
#pragma once

#include <functional>
#include <vector>

#include "lab/mpi/communicator.h"
#include "octet/engine.h"
#include "tools/octet/common_options.h"

namespace octet::tools {

/// Opens the world and runs `body` in it. An exception on one of several ranks ends them all, its message
/// with rank and machine on stderr.
int run_ranked(const std::function<int(lab::Communicator& world)>& body);

/// lab::all_or_none with this program's exit codes.
void together(lab::Communicator& world, const std::function<void()>& work);

/// lab::bind_to_device; what is wrong is said once.
std::vector<int> claim_device(lab::Communicator& world, int cores);

/// `find` on rank 0; its calibration on all ranks.
UsedCalibration shared_calibration(lab::Communicator& world, const std::function<UsedCalibration()>& find);

/// Throws Error(kInvalidArgument) for --threads or --cpus, which ranks have from their devices.
void refuse_own_threads(const EngineOptions& options);

/// Throws Error(kInvalidArgument) for a GPU that several ranks would share.
void refuse_shared_device(const EngineOptions& options, int ranks);

/// Throws Error(kInvalidArgument) for `--device cuda` with more ranks on this machine, `host` in messages,
/// than it has GPUs.
void check_device_count(const EngineOptions& options, int ranks, const std::string& host);

/// Threads of a rank's engine and the memory that it may take: as many as its device has CPUs, and its part
/// of what the machine has; with `--device cuda` the GPU that has the rank's number on its machine. Throws as
/// the three above.
EngineOptions options_on_device(const EngineOptions& options, const std::vector<int>& cpus,
                                const lab::Communicator& world);

}  // namespace octet::tools
