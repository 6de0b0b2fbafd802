#include "lab/study/workshop.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cstring>

#include "lab/bench/measure.h"
#include "lab/bench/sweep.h"
#include "lab/calibration/calibration_images.h"
#include "lab/data/drawn_images.h"
#include "lab/study/jobs/jobs.h"
#include "lab/support/clock.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "lab/support/text.h"
#include "octet/build_info.h"
#include "octet/error.h"
#include "octet/hash.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

constexpr const char* kOwnNetwork = "octet-20";
// Where there are no pictures, scales are made from a few synthetic images: enough to measure speed.
constexpr int kSyntheticImages = 4;
constexpr double kPeerTimeout_s = 600;  // for one answer: a large network's quantization takes minutes
constexpr std::uintmax_t kMaxNetworkBytes = std::uintmax_t{4} << 30;

bool is_peer(const std::string& engine) { return contains(peer_names(), engine); }

MeterOptions meter_options(const StudyConfig::Power& power) {
  MeterOptions options;
  options.rapl_root = power.rapl_root;
  options.nvml_library = power.nvml_library;
  options.nvml_devices = power.nvml_devices;
  options.ipmitool = power.ipmitool;
  options.wall_csv = power.wall_meter;
  options.power_model = power.model;
  return options;
}

ExpectedSpeed expected_speed(const MachinePeaks& peaks) {
  ExpectedSpeed speed;
  if (peaks.fp32_gflops > 0) speed.fp32_gflops = peaks.fp32_gflops;
  speed.int8_gops = peaks.int8_gops > 0 ? peaks.int8_gops : speed.fp32_gflops;
  return speed;
}

std::string file_hash(const std::string& file) {
  const std::string bytes = read_file(file, kMaxNetworkBytes);
  return hash_bytes(std::as_bytes(std::span(bytes)));
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "octet-study-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot be made: {}", name, std::strerror(errno)));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Workshop::Workshop(const StudyConfig& config, const std::atomic<bool>& stop)
    : config_(config),
      stop_(stop),
      machine_(describe_machine()),
      peaks_(measure_peaks(threads(), machine_.best_isa, kPeakSeconds)),
      meters_(find_meters(meter_options(config.power))),
      memory_limit_(config.limits.memory_bytes > 0 ? config.limits.memory_bytes : available_memory()),
      forecast_(config, expected_speed(peaks_), [this](const std::string& name) { return work_of(name); }) {
  if (!wants_peers(config)) return;
  environment_ = find_peers();
  require_peers(config, *environment_);
}

Workshop::~Workshop() = default;

bool wants_peers(const StudyConfig& config) {
  const StudyConfig::Throughput& section = config.throughput;
  return !section.networks.empty() && std::any_of(section.engines.begin(), section.engines.end(), is_peer);
}

void require_peers(const StudyConfig& config, const PeerEnvironment& environment) {
  const StudyConfig::Throughput& section = config.throughput;
  for (const std::string& engine : section.engines)
    if (is_peer(engine)) environment.require(engine);
  if (contains(section.precisions, to_string(Precision::kInt8)) && !environment.quantizer_missing.empty())
    throw Error(ErrorCode::kNotFound,
                fmt::format("other engines in int8 need ONNX Runtime's quantizer: {}. {}",
                            environment.quantizer_missing, how_to_get_peers()));
}

int Workshop::threads() const { return config_.threads > 0 ? config_.threads : machine_.default_threads; }

void Workshop::check_stop() const {
  if (stop_) throw Error(ErrorCode::kInterrupted, "interrupted");
}

PlanMachine Workshop::plan_machine() const {
  PlanMachine plan;
  for (const IsaStatus& status : machine_.isas)
    if (status.usable) plan.isas.emplace_back(to_string(status.isa));
  const BuildInfo& build = build_info();
  plan.identity = fmt::format("{} {} {} {} {} {}", build.version, build.revision, build.compiler, build.flags,
                              machine_.cpu_model, machine_.cpus.size());
  for (const NetworkFiles& files : config_.files)
    plan.identity += fmt::format(" {} {} {}", files.network, file_hash(files.prototxt),
                                 files.weights.empty() ? "" : file_hash(files.weights));
  if (environment_)
    for (const PeerEngine& engine : environment_->engines)
      plan.identity += fmt::format(" {} {}", engine.engine, engine.version);
  return plan;
}

