// The batch sweep: one network at rising batches and several precisions, as the study swept 1 to 4096. Before
// a row is run it is known whether it fits: its memory is computed without being allocated, and its time is
// predicted from the rows before it. A row that does not fit the memory or the time left says by how much
// instead.
//
// The time of a call is taken as linear in the batch (a part for the weights and the calls, a part for each
// image: what the study's figures show), by the two largest batches measured; after only one it is taken as
// proportional, which is rather too long than too short. A precision without rows borrows those of another.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/bench/observed.h"
#include "lab/bench/octet_system.h"

namespace octet::lab {

/// What the machine can give now: memory that is available (MemAvailable), and no more than the cgroup's
/// limit. 0 if unknown.
std::uint64_t available_memory(const std::filesystem::path& meminfo = "/proc/meminfo");

/// Predicts a row's time from earlier ones. Pure.
class RowForecast {
 public:
  /// Rows may come in any order of batch.
  void learn(Precision precision, int batch, double call_s, double build_s);
  /// Seconds of building, warming up and measuring; nothing as long as nothing was learned.
  std::optional<double> seconds(Precision precision, int batch, const LoadSettings& load) const;

 private:
  struct Learned {
    Precision precision;
    int batch;
    double call_s;
    double build_s;
  };
  std::vector<Learned> of(Precision precision) const;  // by batch; of any precision if this has none

  std::vector<Learned> learned_;
};

struct SweepSettings {
  std::vector<Precision> precisions;
  std::vector<int> batches;        ///< rising
  double time_budget_s = 0;        ///< of the whole sweep; 0: none. The first row is run in any case
  std::uint64_t memory_limit = 0;  ///< of what memory_need() counts; 0: none
  std::uint64_t seed = 1;          ///< of the images
  BuildOptions build;              ///< precision, batch and limit are the row's
  /// For the precisions that need one.
  std::shared_ptr<const Calibration> calibration;
  LoadSettings load;  ///< the batch is the row's
};
/// Throws Error(kInvalidArgument) for settings that make no sense, naming the batch that is out of order.
void check(const SweepSettings& settings);

struct SweepRow {
  Precision precision = Precision::kFloat32;
  int batch = 1;
  enum class Outcome { kMeasured, kDoesNotFit, kNotRun } outcome = Outcome::kMeasured;

  std::uint64_t needed_bytes = 0;
  std::uint64_t limit_bytes = 0;  ///< 0: none
  // Of a row that was not run.
  double predicted_s = 0;
  double left_s = 0;  ///< of the time budget
  // Of a row that was measured.
  SystemInfo info;
  std::string output_hash;
  double build_ms = 0;
  ObservedMeasurement measured;
};

struct SweepCallbacks {
  /// Share of the sweep, and the row in progress; may be empty.
  std::function<void(double done, Precision precision, int batch)> on_progress;
  std::function<void(const SweepRow& row)> on_row;  ///< as soon as it is known; may be empty
};

/// Rows by batch, then precision, so that a time budget ends all precisions at about the same batch and a
/// drift of the machine meets them alike. What is wrong with the settings or with a row's options is thrown
/// before anything is run.
std::vector<SweepRow> run_sweep(const Network& network, const SweepSettings& settings,
                                const SweepCallbacks& callbacks = {}, Clock& clock = system_clock());

}  // namespace octet::lab
