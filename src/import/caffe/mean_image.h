// Reading a mean image in Caffe's .binaryproto form.
#pragma once

#include <filesystem>

#include "octet/mean_image.h"

namespace octet::caffe {

/// Throws Error (kNotFound, kIo, kParse) naming the file.
MeanImage load_mean_image(const std::filesystem::path& path);

}  // namespace octet::caffe
