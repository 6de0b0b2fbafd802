// Which pictures, and which class each belongs to. A label is the index of the class in the network's output;
// for ImageNet networks of Caffe that is the rank of the class's synset (n01440764, ...) in alphabetical
// order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/data/image.h"

namespace octet::lab {

/// Streams of the pictures that the program draws itself (drawn_images.h); no picture is in two of them.
enum class DrawnSet { kTrain, kValidation, kCalibration, kTest };

struct DrawnPicture {
  DrawnSet set = DrawnSet::kTest;
  std::uint64_t index = 0;
};

struct Sample {
  std::filesystem::path path;  ///< of a drawn picture only a name for messages
  std::optional<int> label;
  std::optional<DrawnPicture> drawn;  ///< the picture is drawn, not read from `path`
};

/// Pictures in a stated order; a result refers to them by their index.
using Dataset = std::vector<Sample>;

/// The picture itself: decoded (image.h) or drawn. Throws what decode_image throws.
Image load_image(const Sample& sample, std::int64_t max_pixels = kMaxImagePixels);

/// All pictures (.jpg, .jpeg, .jpe, .png in any case) below `folder`, at any depth, in order of their path
/// within it, byte by byte; without labels. Throws Error(kNotFound): no such folder, or no pictures in it.
Dataset list_images(const std::filesystem::path& folder);

/// A line of a class list: "n01440764 tench, Tinca tinca", "n01440764_tench", "n01440764" or any other name.
struct ClassName {
  std::string synset;  ///< empty where the line has none
  std::string name;    ///< underscores of the second form become spaces; never empty
};
/// One class a line, in the network's order. Throws Error: kNotFound, kParse (file:line) for an empty line in
/// the middle or a synset that came before.
std::vector<ClassName> load_class_names(const std::filesystem::path& file);

enum class LabelFormat {
  kCaffeList,  ///< "path label" a line, the path relative to the folder; pictures not listed are left out
  kSynsets,    ///< class list; each picture's folder, or else its file name, starts with its synset
  kDevkit,     ///< one class number (from 1) a line for the pictures in order of their names; needs a map
};

struct LabelSource {
  /// val.txt, synsets.txt or ILSVRC2012_validation_ground_truth.txt. Without it the folders named by synset
  /// are the classes, in alphabetical order.
  std::optional<std::filesystem::path> labels;
  /// The devkit's map from class number to synset, "n02119789 1 kit_fox" a line (map_clsloc.txt).
  std::optional<std::filesystem::path> devkit_map;
  /// Order of the synsets for the devkit's labels; without it they are in alphabetical order.
  std::optional<std::filesystem::path> synsets;
  int classes =
      0;  ///< the network's number of outputs; every label must be below it. 0: unknown, not checked
};

/// What a label file is, from its first line that is not empty. Throws Error: kNotFound, kParse.
LabelFormat detect_label_format(const std::filesystem::path& labels);

/// Pictures with labels. Throws Error, with file:line where a file is at fault: kNotFound (file, folder or
/// listed picture missing, no pictures), kParse (a line that is none of the above), kMismatch (label outside
/// 0..classes-1, picture listed twice, a picture of no known synset, more or fewer numbers than pictures).
Dataset load_labelled(const std::filesystem::path& folder, const LabelSource& source);

}  // namespace octet::lab
