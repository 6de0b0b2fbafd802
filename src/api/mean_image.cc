#include "octet/mean_image.h"

#include <utility>

#include "import/caffe/mean_image.h"

namespace octet {

MeanImage load_mean_image(const std::filesystem::path& path) {
  caffe::MeanImage mean = caffe::load_mean_image(path);
  return {mean.channels, mean.height, mean.width, std::move(mean.values)};
}

}  // namespace octet
