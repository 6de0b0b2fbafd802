#include "octet/mean_image.h"

#include "import/caffe/mean_image.h"

namespace octet {

MeanImage load_mean_image(const std::filesystem::path& path) { return caffe::load_mean_image(path); }

}  // namespace octet
