// A mean image in Caffe's .binaryproto form: what preprocessing subtracts from a picture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace octet::caffe {

/// Channels in Caffe's order (BGR), values in 0..255, channel by channel.
struct MeanImage {
  std::int64_t channels = 0, height = 0, width = 0;
  std::vector<float> values;
};

/// Throws Error (kNotFound, kIo, kParse).
MeanImage load_mean_image(const std::filesystem::path& path);

}  // namespace octet::caffe
