// octet study: the whole study into one folder.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <sstream>

#include "lab/study/config.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/study_command.h"
#include "tools/support/program.h"

namespace octet::tools {
namespace fs = std::filesystem;
namespace {

struct StudyArguments {
  bool quick = false;
  bool full = false;
  std::string config;
  std::string folder;
  std::string engines;
  std::string networks;
  std::vector<std::string> files;
  std::string images;
  std::string labels;
  std::string devkit_map;
  std::string synsets;
  std::string power_model;
  double time_s = 0;
  bool print_config = false;
  bool dry_run = false;
  bool anew = false;
  OutputOptions output;
};

std::vector<std::string> split_words(const std::string& list) {
  std::vector<std::string> words;
  std::istringstream stream(list);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  return words;
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", word);
  return text;
}

std::string absolute(const std::string& path) { return fs::absolute(path).lexically_normal().string(); }

/// "squeezenet-1.0=deploy.prototxt,net.caffemodel"
lab::NetworkFiles parse_files(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::vector<std::string> paths =
      equals == std::string::npos ? std::vector<std::string>{} : split_words(text.substr(equals + 1));
  if (equals == 0 || paths.empty() || paths.size() > 2)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--files: expected NAME=PROTOTXT or NAME=PROTOTXT,CAFFEMODEL, got '{}'", text));
  return {text.substr(0, equals), absolute(paths[0]), paths.size() == 2 ? absolute(paths[1]) : ""};
}

void add_unless_there(std::vector<std::string>& list, const std::string& word) {
  if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
}

/// StudyArguments that change the configuration are written as a piece of it, so that they are checked alike.
void apply_engines(lab::StudyConfig& config, const std::string& engines) {
  const std::string text = fmt::format("throughput = {{engines = [{}]}}", quoted_list(split_words(engines)));
  config.throughput.engines = lab::parse_config(text, "--engines", ".").throughput.engines;
}

void apply_pictures(lab::StudyConfig& config, const StudyArguments& options) {
  if (!options.images.empty()) config.accuracy.images = absolute(options.images);
  if (!options.labels.empty()) config.accuracy.labels = absolute(options.labels);
  if (!options.devkit_map.empty()) config.accuracy.devkit_map = absolute(options.devkit_map);
  if (!options.synsets.empty()) config.accuracy.synsets = absolute(options.synsets);
  for (const std::string& text : options.files) {
    const lab::NetworkFiles files = parse_files(text);
    std::erase_if(config.files,
                  [&](const lab::NetworkFiles& other) { return other.network == files.network; });
    config.files.push_back(files);
    add_unless_there(config.throughput.networks, files.network);
    if (files.weights.empty() || config.accuracy.images.empty()) continue;
    add_unless_there(config.accuracy.networks, files.network);
    add_unless_there(config.calibration.networks, files.network);
  }
}

/// The preset or file that was asked for; without one a folder's own, so that a study goes on.
lab::StudyConfig base_config(const StudyArguments& options) {
  if (options.quick + options.full + !options.config.empty() > 1)
    throw Error(ErrorCode::kInvalidArgument, "expected one of --quick, --full and --config FILE");
  if (!options.config.empty()) return lab::load_config(options.config);
  if (options.full) return lab::full_config();
  const fs::path own = fs::path(options.folder) / "study.toml";
  if (!options.quick && !options.folder.empty() && fs::exists(own)) return lab::load_config(own);
  return lab::quick_config();
}

lab::StudyConfig make_config(const StudyArguments& options) {
  lab::StudyConfig config = base_config(options);
  apply_pictures(config, options);
  if (!options.engines.empty()) apply_engines(config, options.engines);
  if (!options.networks.empty()) lab::keep_networks(config, split_words(options.networks));
  if (!options.power_model.empty()) config.power.model = options.power_model;
  if (options.time_s != 0) config.limits.time_s = options.time_s;
  if (!(config.limits.time_s >= 0))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--time-budget: expected seconds, got {}", config.limits.time_s));
  lab::check(config);
  // Whatever options brought in is read back as a file would be: the bundle's study.toml must be readable.
  return lab::parse_config(lab::write_config(config), "the study's configuration", ".");
}

int run(const StudyArguments& options) {
  const lab::StudyConfig config = make_config(options);
  if (options.print_config) {
    const std::string text = lab::write_config(config);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return kSuccess;
  }
  if (options.dry_run) return print_plan(config, options.output);
  return run_study_into(options.folder.empty() ? "study-" + config.mode : options.folder, config,
                        options.output, options.anew);
}

}  // namespace

void add_study(CLI::App& program, Run& selected) {
  auto options = std::make_shared<StudyArguments>();
  CLI::App* command = program.add_subcommand(
      "study", "throughput, latency, scaling, energy and accuracy, measured into one folder with a report");
  command->add_flag("--quick", options->quick, "a few minutes (the default)");
  command->add_flag("--full", options->full, "batches 1 to 4096, long enough for narrow intervals; hours");
  command->add_option("--config", options->config, "a study of your own (examples/study-quick.toml)")
      ->type_name("FILE");
  command
      ->add_option("-o,--output", options->folder,
                   "folder of the study, made if need be; without it study-quick, study-full or study-custom")
      ->type_name("DIR");
  command->add_option("--engines", options->engines, "octet, onnxruntime, openvino; they take turns")
      ->type_name("LIST");
  command->add_option("--networks", options->networks, "only these")->type_name("LIST");
  command
      ->add_option("--files", options->files, "a network of yours: NAME=PROTOTXT or NAME=PROTOTXT,CAFFEMODEL")
      ->type_name("FILES")
      ->expected(1)
      ->take_all()
      ->default_str("");
  command->add_option("--images", options->images, "pictures to measure the accuracy of --files' networks on")
      ->type_name("DIR");
  command->add_option("--labels", options->labels, "their labels, as octet accuracy takes them")
      ->type_name("FILE");
  command->add_option("--devkit-map", options->devkit_map, "map_clsloc.txt, for the devkit's ground truth")
      ->type_name("FILE");
  command->add_option("--synsets", options->synsets, "order of the classes, for the devkit's ground truth")
      ->type_name("FILE");
  command->add_option("--power-model", options->power_model, "watts where no meter works: idle=60,busy=150")
      ->type_name("MODEL");
  command->add_option("--time-budget", options->time_s, "seconds; what would pass them is not run")
      ->type_name("S");
  command->add_flag("--print-config", options->print_config, "only print the configuration, every key of it");
  command->add_flag("--anew", options->anew,
                    "in a folder that another build measured: put its records aside and measure again");
  command->add_flag("--dry-run", options->dry_run, "only print what would be measured and how long it takes");
  add_output_options(*command, options->output);
  command->footer(
      "Ctrl-C leaves a valid report of what was measured; the same command goes on from there. octet verify\n"
      "checks the folder, octet compare lays two side by side, octet replay measures the same again.\n\n"
      "Example:\n  octet study --quick -o results/today\n"
      "  octet study --full --engines octet,openvino -o results/full\n"
      "  octet study --files squeezenet-1.0=deploy.prototxt,net.caffemodel --images val --labels val.txt");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
