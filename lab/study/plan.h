// What a study will do: its configuration as a list of units of work, the most important first, so that a
// study that is cut short has measured what matters. Pure: the same configuration and machine give the same
// plan.
//
// Order: the machine; each network's headline batch, and how it is calibrated; accuracy; projections; then
// network by network all the rest. A unit is what a record (record.h) is of: it is done whole or done again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lab/study/config.h"

namespace octet::lab {

/// Of a system in a timed unit, however long they take: fewer have no distribution, and the figure would be
/// SUSPECT for it.
inline constexpr int kLeastCalls = 6;

enum class UnitKind {
  kMachine,
  kThroughput,
  kLadder,
  kServer,
  kScaling,
  kAccuracy,
  kLayers,
  kCalibration,
  kProjected,
};
const char* to_string(UnitKind kind);  // "machine", "throughput", ...: the record's kind

struct Unit {
  UnitKind kind = UnitKind::kMachine;
  std::string key;  ///< of its record
  std::string network;
  std::string precision;
  int batch = 0;
  std::string isa;     ///< ladder
  int ranks = 0;       ///< scaling
  std::string target;  ///< projected
  /// Hash of all options that the record depends on, and of what the plan was made for.
  std::string depends;
};

struct PlanMachine {
  std::vector<std::string> isas;  ///< that can be used here, rising
  /// What else a record depends on: this machine, this build, the contents of the networks' files.
  std::string identity;
};

std::vector<Unit> plan_study(const StudyConfig& config, const PlanMachine& machine);

/// How fast this machine is expected to be, for forecasts.
struct ExpectedSpeed {
  double fp32_gflops = 100;  ///< measured peaks, all threads
  double int8_gops = 300;
  double generic_share = 0.1;  ///< of them that an instruction set two steps down may reach
};

/// How much there is to compute of a network.
struct NetworkWork {
  double macs = 0;              ///< multiply-accumulates of an image
  std::size_t measured = 0;     ///< pictures that its accuracy is measured on
  std::size_t calibrating = 0;  ///< images that its INT8 scales are made from
  bool photographs = false;     ///< these come from files, which have to be decoded
};

/// Forecasts of a unit's time, from peaks at first, then from what was measured of the same network.
class Forecast {
 public:
  Forecast(const StudyConfig& config, ExpectedSpeed speed,
           std::function<NetworkWork(const std::string& network)> work);

  /// Of the unit itself.
  double seconds(const Unit& unit) const;
  /// What comes to it where the unit is its network's first that needs a calibration.
  double preparation_s(const Unit& unit) const;

  /// Seconds of an image, as measured.
  void learn(const std::string& network, const std::string& precision, int batch, double image_s);
  /// Seconds that its calibration took once.
  void learn_calibration(const std::string& network, double calibration_s);
  /// It is there and costs nothing more.
  void has_calibration(const std::string& network);

 private:
  struct Learned {
    std::string network, precision;
    int batch;
    double image_s;
  };
  double image_s(const Unit& unit) const;
  double throughput_s(double call_s) const;
  double accuracy_s(const Unit& unit) const;

  const StudyConfig& config_;
  ExpectedSpeed speed_;
  std::function<NetworkWork(const std::string&)> work_;
  std::vector<Learned> learned_;
  std::map<std::string, double> calibration_s_;  // by network, where known
};

}  // namespace octet::lab