NetworkWork Workshop::work_of(const std::string& name) {
  const auto [entry, is_new] = works_.try_emplace(name);
  if (!is_new) return entry->second;
  // Structure is all that is asked for, but there is no network without weights; it is not kept.
  const NetworkFiles* files = config_.find_files(name);
  NetworkWork work;
  work.calibrating = kSyntheticImages;
  try {
    const Network opened =
        files == nullptr ? Network::zoo(name, config_.seed, memory_limit_)
                         : Network::load_caffe(files->prototxt, std::nullopt, config_.seed, memory_limit_);
    for (const LayerInfo& layer : opened.layers()) work.macs += static_cast<double>(layer.macs);
    if (name == kOwnNetwork || has_own_pictures(name)) {
      const StudyPictures chosen = choose_pictures(name, opened);
      work.measured = chosen.measured.size();
      work.calibrating = chosen.calibrated.size();
      work.photographs = name != kOwnNetwork;
    }
  } catch (const Error&) {
    // Its units will fail with this error, in their turn.
  }
  return works_[name] = work;
}

const Network& Workshop::network(const std::string& name) {
  if (network_ && network_name_ == name) return *network_;
  check_stop();
  network_.reset();  // before the next one takes its memory
  const NetworkFiles* files = config_.find_files(name);
  if (files == nullptr) {
    network_ = Network::zoo(name, config_.seed, memory_limit_);
  } else {
    std::optional<fs::path> weights;
    if (!files->weights.empty()) weights = files->weights;
    network_ = Network::load_caffe(files->prototxt, weights, config_.seed, memory_limit_);
  }
  network_name_ = name;
  return *network_;
}

bool Workshop::has_own_pictures(const std::string& network) const {
  return network != kOwnNetwork && contains(config_.accuracy.networks, network) &&
         !config_.accuracy.images.empty();
}

StudyPictures Workshop::pictures(const std::string& name) { return choose_pictures(name, network(name)); }

StudyPictures Workshop::choose_pictures(const std::string& name, const Network& net) const {
  const StudyConfig::Accuracy& section = config_.accuracy;
  StudyPictures pictures;
  pictures.preprocessing =
      default_preprocessing(name == kOwnNetwork ? kOwnNetwork : net.name(), net.inputs().front().shape);
  const auto calibrating = static_cast<std::size_t>(config_.calibration.pictures);
  if (name == kOwnNetwork) {
    pictures.measured = drawn_dataset(DrawnSet::kTest, static_cast<std::uint64_t>(section.drawn));
    pictures.calibrated = drawn_dataset(DrawnSet::kCalibration, calibrating);
    pictures.description = fmt::format("drawn, test stream, {} pictures", section.drawn);
    return pictures;
  }
  LabelSource source;
  if (!section.labels.empty()) source.labels = section.labels;
  if (!section.devkit_map.empty()) source.devkit_map = section.devkit_map;
  if (!section.synsets.empty()) source.synsets = section.synsets;
  source.classes = static_cast<int>(net.outputs().front().shape.elements_per_image());
  Dataset all = load_labelled(section.images, source);
  if (section.limit > 0 && all.size() > static_cast<std::size_t>(section.limit))
    all.resize(static_cast<std::size_t>(section.limit));
  // Evenly over the list, which may be in order of the classes; at most every second.
  const std::size_t every = std::max<std::size_t>(2, all.size() / calibrating);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool calibrates = i % every == 0 && pictures.calibrated.size() < calibrating;
    (calibrates ? pictures.calibrated : pictures.measured).push_back(all[i]);
  }
  pictures.description =
      fmt::format("folder {}, {} of {} pictures, none of those that calibrate",
                  fs::path(section.images).filename().string(), pictures.measured.size(), all.size());
  return pictures;
}

