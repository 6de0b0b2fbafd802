// A prototxt as its layers in one form: both generations of Caffe's text format parsed, the older one
// translated to the newer, each layer with the line it stands on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "import/caffe/caffe.pb.h"

namespace octet::caffe {

/// A field that Caffe does not have in that place.
struct UnknownField {
  int line = 0, column = 0;  // 1-based
  std::string text;          // "ConvolutionParameter has no field 'kernal_size'"
};

struct SourceLayer {
  LayerParameter parameters;
  int line = 0;                              // 1-based
  std::vector<int> bottom_lines, top_lines;  // one a bottom, one a top
  std::vector<UnknownField> unknown_fields;  // an error only if the layer is used
};

struct Prototxt {
  std::string file;
  NetParameter net;  // its `layer` and `layers` are moved to `layers` below
  std::vector<int> input_lines;
  std::vector<SourceLayer> layers;  // in file order
};

/// Throws Error: kNotFound, kIo, kParse with file:line:column, kUnsupported for Caffe's oldest format (V0).
Prototxt read_prototxt(const std::filesystem::path& path);
/// The same of a text; `file` is for messages.
Prototxt parse_prototxt(const std::string& text, const std::string& file);

/// Whether Caffe would use the layer in the TEST phase, by its include and exclude rules. `state`: the file's
/// own level and stages. Throws Error(kInvalidNetwork) if it has both kinds of rules.
bool used_at_inference(const SourceLayer& layer, const NetState& state, const std::string& file);

}  // namespace octet::caffe
