#include <algorithm>
#include <cmath>

#include "lab/study/plan.h"

namespace octet::lab {
namespace {

// Shares of the peaks that whole networks reach; FP32 may pass its own by Winograd.
constexpr double kFp32Share = 0.9;
constexpr double kInt8Share = 0.6;

constexpr double kBuildSeconds = 0.4;    // importing and building an engine
constexpr double kPeerStartSeconds = 5;  // Python, conversion, quantization
constexpr double kWarmupCalls = 5;
constexpr double kWarmupSeconds = 0.15;  // at least
constexpr double kServerTrials = 7;
constexpr double kServerLoad = 1.3;  // seconds of a trial for each second of work in it
constexpr double kRankStartSeconds = 2;
constexpr double kDrawnImageSeconds = 0.0003;
constexpr double kPhotographSeconds = 0.005;
// A calibration, in runs of an FP32 image: weights and statistics of all tensors, then more for each image.
constexpr double kCalibrationRuns = 45;
constexpr double kCalibrationRunsAnImage = 4;

bool has_integers(const std::string& precision) { return precision.starts_with("int"); }

/// Whether a unit works with its network's scales.
bool needs_calibration(const Unit& unit, const StudyConfig& config) {
  switch (unit.kind) {
    case UnitKind::kMachine:
    case UnitKind::kProjected:
      return false;
    case UnitKind::kCalibration:
      return true;
    case UnitKind::kAccuracy:
      return std::any_of(config.accuracy.precisions.begin(), config.accuracy.precisions.end(), has_integers);
    default:
      return has_integers(unit.precision);
  }
}

/// Of the best instruction set's speed that another one reaches, roughly.
double isa_share(const std::string& isa, const std::string& precision, double generic_share) {
  if (isa.empty() || isa.starts_with("avx512") || isa == "amx") return 1;
  if (isa == "avx2") return precision == "fp32" ? 0.6 : 0.3;
  return generic_share;
}

}  // namespace

Forecast::Forecast(const StudyConfig& config, ExpectedSpeed speed,
                   std::function<NetworkWork(const std::string&)> work)
    : config_(config), speed_(speed), work_(std::move(work)) {}

void Forecast::learn(const std::string& network, const std::string& precision, int batch, double image_s) {
  learned_.push_back({network, precision, batch, image_s});
}

void Forecast::learn_calibration(const std::string& network, double calibration_s) {
  calibration_s_.try_emplace(network, calibration_s);
}

void Forecast::has_calibration(const std::string& network) { calibration_s_[network] = 0; }

double Forecast::preparation_s(const Unit& unit) const {
  if (!needs_calibration(unit, config_)) return 0;
  if (const auto known = calibration_s_.find(unit.network); known != calibration_s_.end())
    return known->second;
  Unit run = unit;
  run.precision = "fp32";
  run.isa.clear();
  const NetworkWork work = work_(unit.network);
  const auto images = static_cast<double>(work.calibrating);
  return (kCalibrationRuns + kCalibrationRunsAnImage * images) * image_s(run) +
         images * (work.photographs ? kPhotographSeconds : kDrawnImageSeconds);
}

double Forecast::image_s(const Unit& unit) const {
  // The nearest batch tells most.
  const Learned* nearest = nullptr;
  const auto distance = [&](const Learned& entry) {
    return std::abs(std::log(static_cast<double>(std::max(unit.batch, 1)) / entry.batch));
  };
  for (const Learned& entry : learned_)
    if (entry.network == unit.network && entry.precision == unit.precision &&
        (nearest == nullptr || distance(entry) < distance(*nearest)))
      nearest = &entry;
  const double share = isa_share(unit.isa, unit.precision, speed_.generic_share);
  if (nearest != nullptr) return nearest->image_s / share;
  const bool integers = unit.precision.starts_with("int8");
  const double giga_ops = 2e-9 * work_(unit.network).macs;
  return giga_ops / (integers ? kInt8Share * speed_.int8_gops : kFp32Share * speed_.fp32_gflops) / share;
}

double Forecast::throughput_s(double call_s) const {
  const StudyConfig::Throughput& section = config_.throughput;
  const auto engines = static_cast<double>(section.engines.size());
  const auto peers =
      static_cast<double>(std::count_if(section.engines.begin(), section.engines.end(),
                                        [](const std::string& engine) { return engine != "octet"; }));
  const double warmup = std::min(std::max(kWarmupSeconds, kWarmupCalls * call_s), section.warmup_s + call_s);
  const double rounds = section.rounds;
  const double timed =
      std::max(section.seconds + 0.5 * rounds * call_s, std::max(rounds, double{kLeastCalls}) * call_s) +
      rounds * call_s;
  return kBuildSeconds + peers * kPeerStartSeconds + engines * (warmup + timed);
}

double Forecast::accuracy_s(const Unit& unit) const {
  const NetworkWork work = work_(unit.network);
  double picture_s = work.photographs ? kPhotographSeconds : kDrawnImageSeconds;
  Unit run = unit;
  for (const std::string& precision : config_.accuracy.precisions) {
    run.precision = precision;
    picture_s += image_s(run);
  }
  return kBuildSeconds + static_cast<double>(work.measured) * picture_s;
}

double Forecast::seconds(const Unit& unit) const {
  const auto batch = static_cast<double>(unit.batch);
  switch (unit.kind) {
    case UnitKind::kMachine:
      return config_.power.idle_s + 1;
    case UnitKind::kProjected:
    case UnitKind::kCalibration:
      return 0.05;
    case UnitKind::kThroughput:
      return throughput_s(batch * image_s(unit));
    case UnitKind::kLadder:
      return kBuildSeconds + std::max(config_.ladder.seconds, kLeastCalls * batch * image_s(unit)) +
             (kWarmupCalls + 1) * batch * image_s(unit);
    case UnitKind::kServer:
      return kBuildSeconds + kServerTrials * std::max(config_.server.seconds,
                                                      kServerLoad * config_.server.requests * image_s(unit));
    case UnitKind::kScaling:
      return kRankStartSeconds + kBuildSeconds + config_.scaling.seconds +
             (kWarmupCalls + 1) * batch * image_s(unit) * unit.ranks;
    case UnitKind::kLayers:
      // Timed runs and untimed ones.
      return kBuildSeconds + (2 * config_.layers.iterations + 2) * batch * image_s(unit);
    case UnitKind::kAccuracy:
      return accuracy_s(unit);
  }
  return 0;
}

}  // namespace octet::lab
