// The kinds of meters, one file each, as find_meters.cc asks them. None throws for a meter that is not there:
// the status says why, and what would help.
#pragma once

#include <memory>
#include <vector>

#include "lab/power/meter.h"
#include "lab/power/trace.h"
#include "lab/support/clock.h"

namespace octet::lab {

struct FoundKind {
  MeterStatus status;
  std::vector<std::unique_ptr<Meter>> meters;
};

/// CPU packages and DRAM by Linux' powercap tree (Intel, and AMD from Zen on).
FoundKind find_rapl(const MeterOptions& options, Clock& clock);
/// NVIDIA GPUs by the management library that their driver brings, loaded at run time. Throws
/// Error(kInvalidArgument) for an ill-formed list of devices, Error for one that was asked for and cannot be
/// read.
FoundKind find_nvml(const MeterOptions& options);
/// The node as its management controller sees it, by `ipmitool dcmi power reading`.
FoundKind find_ipmi(const MeterOptions& options);
/// Throws Error(kInvalidArgument, kNotFound, kIo, kParse) for a file that was asked for and cannot be used.
FoundKind find_wall(const MeterOptions& options);
/// Throws Error(kInvalidArgument) for an ill-formed model.
FoundKind find_model(const MeterOptions& options, Clock& clock);

/// A meter that something else records (a wall meter's file): it is not polled, its trace is made when it is
/// asked for.
class LoggedMeter : public Meter {
 public:
  /// Throws: it cannot be asked.
  double read() final;
  /// What its log says of the time from `start` to `stop`, with the samples around. Throws Error if the log
  /// cannot be read.
  virtual PowerTrace logged(Nanoseconds start, Nanoseconds stop) = 0;
};

}  // namespace octet::lab
