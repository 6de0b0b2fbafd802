// A training set's mean picture, as Caffe stores it beside a network (.binaryproto): what preprocessing
// subtracts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "octet/api.h"

namespace octet {

struct MeanImage {
  std::int64_t channels = 0;  ///< in Caffe's order: B, G, R
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<float> values;  ///< channel by channel, 0..255
};

/// Throws Error (kNotFound, kIo, kParse) naming the file.
OCTET_API MeanImage load_mean_image(const std::filesystem::path& path);

}  // namespace octet
