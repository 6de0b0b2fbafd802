#include "lab/peers/images_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <vector>

#include "lab/bench/synthetic_images.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;

fs::path unused_name(const fs::path& folder, const char* ending) {
  static std::atomic<int> count{0};
  return folder / fmt::format("octet-{}-{}{}", ::getpid(), count++, ending);
}

ImagesFile::ImagesFile(const fs::path& folder, const Shape& shape, std::uint64_t seed)
    : path_(unused_name(folder, ".images")) {
  constexpr int kPiece = 16;  // images
  std::ofstream file(path_, std::ios::binary);
  const auto images = static_cast<int>(shape[0]);
  for (int first = 0; first < images && file; first += kPiece) {
    const std::vector<float> values = synthetic_images(shape, std::min(kPiece, images - first), seed, first);
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(float)));
  }
  file.close();
  if (!file) {
    std::error_code ignored;
    fs::remove(path_, ignored);
    throw Error(ErrorCode::kIo, fmt::format("{}: {} images of {} bytes cannot be written", path_.string(),
                                            images, shape.elements_per_image() * 4));
  }
}

ImagesFile::~ImagesFile() {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

}  // namespace octet::lab
