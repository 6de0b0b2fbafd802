// octet tune: the fastest precision of each layer within an accuracy budget.
#include "lab/tune/tuner.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include "lab/calibration/calibration_images.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/picture_sets.h"
#include "tools/support/json_output.h"
#include "tools/support/program.h"
#include "tools/support/progress.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

struct TuneArguments {
  NetworkOptions network;
  EngineOptions engine;
  PictureOptions pictures;
  LabelledOptions labelled;
  OutputOptions output;
  lab::TuneOptions tune;
  std::string candidates = "int8,int16,bf16,fp32";
  std::string file;

  TuneArguments() {
    engine.precision = "mixed";
    engine.batch = 8;
  }
};

lab::TuneOptions tune_options(const TuneArguments& options) {
  lab::TuneOptions tune = options.tune;
  tune.candidates.clear();
  std::istringstream stream(options.candidates);
  for (std::string word; std::getline(stream, word, ',');) {
    tune.candidates.push_back(parse_precision(word));
    if (tune.candidates.back() == Precision::kMixed)
      throw Error(ErrorCode::kInvalidArgument, "--candidates: a layer cannot be mixed");
  }
  if (tune.candidates.empty())
    throw Error(ErrorCode::kInvalidArgument, "--candidates: expected a list such as int8,fp32, got nothing");
  tune.pipeline = pipeline_options(options.labelled, options.engine.batch);
  return tune;
}

/// From the file; else made on the very pictures that are tuned on (of octet-20: on drawn ones of their own).
UsedCalibration base_calibration(const TuneArguments& options, const Network& network,
                                 const lab::Dataset& pictures, const lab::Preprocessing& preprocessing) {
  if (!options.engine.calibration.empty())
    return load_calibration(options.engine.calibration, network, lab::hash(preprocessing),
                            options.engine.force);
  if (network.calibration() != nullptr) return own_calibration(network);
  if (options.labelled.drawn > 0)
    return improvise_calibration(network, &preprocessing, options.network.seed, options.engine.threads,
                                 memory_limit_of(options.engine));
  lab::PictureImages images(lab::select_pictures(pictures, {}), preprocessing,
                            pipeline_options(options.labelled, lab::CalibrationSelection().batch));
  CalibrationOptions calibration_options;
  calibration_options.pixel_mean = lab::pixel_mean(preprocessing);
  calibration_options.threads = build_options(options.engine).threads;
  calibration_options.memory_limit = memory_limit_of(options.engine);
  Progress progress("calibrate");
  calibration_options.progress = [&](double share) { progress.update(share); };
  auto calibration = std::make_shared<Calibration>(calibrate(network, images, calibration_options));
  progress.clear();
  images.describe("the tuning pictures", calibration->source);
  warn(fmt::format("no calibration file: calibrated on {}", calibration->source.data));
  return {calibration, calibration->source.data};
}

/// Pictures that were tuned on are no fairer to measure on than those that calibrated.
void record_pictures(const lab::Dataset& pictures, Calibration& calibration) {
  std::set<std::string> known(calibration.source.pictures.begin(), calibration.source.pictures.end());
  for (const lab::Sample& sample : pictures) {
    if (sample.drawn) continue;
    std::string record = lab::content_hash(sample) + " " + sample.path.filename().string();
    if (known.insert(record).second) calibration.source.pictures.push_back(std::move(record));
  }
}

Json to_json(const TuneArguments& options, const lab::TuneOptions& tune, const Network& network,
             const lab::TuneResult& result, const UsedCalibration& base) {
  Json layers = Json::array();
  for (const lab::TunedLayer& layer : result.layers) {
    Json ms = Json::object(), damage = Json::object();
    for (std::size_t c = 0; c < tune.candidates.size(); ++c) {
      ms[to_string(tune.candidates[c])] = layer.ms[c];
      damage[to_string(tune.candidates[c])] = layer.damage[c];
    }
    layers.push_back({{"name", layer.name},
                      {"precision", to_string(layer.precision)},
                      {"sensitivity", layer.sensitivity},
                      {"divergence_nats", std::move(damage)},
                      {"ms", std::move(ms)}});
  }
  return {{"network", network.name()},
          {"network_hash", network.hash()},
          {"calibration", octet::tools::to_json(base)},
          {"images", result.images},
          {"batch", options.engine.batch},
          {"max_drop", tune.max_drop},
          {"drop", -result.top1.delta},
          {"drop_ci95", {-result.top1.ci95.high, -result.top1.ci95.low}},
          {"mcnemar_p", result.top1.mcnemar_p},
          {"within", result.within},
          {"fp32_ms", result.fp32_ms},
          {"tuned_ms", result.tuned_ms},
          {"speedup", result.fp32_ms / result.tuned_ms},
          {"measurements", result.measurements},
          {"layers", std::move(layers)}};
}

