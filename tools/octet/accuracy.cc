// octet accuracy: top-1 and top-5 over labelled pictures.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <sstream>

#include "lab/accuracy/accuracy.h"
#include "lab/accuracy/paired.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/support/json_output.h"
#include "tools/support/program.h"
#include "tools/support/progress.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

struct Options {
  NetworkOptions network;
  EngineOptions engine;
  PictureOptions pictures;
  OutputOptions output;
  std::string images;
  std::string labels;
  std::string devkit_map;
  std::string synsets;
  int limit = 0;
  int decode_threads = 0;
  bool skip_broken = false;

  Options() { engine.batch = 32; }
};

struct Measured {
  std::vector<std::string> precisions;
  lab::Preprocessing preprocessing;
  lab::Evaluation evaluation;
  double seconds = 0;
};

std::vector<std::string> split_precisions(const std::string& list) {
  std::vector<std::string> precisions;
  std::istringstream stream(list);
  for (std::string word; std::getline(stream, word, ',');) {
    available_precision(word);
    precisions.push_back(word);
  }
  if (precisions.empty())
    throw Error(ErrorCode::kInvalidArgument, "--precision: expected a list such as fp32, got nothing");
  return precisions;
}

lab::Dataset load_dataset(const Options& options, int classes) {
  lab::LabelSource source;
  if (!options.labels.empty()) source.labels = options.labels;
  if (!options.devkit_map.empty()) source.devkit_map = options.devkit_map;
  if (!options.synsets.empty()) source.synsets = options.synsets;
  source.classes = classes;
  lab::Dataset dataset = lab::load_labelled(options.images, source);
  if (options.limit < 0)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--limit: expected 1 or more, or 0 for all; got {}", options.limit));
  if (options.limit > 0 && static_cast<std::size_t>(options.limit) < dataset.size())
    dataset.resize(static_cast<std::size_t>(options.limit));
  return dataset;
}

Measured measure(const Options& options, const Network& network) {
  Measured measured;
  measured.precisions = split_precisions(options.engine.precision);
  const int classes = count_classes(network);
  measured.preprocessing = make_preprocessing(options.pictures, network);
  const lab::Dataset dataset = load_dataset(options, classes);

  std::vector<lab::Runner> runners;
  for (const std::string& precision : measured.precisions) {
    EngineOptions engine_options = options.engine;
    engine_options.precision = precision;
    auto context = std::make_shared<Context>(build_engine(network, engine_options).create_context());
    runners.push_back([context](int batch, std::span<const float> input, std::span<float> output) {
      context->run(batch, input, output);
    });
  }
  lab::EvaluateOptions evaluate;
  evaluate.classes = classes;
  evaluate.pipeline.batch = options.engine.batch;
  evaluate.pipeline.threads = options.decode_threads;
  evaluate.pipeline.skip_broken = options.skip_broken;
  Progress progress("accuracy");
  evaluate.after_batch = [&](const lab::Evaluation& so_far) {
    progress.update(static_cast<double>(so_far.done) / static_cast<double>(dataset.size()),
                    fmt::format("{} of {} pictures", so_far.done, dataset.size()));
  };
  const auto start = std::chrono::steady_clock::now();
  measured.evaluation = lab::evaluate(runners, dataset, measured.preprocessing, evaluate);
  measured.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return measured;
}

Json to_json(const Network& network, const Measured& measured) {
  const auto& all = measured.evaluation.results;
  Json results = Json::array();
  for (std::size_t i = 0; i < all.size(); ++i)
    results.push_back({{"precision", measured.precisions[i]},
                       {"images", all[i].images},
                       {"top1", all[i].top1},
                       {"top5", all[i].top5},
                       {"top1_ci95", {all[i].top1_ci95.low, all[i].top1_ci95.high}},
                       {"top5_ci95", {all[i].top5_ci95.low, all[i].top5_ci95.high}},
                       {"agreement", lab::agreement(all.front(), all[i]).share}});
  Json broken = Json::array();
  for (const lab::BrokenImage& image : measured.evaluation.broken) broken.push_back(image.message);
  return {{"network", network.name()},
          {"network_hash", network.hash()},
          {"protocol", lab::description(measured.preprocessing)},
          {"protocol_hash", lab::hash(measured.preprocessing)},
          {"results", std::move(results)},
          {"skipped", std::move(broken)},
          {"seconds", measured.seconds}};
}

void print_text(const Network& network, const Measured& measured) {
  const auto& all = measured.evaluation.results;
  fmt::print("{}, {}\n\n", network.name(), lab::description(measured.preprocessing));
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"precision"},
               {"pictures", kRight},
               {"top-1 %", kRight},
               {"95 % interval", kRight},
               {"top-5 %", kRight},
               {"agreement %", kRight}});
  for (std::size_t i = 0; i < all.size(); ++i)
    table.add_row({measured.precisions[i], fmt::format("{}", all[i].images),
                   fmt::format("{:.2f}", all[i].top1),
                   fmt::format("{:.2f} to {:.2f}", all[i].top1_ci95.low, all[i].top1_ci95.high),
                   fmt::format("{:.2f}", all[i].top5),
                   fmt::format("{:.2f}", lab::agreement(all.front(), all[i]).share)});
  table.print();
  fmt::print("\n{:.1f} s with decoding, {:.1f} pictures/s\n", measured.seconds,
             static_cast<double>(all.front().images) / measured.seconds);
}

int run(const Options& options) {
  const Network network = open_network(options.network);
  const Measured measured = measure(options, network);
  for (const lab::BrokenImage& image : measured.evaluation.broken) warn("skipped " + image.message);
  if (options.output.json())
    print_json(to_json(network, measured));
  else
    print_text(network, measured);
  return 0;
}

}  // namespace

void add_accuracy(CLI::App& program, Run& selected) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("accuracy", "top-1 and top-5 over labelled pictures");
  add_network_options(*command, options->network);
  command->add_option("--images", options->images, "folder of pictures")->type_name("DIR")->required();
  command
      ->add_option(
          "--labels", options->labels,
          "Caffe's val.txt, a list of synsets, or the devkit's numbers; without it folders named by synset")
      ->type_name("FILE");
  command->add_option("--devkit-map", options->devkit_map, "class number to synset, for the devkit's numbers")
      ->type_name("FILE");
  command->add_option("--synsets", options->synsets, "order of the classes, for the devkit's numbers")
      ->type_name("FILE");
  command->add_option("--limit", options->limit, "only the first N pictures")->type_name("N");
  command->add_option("--decode-threads", options->decode_threads, "0: one a CPU")->type_name("N");
  command->add_flag("--skip-broken", options->skip_broken, "leave out pictures that cannot be decoded");
  add_picture_options(*command, options->pictures);
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "Intervals are Wilson's. Agreement is with the first precision of the list.\n\n"
      "Example:\n  octet accuracy deploy.prototxt --weights net.caffemodel --images val --labels val.txt");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
