// Scaling over devices: the same engine on 1, 2, ... devices at the same time, one rank a device, as the
// study ran one MPI rank a GPU. All ranks warm up, meet, and start together at one agreed time; each keeps
// the start and the stop of every call on its own clock, and how its clock lies to rank 0's.
//
// Total: images of all ranks / (last stop - first start), on rank 0's clock. Every rank measures for the same
// time and finishes the call it is in, so the last stop is late by up to one call; each then makes a call
// that does not count, so that no rank's last call runs on a machine that has already become quieter.
// Efficiency: total(k) / (k x total(1)), where the one rank of total(1) has one device of the same size.
// Serial fraction: Karp and Flatt, "Measuring parallel processor performance" (1990): what share of the work
// would have to be serial to explain the efficiency; rising with k, it says that overhead grows.
//
// The functions here are pure; rank.h measures and launcher.h starts ranks. JSON as in docs/study-bundle.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lab/bench/measure.h"
#include "lab/bench/system_under_test.h"
#include "lab/evidence/observation.h"
#include "lab/evidence/verdict.h"
#include "lab/mpi/communicator.h"
#include "lab/power/trace.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

/// What one rank measured.
struct RankRun {
  int rank = 0;
  std::string host;
  std::vector<int> cpus;  ///< its core group: its device, or what serves its GPU (info.device)
  SystemInfo info;
  std::string output_hash;
  Measurement measurement;  ///< times of its own clock
  ClockOffset clock;
  Observation observation;
  std::vector<PowerTrace> power;  ///< of the first rank of a host; its own clock
};

/// One point of the series: `ranks` devices at the same time.
struct ScalingRun {
  std::string network;
  std::string precision;
  int batch = 1;
  int ranks = 1;
  std::vector<RankRun> per_rank;  ///< in order of rank
};

/// The members that a record of kind `scaling` has of its own.
Json to_json(const ScalingRun& run);
Json to_json(const RankRun& run);
/// Throws Error(kParse) saying what is missing.
ScalingRun scaling_run_from(const Json& json);
RankRun rank_run_from(const Json& json);

struct ScalingFigures {
  int ranks = 1;
  double images_per_second = 0;
  double sum_of_rates = 0;    ///< of the ranks' own images / (own last stop - own first start)
  std::vector<double> rates;  ///< those, by rank
  double start_skew_ms = 0;   ///< last rank's start - first rank's
  double stop_skew_ms = 0;
  double skew_ms = 0;               ///< the larger
  double clock_uncertainty_ms = 0;  ///< largest of the ranks'
  Window window;                    ///< first start to last stop, rank 0's clock
};
/// Throws Error(kParse) for a run without ranks, or a rank without calls.
ScalingFigures scaling_figures(const ScalingRun& run);

/// Percent.
double scaling_efficiency(const ScalingFigures& run, const ScalingFigures& one_rank);
/// Of the speedup over one rank; nothing for one rank. Negative where the speedup is more than linear.
std::optional<double> karp_flatt(double speedup, int ranks);

/// The worst of the ranks' verdicts, reasons with their rank before them; with "skew" where the ranks started
/// or stopped further apart than kMaxSkew of the window, "clock-offset" where it is not known well enough
/// which was first, and "outputs-differ" (INVALID) where ranks of the same instruction set computed different
/// outputs.
Judgement judge(const ScalingRun& run);
inline constexpr double kMaxSkew = 0.05;
inline constexpr double kMaxClockUncertainty = 0.005;  ///< of the window

/// A row of `octet scale`: {ranks, images_per_second, sum_of_rates, efficiency, skew {start_ms, stop_ms},
/// skew_ms, serial_fraction, verdict, reasons, per_rank[] {rank, host, cpus, images_per_second, calls, device
/// (of a GPU)}}. `one_rank` null: efficiency and serial_fraction are left out.
Json scaling_row(const ScalingRun& run, const ScalingFigures* one_rank);

}  // namespace octet::lab
