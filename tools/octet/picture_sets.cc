#include "tools/octet/picture_sets.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "lab/data/drawn_images.h"
#include "octet/error.h"

namespace octet::tools {

void add_labelled_options(CLI::App& command, LabelledOptions& options) {
  command.add_option("--images", options.images, "folder of pictures")->type_name("DIR");
  command
      .add_option(
          "--labels", options.labels,
          "Caffe's val.txt, a list of synsets, or the devkit's numbers; without it folders named by synset")
      ->type_name("FILE");
  command.add_option("--devkit-map", options.devkit_map, "class number to synset, for the devkit's numbers")
      ->type_name("FILE");
  command.add_option("--synsets", options.synsets, "order of the classes, for the devkit's numbers")
      ->type_name("FILE");
  command
      .add_option("--drawn", options.drawn,
                  "N pictures that the program draws, instead of --images (octet-20)")
      ->type_name("N");
  command.add_option("--limit", options.limit, "only the first N pictures; 0: all")->type_name("N");
  command.add_option("--decode-threads", options.decode_threads, "0: one a CPU")->type_name("N");
  command.add_flag("--skip-broken", options.skip_broken, "leave out pictures that cannot be decoded");
}

lab::Dataset load_labelled_pictures(const LabelledOptions& options, lab::DrawnSet drawn, int classes) {
  if (options.images.empty() == (options.drawn == 0))
    throw Error(ErrorCode::kInvalidArgument, fmt::format("expected --images DIR or --drawn N, got {}",
                                                         options.images.empty() ? "neither" : "both"));
  if (options.limit < 0)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--limit: expected 1 or more, or 0 for all; got {}", options.limit));
  lab::Dataset dataset;
  if (options.drawn > 0) {
    if (classes != lab::kDrawnClasses)
      throw Error(ErrorCode::kMismatch,
                  fmt::format("--drawn: the drawn pictures are of {} classes, the network's are {}",
                              lab::kDrawnClasses, classes));
    dataset = lab::drawn_dataset(drawn, options.drawn);
  } else {
    lab::LabelSource source;
    if (!options.labels.empty()) source.labels = options.labels;
    if (!options.devkit_map.empty()) source.devkit_map = options.devkit_map;
    if (!options.synsets.empty()) source.synsets = options.synsets;
    source.classes = classes;
    dataset = lab::load_labelled(options.images, source);
  }
  if (options.limit > 0 && static_cast<std::size_t>(options.limit) < dataset.size())
    dataset.resize(static_cast<std::size_t>(options.limit));
  return dataset;
}

void check_listed(const std::string& images, const std::string& list) {
  if (!list.empty() && images.empty())
    throw Error(ErrorCode::kInvalidArgument,
                "--list: expected --images DIR, the folder of the listed pictures");
}

lab::Dataset list_pictures(const std::string& images, const std::string& list) {
  if (list.empty()) return lab::list_images(images);
  if (lab::detect_label_format(list) != lab::LabelFormat::kCaffeList)
    throw Error(ErrorCode::kParse,
                fmt::format("{}:1: expected a list like val.txt, a picture and its label a line", list));
  lab::LabelSource source;
  source.labels = list;
  return lab::load_labelled(images, source);
}

lab::PipelineOptions pipeline_options(const LabelledOptions& options, int batch) {
  lab::PipelineOptions pipeline;
  pipeline.batch = batch;
  pipeline.threads = options.decode_threads;
  pipeline.skip_broken = options.skip_broken;
  return pipeline;
}

}  // namespace octet::tools
