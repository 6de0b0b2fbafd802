// octet accuracy: top-1 and top-5 over labelled pictures, and whether the precisions differ.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <sstream>

#include "lab/accuracy/accuracy.h"
#include "lab/accuracy/checkpoint.h"
#include "lab/accuracy/paired.h"
#include "lab/accuracy/parts.h"
#include "lab/calibration/calibration_images.h"
#include "octet/error.h"
#include "tools/octet/accuracy_report.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/picture_sets.h"
#include "tools/octet/ranks.h"
#include "tools/support/program.h"
#include "tools/support/progress.h"

namespace octet::tools {
namespace {

constexpr auto kCheckpointInterval = std::chrono::seconds(10);

struct AccuracyArguments {
  NetworkOptions network;
  EngineOptions engine;
  PictureOptions pictures;
  LabelledOptions labelled;
  OutputOptions output;
  bool include_calibration = false;
  std::string resume;

  AccuracyArguments() { engine.batch = 32; }
};

std::vector<std::string> split_precisions(const std::string& list) {
  std::vector<std::string> precisions;
  std::istringstream stream(list);
  for (std::string word; std::getline(stream, word, ',');) {
    parse_precision(word);
    precisions.push_back(word);
  }
  if (precisions.empty())
    throw Error(ErrorCode::kInvalidArgument, "--precision: expected a list such as fp32,int8, got nothing");
  return precisions;
}

/// One calibration serves all precisions of the list that need one.
UsedCalibration calibration_for(const AccuracyArguments& options, const Network& network,
                                const std::vector<std::string>& precisions,
                                const lab::Preprocessing& preprocessing) {
  EngineOptions engine = options.engine;
  engine.precision = precisions.front();
  for (const std::string& precision : precisions)  // mixed asks for the most
    if (needs_calibration(parse_precision(precision)) && engine.precision != "mixed")
      engine.precision = precision;
  return find_calibration(network, engine, options.network.seed, &preprocessing);
}

struct Engines {
  std::vector<lab::Runner> runners;
  std::vector<std::string> identities;  // for the checkpoint
};

Engines build_engines(const AccuracyArguments& options, const Network& network,
                      const std::vector<std::string>& precisions, const UsedCalibration& calibration) {
  Engines engines;
  for (const std::string& precision : precisions) {
    EngineOptions engine_options = options.engine;
    engine_options.precision = precision;
    const bool calibrated = needs_calibration(parse_precision(precision));
    const Engine engine = build_engine(network, engine_options, calibrated ? calibration : UsedCalibration{});
    auto context = std::make_shared<Context>(engine.create_context());
    engines.runners.push_back([context](int batch, std::span<const float> input, std::span<float> output) {
      context->run(batch, input, output);
    });
    engines.identities.push_back(fmt::format("{} {}{}", precision, engine.target(),
                                             calibrated ? " " + calibration.calibration->hash() : ""));
  }
  return engines;
}

/// Evaluates; with --resume goes on where the file says, and writes it every few seconds.
lab::Evaluation evaluate(const AccuracyArguments& options, const Network& network, const Engines& engines,
                         const lab::Dataset& dataset, const lab::Preprocessing& preprocessing) {
  lab::EvaluateOptions evaluate_options;
  evaluate_options.classes = count_classes(network);
  evaluate_options.pipeline = pipeline_options(options.labelled, options.engine.batch);
  std::optional<lab::Evaluation> resumed;
  lab::EvaluationIdentity identity;
  if (!options.resume.empty()) {
    identity = {network.hash(), lab::hash(preprocessing), lab::listing_hash(dataset), engines.identities};
    resumed = lab::load_checkpoint(options.resume, identity);
    if (resumed) evaluate_options.resumed = &*resumed;
  }
  Progress progress("accuracy");
  auto saved = std::chrono::steady_clock::now();
  evaluate_options.after_batch = [&](const lab::Evaluation& so_far) {
    progress.update(static_cast<double>(so_far.done) / static_cast<double>(dataset.size()),
                    fmt::format("{} of {} pictures", so_far.done, dataset.size()));
    if (options.resume.empty() || std::chrono::steady_clock::now() - saved < kCheckpointInterval) return;
    lab::save_checkpoint(options.resume, identity, so_far);
    saved = std::chrono::steady_clock::now();
  };
  lab::Evaluation evaluation = lab::evaluate(engines.runners, dataset, preprocessing, evaluate_options);
  if (!options.resume.empty()) lab::save_checkpoint(options.resume, identity, evaluation);
  return evaluation;
}

/// What must be the same wherever a rank runs; kept apart from what may differ, the instruction set.
void require_same_subject(lab::Communicator& world, const Network& network,
                          const lab::Preprocessing& preprocessing, const lab::Dataset& dataset) {
  std::string own;
  together(world, [&] {
    own = fmt::format("network {}, preprocessing {}, pictures {}", network.hash(), lab::hash(preprocessing),
                      lab::listing_hash(dataset));
  });
  const std::string first = world.broadcast(own);
  together(world, [&] {
    if (own != first)
      throw Error(ErrorCode::kMismatch,
                  fmt::format("expected what rank 0 measures ({}), got {}; the ranks need the "
                              "same files",
                              first, own));
  });
}

/// Each rank a part of the pictures; rank 0 gets the whole, the others nothing.
std::optional<lab::Evaluation> evaluate_together(lab::Communicator& world, const AccuracyArguments& options,
                                                 const Network& network, const Engines& engines,
                                                 const lab::Dataset& dataset,
                                                 const lab::Preprocessing& preprocessing) {
  if (world.size() == 1) return evaluate(options, network, engines, dataset, preprocessing);
  require_same_subject(world, network, preprocessing, dataset);
  lab::EvaluateOptions evaluate_options;
  evaluate_options.classes = count_classes(network);
  evaluate_options.pipeline = pipeline_options(options.labelled, options.engine.batch);
  evaluate_options.part = lab::part_of(dataset.size(), options.engine.batch, world.rank(), world.size());
  std::string own;
  together(world, [&] {
    own = lab::evaluation_text(lab::evaluate(engines.runners, dataset, preprocessing, evaluate_options));
  });
  std::vector<lab::Evaluation> parts;
  for (const std::string& text : world.gather(own)) parts.push_back(lab::evaluation_from(text));
  if (world.rank() != 0) return std::nullopt;
  return lab::join_parts(parts, dataset.size());
}

/// Leaves out what was calibrated on.
void exclude_calibrated(AccuracyReport& report) {
  lab::WithoutCalibrated rest =
      lab::exclude_calibrated(report.dataset, report.calibration.calibration->source);
  report.excluded = rest.excluded;
  report.dataset = std::move(rest.kept);
  if (report.dataset.empty())
    throw Error(ErrorCode::kMismatch,
                fmt::format("all {} pictures were calibrated on, so none is left to measure; calibrate on "
                            "fewer, or measure them too with --include-calibration",
                            report.excluded));
}

/// Threads and memory of a rank; a single process has them as the options say.
EngineOptions engine_options(lab::Communicator& world, const AccuracyArguments& options) {
  if (world.size() == 1) return options.engine;
  together(world, [&] {
    if (!options.resume.empty())
      throw Error(ErrorCode::kUnsupported,
                  "--resume goes on with the predictions of one process; under mpirun leave it out");
    refuse_own_threads(options.engine);
  });
  const std::vector<int> cpus = claim_device(world, 0);
  EngineOptions own;
  together(world, [&] { own = options_on_device(options.engine, cpus, world); });
  return own;
}

int run_in(lab::Communicator& world, AccuracyArguments options) {
  options.engine = engine_options(world, options);
  AccuracyReport report;
  std::optional<Network> network;
  together(world, [&] {
    report.precisions = split_precisions(options.engine.precision);
    network = open_network(options.network, memory_limit_of(options.engine));
    report.network = network->name();
    report.network_hash = network->hash();
    report.preprocessing = make_preprocessing(options.pictures, *network);
    report.dataset = load_labelled_pictures(options.labelled, lab::DrawnSet::kTest, count_classes(*network));
  });
  report.calibration = shared_calibration(
      world, [&] { return calibration_for(options, *network, report.precisions, report.preprocessing); });
  Engines engines;
  together(world, [&] {
    if (report.calibration.calibration != nullptr && !options.include_calibration) exclude_calibrated(report);
    engines = build_engines(options, *network, report.precisions, report.calibration);
  });
  const auto start = std::chrono::steady_clock::now();
  std::optional<lab::Evaluation> evaluation =
      evaluate_together(world, options, *network, engines, report.dataset, report.preprocessing);
  if (!evaluation) return kSuccess;
  report.evaluation = std::move(*evaluation);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const lab::BrokenImage& image : report.evaluation.broken) warn("skipped " + image.message);
  if (options.output.json())
    print_json(to_json(report));
  else
    print_text(report);
  return kSuccess;
}

int run(const AccuracyArguments& options) {
  return run_ranked([&](lab::Communicator& world) { return run_in(world, options); });
}

}  // namespace

