// Runs a study's units one after the other and keeps its folder in order: what is recorded already is not
// done again, every record is written when its unit is done, the report is written anew from time to time,
// and an interruption gives up the unit in progress and leaves a valid bundle of all the others.
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lab/study/config.h"
#include "lab/study/plan.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

/// Does the work of units; the study's own is workshop.h.
class UnitWorker {
 public:
  virtual ~UnitWorker() = default;
  /// The members that a record of the unit's kind has of its own; `outcome` is "measured" where it is left
  /// out. What it throws becomes a record of outcome "failed", but for Error(kInterrupted), which ends the
  /// study.
  virtual Json run(const Unit& unit, const std::function<void(double share)>& on_progress) = 0;
  /// Of the unit itself.
  virtual double forecast_s(const Unit& unit) const = 0;
  /// Of what is made once for a network, if this unit needs it and it is not there yet.
  virtual double preparation_s(const Unit& /*unit*/) const { return 0; }
  /// Of records that are new or were kept, so that later forecasts are better.
  virtual void learn(const Unit& unit, const Json& record) = 0;
};

/// When a unit's turn comes.
struct PlannedTime {
  double seconds = 0;     ///< with the network's preparation, if it is the first that needs it
  bool too_long = false;  ///< the unit itself would pass the limit of one measurement, and is not run
};
/// Forecasts of units that are done one after the other. `unit_s`: the limit; 0: none.
std::vector<PlannedTime> planned_times(const UnitWorker& worker, std::span<const Unit> units, double unit_s);

struct StudyProgress {
  std::size_t done = 0;  ///< units
  std::size_t units = 0;
  std::string unit;       ///< key of the unit in progress
  double unit_share = 0;  ///< of it, 0..1
  double elapsed_s = 0;   ///< of this run
  double left_s = 0;      ///< forecast
};

/// How many units ended how.
struct StudyReport {
  std::size_t units = 0;
  std::size_t kept = 0;  ///< had their record already
  std::size_t measured = 0;
  std::size_t does_not_fit = 0;
  std::size_t not_run = 0;
  std::vector<std::string> failed;  ///< "throughput/x/int8/b8: why"
  bool interrupted = false;
  bool complete() const { return !interrupted; }
};

struct RunnerCallbacks {
  std::function<void(const StudyProgress&)> on_progress;           ///< may be empty
  std::function<void(const Unit&, const Json& record)> on_record;  ///< of new records; may be empty
};

/// The folder of a study, claimed for this process as long as the object lives.
class StudyFolder {
 public:
  /// Makes the folder if need be. Throws Error before anything is measured: kIo (cannot be written to, the
  /// disk is full), kInvalidArgument (there are other files in it, another study runs in it).
  explicit StudyFolder(const std::filesystem::path& folder);
  ~StudyFolder();
  StudyFolder(const StudyFolder&) = delete;
  StudyFolder& operator=(const StudyFolder&) = delete;
  const std::filesystem::path& path() const { return folder_; }

 private:
  std::filesystem::path folder_;
  int lock_ = -1;
};

/// Writes study.toml, runs the units, and leaves a bundle. `stop` set: the unit in progress is given up (the
/// worker sees the same flag) and the bundle of what there is gets written. Throws Error(kIo) if the folder
/// cannot be written to any more: records that are in it stay.
StudyReport run_study(const StudyFolder& folder, const StudyConfig& config, const std::vector<Unit>& units,
                      UnitWorker& worker, const std::atomic<bool>& stop,
                      const RunnerCallbacks& callbacks = {});

}  // namespace octet::lab
