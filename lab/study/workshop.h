// What the jobs of a study work with: the network in hand, calibrations, meters, the machine's peaks. One
// network is held at a time, so that memory is bounded; calibrations are small and kept, so that none is
// made twice.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/data/dataset.h"
#include "lab/data/protocol.h"
#include "lab/peers/peer_environment.h"
#include "lab/peers/peer_system.h"
#include "lab/power/meter.h"
#include "lab/study/config.h"
#include "lab/study/plan.h"
#include "lab/study/runner.h"
#include "octet/calibration.h"
#include "octet/engine.h"
#include "octet/machine.h"
#include "octet/network.h"

namespace octet::lab {

/// A folder under the system's place for temporary files, gone with its object.
class TemporaryFolder {
 public:
  TemporaryFolder();  // throws Error(kIo)
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

constexpr double kPeakSeconds = 0.05;  ///< to measure one of the machine's peaks

/// The pictures that a network's accuracy is measured on, and those that it is calibrated on.
struct StudyPictures {
  std::string description;  ///< "drawn, test stream, 2000", "folder val, 48750 pictures"
  Dataset measured;
  Dataset calibrated;
  Preprocessing preprocessing;
};

/// A calibration and how long it took to make.
struct StudyCalibration {
  std::shared_ptr<const Calibration> calibration;
  double seconds = 0;
};

/// Whether a study measures engines beside Octet.
bool wants_peers(const StudyConfig& config);
/// Throws Error(kNotFound), with how to get it, if one of them or what it needs is not there.
void require_peers(const StudyConfig& config, const PeerEnvironment& environment);

class Workshop final : public UnitWorker {
 public:
  /// Both must outlive it. Throws what find_meters throws, and Error(kNotFound) where the configuration asks
  /// for another engine that is not there, with how to get it.
  Workshop(const StudyConfig& config, const std::atomic<bool>& stop);
  ~Workshop() override;

  Json run(const Unit& unit, const std::function<void(double share)>& on_progress) override;
  double forecast_s(const Unit& unit) const override { return forecast_.seconds(unit); }
  double preparation_s(const Unit& unit) const override { return forecast_.preparation_s(unit); }
  void learn(const Unit& unit, const Json& record) override;

  /// What plan_study takes.
  PlanMachine plan_machine() const;

  // For the jobs.

  const StudyConfig& config() const { return config_; }
  const MachineInfo& machine() const { return machine_; }
  const MachinePeaks& peaks() const { return peaks_; }  ///< of all threads and the best instruction set
  int threads() const;
  /// Throws Error(kInterrupted) once the study is to stop.
  void check_stop() const;
  bool stopping() const { return stop_; }

  const Network& network(const std::string& name);
  bool has_own_pictures(const std::string& network) const;
  StudyPictures pictures(const std::string& network);
  const StudyCalibration& calibration(const std::string& network);
  /// The same as a file, for ranks.
  std::filesystem::path calibration_file(const std::string& network);
  /// Threads, memory limit, calibration where the precision needs one.
  BuildOptions build_options(const Unit& unit);
  /// Of bytes for weights, activations, inputs and outputs together.
  std::uint64_t memory_limit() const { return memory_limit_; }

  const FoundMeters& meters() const { return meters_; }
  PeerModels& peers();

 private:
  NetworkWork work_of(const std::string& network);
  StudyPictures choose_pictures(const std::string& name, const Network& network) const;

  const StudyConfig& config_;
  const std::atomic<bool>& stop_;
  MachineInfo machine_;
  MachinePeaks peaks_;
  FoundMeters meters_;
  std::uint64_t memory_limit_ = 0;
  TemporaryFolder temporary_;
  std::optional<Network> network_;
  std::string network_name_;
  std::map<std::string, StudyCalibration> calibrations_;
  std::map<std::string, NetworkWork> works_;
  std::optional<PeerEnvironment> environment_;  // of peers, where there is one to be measured
  std::unique_ptr<PeerModels> peers_;
  Forecast forecast_;
};

}  // namespace octet::lab