void add_accuracy(CLI::App& program, Run& selected) {
  auto options = std::make_shared<AccuracyArguments>();
  CLI::App* command = program.add_subcommand(
      "accuracy", "top-1 and top-5 over labelled pictures, and whether precisions differ");
  add_network_options(*command, options->network);
  add_labelled_options(*command, options->labelled);
  command->add_flag("--include-calibration", options->include_calibration,
                    "measure on the pictures that calibrated, too");
  command
      ->add_option("--resume", options->resume,
                   "keeps the predictions in this file, and goes on from it after an interruption")
      ->type_name("FILE");
  add_picture_options(*command, options->pictures);
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "--precision takes a list such as fp32,int8; each is compared with the first, picture by picture: the\n"
      "difference in points with Tango's score interval for paired proportions, and the exact McNemar test\n"
      "(how likely so uneven a split would be if neither were better). Other intervals are Wilson's; all "
      "are\n"
      "95 %. Pictures that the calibration was made on are left out.\n"
      "Under mpirun the ranks share the pictures out; the result is the same.\n\n"
      "Example:\n  octet accuracy octet-20 --drawn 10000 --precision fp32,int8\n"
      "  octet accuracy deploy.prototxt --weights net.caffemodel --images val --labels val.txt \\\n"
      "      --precision fp32,int8 --calibration net.json");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
