// octet calibrate: scales for integer arithmetic, from pictures.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <memory>

#include "lab/calibration/calibration_images.h"
#include "lab/data/drawn_images.h"
#include "octet/calibration.h"
#include "octet/error.h"
#include "tools/octet/calibration_report.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/picture_sets.h"
#include "tools/support/program.h"
#include "tools/support/progress.h"

namespace octet::tools {
namespace {

struct CalibrateArguments {
  NetworkOptions network;
  PictureOptions pictures;
  OutputOptions output;
  lab::CalibrationSelection selection;
  std::string images;
  std::string list;
  std::uint64_t drawn = 0;
  bool synthetic = false;
  std::string file;
  std::string method = to_string(CalibrationOptions().method);
  double percentile = CalibrationOptions().percentile;
  std::string scheme = to_string(CalibrationOptions().scheme);
  std::string weight_rounding =
      to_string(WeightRounding::kAdaptive);  // what the command is for may take its time
  bool bias_correction = false;
  bool quantize_input = false;
  bool skip_broken = false;
  int threads = 0;
  std::string memory_limit;
};

/// The images, and what is known of them once they have been read.
struct Source {
  std::unique_ptr<CalibrationImages> images;
  std::function<void(CalibrationSource&)> describe;
};

CalibrationOptions parse(const CalibrateArguments& options) {
  CalibrationOptions result;
  result.method = parse_calibration_method(options.method);
  result.percentile = options.percentile;
  result.scheme = parse_quantization_scheme(options.scheme);
  result.weight_rounding = parse_weight_rounding(options.weight_rounding);
  result.bias_correction = options.bias_correction;
  EngineOptions engine;
  engine.threads = options.threads;
  result.threads = build_options(engine).threads;  // says what is wrong with the number
  result.memory_limit = parse_memory_limit(options.memory_limit);
  return result;
}

void check(const CalibrateArguments& options) {
  const int sources =
      (options.images.empty() ? 0 : 1) + (options.drawn > 0 ? 1 : 0) + (options.synthetic ? 1 : 0);
  if (sources != 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("expected one of --images DIR, --drawn N and --synthetic, got {}",
                            sources == 0 ? "none" : "more"));
  check_listed(options.images, options.list);
}

Source synthetic_source(const CalibrateArguments& options, const Network& network) {
  const std::int64_t count = std::int64_t{options.selection.batches} * options.selection.batch;
  auto images = std::make_shared<lab::SyntheticImages>(
      single_input(network).shape, static_cast<int>(std::min<std::int64_t>(count, 1 << 24)),
      options.network.seed);
  return {std::make_unique<lab::SyntheticImages>(*images),
          [images](CalibrationSource& source) { images->describe(source); }};
}

Source picture_source(const CalibrateArguments& options, const lab::Preprocessing& preprocessing) {
  lab::Dataset all;
  std::string place;
  if (options.drawn > 0) {
    all = lab::drawn_dataset(lab::DrawnSet::kCalibration, options.drawn);
    place = "drawn, calibration stream";
  } else {
    all = list_pictures(options.images, options.list);
    place = "folder " + std::filesystem::path(options.images).lexically_normal().filename().string();
    if (options.selection.every > 1 || options.selection.offset > 0)
      place += fmt::format(", 1 in {} from {}", options.selection.every, options.selection.offset);
  }
  lab::Dataset pictures = options.drawn > 0 ? all : lab::select_pictures(all, options.selection);
  const std::int64_t wanted = std::int64_t{options.selection.batches} * options.selection.batch;
  if (options.drawn == 0 && static_cast<std::int64_t>(pictures.size()) < wanted)
    warn(fmt::format("calibrating on {} pictures, not {} batches of {}: there are no more", pictures.size(),
                     options.selection.batches, options.selection.batch));
  lab::PipelineOptions pipeline;
  pipeline.batch = options.selection.batch;
  pipeline.skip_broken = options.skip_broken;
  auto images = std::make_unique<lab::PictureImages>(std::move(pictures), preprocessing, pipeline);
  const lab::PictureImages* read = images.get();
  return {std::move(images), [read, place](CalibrationSource& source) {
            for (const lab::BrokenImage& broken : read->broken()) warn("skipped " + broken.message);
            read->describe(place, source);
          }};
}

Calibration make_calibration(const CalibrateArguments& options, const Network& network) {
  CalibrationOptions how = parse(options);
  Source source;
  if (options.synthetic) {
    source = synthetic_source(options, network);
  } else {
    const lab::Preprocessing preprocessing = make_preprocessing(options.pictures, network);
    source = picture_source(options, preprocessing);
    if (!options.quantize_input) how.pixel_mean = lab::pixel_mean(preprocessing);
  }
  Progress progress("calibrate");
  how.progress = [&](double share) { progress.update(share); };
  Calibration calibration = calibrate(network, *source.images, how);
  progress.clear();
  source.describe(calibration.source);
  calibration.source.batch = options.selection.batch;
  calibration.source.batches =
      static_cast<int>((calibration.source.images + options.selection.batch - 1) / options.selection.batch);
  return calibration;
}

int run(const CalibrateArguments& options) {
  check(options);
  parse(options);  // says what is wrong with the options before a large network is loaded
  const Network network = open_network(options.network, parse_memory_limit(options.memory_limit));
  const Calibration calibration = make_calibration(options, network);
  calibration.save(options.file);
  if (options.output.json())
    print_json(report_to_json(calibration, false));
  else
    print_report(calibration, false);
  return kSuccess;
}

}  // namespace

void add_calibrate(CLI::App& program, Run& selected) {
  auto options = std::make_shared<CalibrateArguments>();
  CLI::App* command = program.add_subcommand("calibrate", "scales for integer arithmetic, from pictures");
  add_network_options(*command, options->network);
  command->add_option("--images", options->images, "folder of pictures")->type_name("DIR");
  command
      ->add_option("--list", options->list,
                   "Caffe's val.txt: which pictures of the folder, in which order; without it all by name")
      ->type_name("FILE");
  command->add_option("--every", options->selection.every, "only every Nth picture of the list")
      ->type_name("N");
  command->add_option("--offset", options->selection.offset, "counted from this one, 0 being the first")
      ->type_name("N");
  command->add_option("--drawn", options->drawn, "N pictures that the program draws (octet-20)")
      ->type_name("N");
  command->add_flag("--synthetic", options->synthetic, "random images, as octet bench runs them");
  command->add_option("-o,--output", options->file, "the calibration")->type_name("FILE")->required();
  command->add_option("--batches", options->selection.batches, "most batches to calibrate on")
      ->type_name("N");
  command->add_option("--batch", options->selection.batch, "images a batch")->type_name("N");
  command->add_option("--method", options->method, "entropy, minmax, percentile or mse")->type_name("NAME");
  command->add_option("--percentile", options->percentile, "of --method percentile")->type_name("P");
  command
      ->add_option("--scheme", options->scheme,
                   "u8 (all 256 levels where nothing is negative), symmetric-s8 (as published)")
      ->type_name("NAME");
  command
      ->add_option("--weight-rounding", options->weight_rounding,
                   "nearest, or adaptive: up or down by what the layer's output loses on the pictures")
      ->type_name("NAME");
  command->add_flag("--bias-correction", options->bias_correction,
                    "shift biases by the mean error of outputs");
  command->add_flag("--quantize-input", options->quantize_input,
                    "quantise the input like any tensor, where it holds other values than pictures' bytes");
  command->add_flag("--skip-broken", options->skip_broken, "leave out pictures that cannot be decoded");
  command->add_option("--threads", options->threads, "0: one each CPU that this process may use")
      ->type_name("N");
  add_memory_limit_option(*command, options->memory_limit);
  add_picture_options(*command, options->pictures);
  add_output_options(*command, options->output);
  command->footer(
      "The file is bound to the network and the protocol by hashes, and records the pictures, so that octet\n"
      "accuracy leaves them out. To calibrate on every second line of a list and measure on the others:\n\n"
      "Example:\n  octet calibrate deploy.prototxt --weights net.caffemodel --images val --list val.txt \\\n"
      "      --every 2 -o net.json");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