const StudyCalibration& Workshop::calibration(const std::string& name) {
  if (const auto made = calibrations_.find(name); made != calibrations_.end()) return made->second;
  const Network& net = network(name);
  CalibrationOptions options;
  options.method = parse_calibration_method(config_.calibration.method);
  options.threads = threads();
  options.memory_limit = memory_limit_;
  options.progress = [this](double) { check_stop(); };
  const Nanoseconds start = system_clock().now();
  StudyCalibration made;
  if (name == kOwnNetwork || has_own_pictures(name)) {
    const StudyPictures chosen = pictures(name);
    options.weight_rounding = parse_weight_rounding(config_.calibration.weight_rounding);
    options.pixel_mean = pixel_mean(chosen.preprocessing);
    PipelineOptions pipeline;
    pipeline.skip_broken = true;
    PictureImages images(chosen.calibrated, chosen.preprocessing, pipeline);
    images.describe(name == kOwnNetwork ? "drawn, calibration stream"
                                        : "folder " + fs::path(config_.accuracy.images).filename().string(),
                    options.source);
    made.calibration = std::make_shared<const Calibration>(calibrate(net, images, options));
  } else {
    SyntheticImages images(net.inputs().front().shape, kSyntheticImages, config_.seed);
    images.describe(options.source);
    made.calibration = std::make_shared<const Calibration>(calibrate(net, images, options));
  }
  made.seconds = seconds(system_clock().now() - start);
  forecast_.has_calibration(name);
  return calibrations_.emplace(name, std::move(made)).first->second;
}

fs::path Workshop::calibration_file(const std::string& name) {
  const fs::path file = temporary_.path() / (name + ".json");
  if (!fs::exists(file)) calibration(name).calibration->save(file);
  return file;
}

BuildOptions Workshop::build_options(const Unit& unit) {
  BuildOptions options;
  options.precision = parse_precision(unit.precision);
  options.max_batch = unit.batch;
  options.threads = threads();
  if (!unit.isa.empty()) options.isa = parse_isa(unit.isa);
  if (options.precision == Precision::kInt8 || options.precision == Precision::kInt16)
    options.calibration = calibration(unit.network).calibration;
  return options;
}

PeerModels& Workshop::peers() {
  if (peers_ == nullptr)
    peers_ = std::make_unique<PeerModels>(environment_.value(), temporary_.path() / "models", config_.seed,
                                          kPeerTimeout_s, [this] { check_stop(); });
  return *peers_;
}

Json Workshop::run(const Unit& unit, const std::function<void(double)>& on_progress) {
  switch (unit.kind) {
    case UnitKind::kMachine:
      return machine_job(unit, *this, on_progress);
    case UnitKind::kThroughput:
      return throughput_job(unit, *this, on_progress);
    case UnitKind::kLadder:
      return ladder_job(unit, *this, on_progress);
    case UnitKind::kServer:
      return server_job(unit, *this, on_progress);
    case UnitKind::kScaling:
      return scaling_job(unit, *this, on_progress);
    case UnitKind::kAccuracy:
      return accuracy_job(unit, *this, on_progress);
    case UnitKind::kLayers:
      return layers_job(unit, *this, on_progress);
    case UnitKind::kCalibration:
      return calibration_job(unit, *this, on_progress);
    case UnitKind::kProjected:
      return projected_job(unit, *this, on_progress);
  }
  throw Error(ErrorCode::kInternal, "a unit of no kind");
}

void Workshop::learn(const Unit& unit, const Json& record) {
  if (unit.kind == UnitKind::kCalibration && record.at("outcome") == "measured")
    forecast_.learn_calibration(unit.network, record.at("seconds").get<double>());
  if (unit.kind != UnitKind::kThroughput || record.at("outcome") != "measured") return;
  for (const Json& system : record.at("systems")) {
    if (system.contains("outcome") || system.at("info").at("engine") != "octet") continue;
    const Measurement measurement = measurement_from(system);
    forecast_.learn(unit.network, unit.precision, unit.batch, 1 / total_rate(measurement));
  }
}

}  // namespace octet::lab
