// The options that say which labelled pictures a command measures on: files with labels, or pictures that the
// program draws itself.
#pragma once

#include <cstdint>
#include <string>

#include "lab/data/dataset.h"
#include "lab/data/pipeline.h"

namespace CLI {
class App;
}

namespace octet::tools {

struct LabelledOptions {
  std::string images;
  std::string labels;
  std::string devkit_map;
  std::string synsets;
  std::uint64_t drawn = 0;  ///< this many drawn pictures instead of files
  int limit = 0;            ///< the first so many; 0: all
  int decode_threads = 0;
  bool skip_broken = false;
};
void add_labelled_options(CLI::App& command, LabelledOptions& options);

/// Throws Error(kInvalidArgument) unless exactly one of --images and --drawn is given, and what load_labelled
/// throws. `drawn` is the stream that drawn pictures come from.
lab::Dataset load_labelled_pictures(const LabelledOptions& options, lab::DrawnSet drawn, int classes);

/// Throws Error(kInvalidArgument) where a list is given without the folder of its pictures.
void check_listed(const std::string& images, const std::string& list);
/// The pictures of a folder: all by name, or those of a list like Caffe's val.txt in its order, which decides
/// which are the first. Throws Error(kParse) for another list, and what list_images and load_labelled throw.
lab::Dataset list_pictures(const std::string& images, const std::string& list);

/// How the pictures are decoded, `batch` at a time.
lab::PipelineOptions pipeline_options(const LabelledOptions& options, int batch);

}  // namespace octet::tools