void print_text(const lab::TuneOptions& tune, const Network& network, const lab::TuneResult& result,
                const UsedCalibration& base) {
  fmt::print("{} on {} pictures; calibration {}\n\n", network.name(), result.images, base.origin);
  std::vector<Table::Column> columns = {{"layer"}, {"precision"}, {"top-1 lost", kRight}};
  for (Precision candidate : tune.candidates)
    columns.push_back({fmt::format("{} ms", to_string(candidate)), kRight});
  for (Precision candidate : tune.candidates)
    columns.push_back({fmt::format("{} nats", to_string(candidate)), kRight});
  Table table(columns);
  for (const lab::TunedLayer& layer : result.layers) {
    std::vector<std::string> row = {layer.name, to_string(layer.precision),
                                    fmt::format("{:.2f}", layer.sensitivity)};
    for (double ms : layer.ms) row.push_back(fmt::format("{:.3f}", ms));
    for (double damage : layer.damage) row.push_back(fmt::format("{:.2g}", damage));
    table.add_row(std::move(row));
  }
  table.print();
  fmt::print(
      "\n{}: top-1 falls by {:.2f} points, budget {:.2f} (95 % interval {:+.2f} to {:+.2f}), after {} "
      "measurements\n{:.3f} ms a batch, {:.2f} times as fast as FP32\n",
      result.within ? "within the budget" : "NOT within the budget", -result.top1.delta, tune.max_drop,
      -result.top1.ci95.high, -result.top1.ci95.low, result.measurements, result.tuned_ms,
      result.fp32_ms / result.tuned_ms);
}

int run(const TuneArguments& options) {
  const lab::TuneOptions asked = tune_options(options);
  build_options(options.engine);  // says what is wrong with the options before a large network is loaded
  const Network network = open_network(options.network, memory_limit_of(options.engine));
  const lab::Preprocessing preprocessing = make_preprocessing(options.pictures, network);
  const lab::Dataset pictures =
      load_labelled_pictures(options.labelled, lab::DrawnSet::kValidation, count_classes(network));
  const UsedCalibration base = base_calibration(options, network, pictures, preprocessing);
  const lab::EngineBuilder build = [&](Precision precision, std::shared_ptr<const Calibration> calibration) {
    EngineOptions engine = options.engine;
    engine.precision = to_string(precision);
    return build_engine(network, engine, {std::move(calibration), ""});
  };
  lab::TuneOptions tune = asked;
  Progress progress("tune");
  tune.progress = [&](const char* stage, double share) { progress.update(share, stage); };
  lab::TuneResult result = lab::tune(*base.calibration, pictures, preprocessing, build, tune);
  progress.clear();
  for (const lab::BrokenImage& image : result.broken) warn("skipped " + image.message);
  record_pictures(pictures, result.calibration);
  if (!options.file.empty()) result.calibration.save(options.file);
  if (options.output.json())
    print_json(to_json(options, tune, network, result, base));
  else
    print_text(tune, network, result, base);
  return result.within ? kSuccess : kAnswerIsNo;
}

}  // namespace

void add_tune(CLI::App& program, Run& selected) {
  auto options = std::make_shared<TuneArguments>();
  CLI::App* command = program.add_subcommand("tune", "precision of each layer within an accuracy budget");
  add_network_options(*command, options->network);
  add_labelled_options(*command, options->labelled);
  command->add_option("--max-drop", options->tune.max_drop, "points of top-1 that may be lost against FP32")
      ->type_name("P")
      ->required();
  command->add_option("-o,--output", options->file, "the calibration with each layer's precision")
      ->type_name("FILE");
  command
      ->add_option("--candidates", options->candidates,
                   "precisions to choose from; layers start at the first")
      ->type_name("LIST");
  command
      ->add_option("--sensitivity-images", options->tune.sensitivity_images,
                   "pictures on which each layer is tried alone")
      ->type_name("N");
  command
      ->add_option("--max-measurements", options->tune.max_measurements,
                   "assignments to measure on all pictures before the search ends")
      ->type_name("N");
  add_picture_options(*command, options->pictures);
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "Each layer is tried alone in each precision: how far the network's output moves (Kullback-Leibler\n"
      "divergence, nats) and how long the layer takes here. From all layers in INT8, the layer that gains "
      "most\n"
      "for its time is raised until the drop on the pictures is within the budget; needless raises are "
      "taken\n"
      "back. The pictures are recorded, so that octet accuracy leaves them out. Exit code 3 if the budget\n"
      "cannot be met. Run with: octet bench NET --precision mixed --calibration FILE\n\n"
      "Example:\n  octet tune octet-20 --drawn 2000 --max-drop 0.1 -o mixed.json");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
