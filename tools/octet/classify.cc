// octet classify: the top classes of pictures.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <numeric>

#include "lab/accuracy/accuracy.h"
#include "lab/data/dataset.h"
#include "lab/data/pipeline.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/saved_engine.h"
#include "tools/support/json_output.h"

namespace octet::tools {
namespace {

struct ClassifyArguments {
  NetworkOptions network;
  EngineOptions engine;
  PictureOptions pictures;
  OutputOptions output;
  std::vector<std::string> images;
  std::string synsets;
  int top = 5;
};

struct Classified {
  std::string file;
  std::vector<int> top;
  std::vector<double> probabilities;
};

/// True if the output already is a distribution, so that no softmax is to be added for display: what is last
/// computed, before copies that give the output its layout and type.
bool ends_in_softmax(const Engine& engine) {
  const std::vector<StepInfo> steps = engine.steps();
  const auto last = std::find_if(steps.rbegin(), steps.rend(),
                                 [](const StepInfo& step) { return !step.kernel.starts_with("reformat_"); });
  return last != steps.rend() && last->op == "Softmax";
}

double probability(std::span<const float> scores, int index, bool is_distribution) {
  const double score = scores[static_cast<std::size_t>(index)];
  if (is_distribution) return score;
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (float other : scores) sum += std::exp(other - largest);
  return std::exp(score - largest) / sum;
}

std::vector<lab::ClassName> class_names(const std::string& file, int classes) {
  if (file.empty()) return {};
  std::vector<lab::ClassName> names = lab::load_class_names(file);
  if (names.size() != static_cast<std::size_t>(classes))
    throw Error(ErrorCode::kMismatch,
                fmt::format("{}: {} class names for {} classes of the network", file, names.size(), classes));
  return names;
}

struct Classifier {
  Engine engine;
  lab::Preprocessing preprocessing;
  std::vector<lab::ClassName> names;  ///< empty: numbers
};

Classifier open_classifier(const ClassifyArguments& options) {
  if (is_saved_engine(options.network.net)) {
    Engine engine = load_engine(options.network, options.engine);
    const lab::Preprocessing preprocessing = make_preprocessing(options.pictures, engine);
    check_preprocessing(engine, preprocessing, options.engine.force);
    auto names = class_names(options.synsets, count_classes(engine));
    return {std::move(engine), preprocessing, std::move(names)};
  }
  const Network network = open_network(options.network, memory_limit_of(options.engine));
  auto names = class_names(options.synsets, count_classes(network));
  const lab::Preprocessing preprocessing = make_preprocessing(options.pictures, network);
  Engine engine =
      build_engine(network, options.engine,
                   find_calibration(network, options.engine, options.network.seed, &preprocessing));
  return {std::move(engine), preprocessing, std::move(names)};
}

std::vector<Classified> classify(const ClassifyArguments& options, const Classifier& classifier) {
  const Engine& engine = classifier.engine;
  const int classes = count_classes(engine);
  const bool is_distribution = ends_in_softmax(engine);
  Context context = engine.create_context();

  lab::Dataset dataset;
  for (const std::string& image : options.images) dataset.push_back({image, std::nullopt});
  lab::PipelineOptions pipeline_options;
  pipeline_options.batch = engine.max_batch();
  lab::InputPipeline pipeline(std::move(dataset), classifier.preprocessing, pipeline_options);

  std::vector<Classified> results;
  lab::Batch batch;
  std::vector<float> scores;
  while (pipeline.next(batch)) {
    scores.resize(static_cast<std::size_t>(batch.size()) * static_cast<std::size_t>(classes));
    context.run(batch.size(), batch.input, scores);
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
      const auto of_image = std::span<const float>(scores).subspan(i * static_cast<std::size_t>(classes),
                                                                   static_cast<std::size_t>(classes));
      Classified result{options.images[batch.samples[i]], lab::top_k(of_image, options.top), {}};
      for (int index : result.top)
        result.probabilities.push_back(probability(of_image, index, is_distribution));
      results.push_back(std::move(result));
    }
  }
  return results;
}

int run(const ClassifyArguments& options) {
  if (options.top < 1)
    throw Error(ErrorCode::kInvalidArgument, fmt::format("--top: expected 1 or more, got {}", options.top));
  const Classifier classifier = open_classifier(options);
  const std::vector<lab::ClassName>& names = classifier.names;
  const auto label = [&](int index) {
    return names.empty() ? fmt::format("class {}", index) : names[static_cast<std::size_t>(index)].name;
  };
  const std::vector<Classified> results = classify(options, classifier);

  if (options.output.json()) {
    Json images = Json::array();
    for (const Classified& result : results) {
      Json top = Json::array();
      for (std::size_t i = 0; i < result.top.size(); ++i) {
        Json entry = {{"index", result.top[i]},
                      {"label", label(result.top[i])},
                      {"probability", result.probabilities[i]}};
        if (!names.empty()) entry["synset"] = names[static_cast<std::size_t>(result.top[i])].synset;
        top.push_back(std::move(entry));
      }
      images.push_back({{"file", result.file}, {"top", std::move(top)}});
    }
    print_json({{"network", classifier.engine.network_name()}, {"images", std::move(images)}});
    return 0;
  }
  for (const Classified& result : results) {
    fmt::print("{}\n", printable(result.file));
    for (std::size_t i = 0; i < result.top.size(); ++i)
      fmt::print("  {:6.2f} %  {:4}  {}\n", 100 * result.probabilities[i], result.top[i],
                 printable(label(result.top[i])));
  }
  return 0;
}

}  // namespace

void add_classify(CLI::App& program, Run& selected) {
  auto options = std::make_shared<ClassifyArguments>();
  CLI::App* command = program.add_subcommand("classify", "the top classes of pictures (JPEG, PNG)");
  add_network_options(*command, options->network);
  command->add_option("image", options->images, "picture files")->type_name("IMAGE...")->required();
  command->add_option("--synsets", options->synsets, "names of the classes, one a line; without it numbers")
      ->type_name("FILE");
  command->add_option("--top", options->top, "classes a picture")->type_name("K");
  add_picture_options(*command, options->pictures);
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "Scores of a network that does not end in softmax are shown as probabilities after one.\n"
      "NET may be a saved engine (octet build).\n\n"
      "Example:\n  octet classify deploy.prototxt --weights squeezenet_v1.0.caffemodel "
      "--synsets synsets.txt photo.jpg");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
