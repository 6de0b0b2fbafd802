#include "lab/calibration/improvise.h"

#include <memory>

#include "lab/calibration/calibration_images.h"
#include "lab/data/drawn_images.h"

namespace octet::lab {
namespace {

constexpr int kFewImages = 8;                // a benchmark's user waits for them
constexpr std::uint64_t kOwnPictures = 250;  // of octet-20, which knows them
constexpr const char* kOwnNetwork = "octet-20";

}  // namespace

Calibration improvise_calibration(const Network& network, const ImproviseOptions& options) {
  CalibrationOptions calibration;
  calibration.threads = options.threads;
  calibration.memory_limit = options.memory_limit;
  calibration.progress = options.progress;
  const Shape shape = network.inputs().front().shape;  // calibrate() refuses networks of several inputs
  const bool own = network.name() == kOwnNetwork;
  if (!own && options.preprocessing == nullptr) {
    SyntheticImages images(shape, kFewImages, options.seed);
    images.describe(calibration.source);
    return calibrate(network, images, calibration);
  }
  const Preprocessing preprocessing =
      options.preprocessing != nullptr ? *options.preprocessing : default_preprocessing(kOwnNetwork, shape);
  PictureImages pictures(drawn_dataset(DrawnSet::kCalibration, own ? kOwnPictures : kFewImages),
                         preprocessing, PipelineOptions{});
  pictures.describe("drawn, calibration stream", calibration.source);
  calibration.pixel_mean = pixel_mean(preprocessing);
  return calibrate(network, pictures, calibration);
}

}  // namespace octet::lab
