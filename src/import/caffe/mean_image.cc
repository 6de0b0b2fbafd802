#include "import/caffe/mean_image.h"

#include <fmt/format.h>

#include <cmath>

#include "import/caffe/caffemodel.h"
#include "octet/error.h"

namespace octet::caffe {

MeanImage load_mean_image(const std::filesystem::path& path) {
  // Far above any picture, and low enough that the product below cannot overflow.
  constexpr std::int64_t kMostPixelsASide = 1 << 20;
  const wire::InputFile file(path);
  wire::FileWindow window(file);
  const BlobEntry blob = index_blob(window, 0, file.size());
  const auto fail = [&](const std::string& text) {
    throw Error(ErrorCode::kParse, fmt::format("{}: not a mean image: {}", file.name(), text));
  };

  // {1, C, H, W} or, in the newer form, {C, H, W}.
  std::vector<std::int64_t> dims = blob.dims;
  if (dims.size() == 4 && dims[0] == 1) dims.erase(dims.begin());
  if (dims.size() != 3)
    fail(fmt::format("its shape is {}, expected channels x height x width", blob.shape_text()));
  for (const std::int64_t dim : dims) {
    if (dim < 1 || dim > kMostPixelsASide) {
      fail(fmt::format("its shape is {}, expected dimensions of 1 to {}", blob.shape_text(),
                       kMostPixelsASide));
    }
  }
  MeanImage image{dims[0], dims[1], dims[2], {}};
  if (blob.values != static_cast<std::uint64_t>(dims[0] * dims[1] * dims[2])) {
    fail(fmt::format("its shape is {}, but it holds {} values", blob.shape_text(), blob.values));
  }
  image.values.resize(static_cast<std::size_t>(blob.values));
  read_blob(window, blob, image.values);
  for (std::size_t i = 0; i < image.values.size(); ++i) {
    if (!std::isfinite(image.values[i])) fail(fmt::format("value {} is {}", i, image.values[i]));
  }
  return image;
}

}  // namespace octet::caffe
