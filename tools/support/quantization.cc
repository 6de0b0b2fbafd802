#include "tools/support/quantization.h"

#include <fmt/format.h>

#include "lab/calibration/calibration_images.h"
#include "lab/data/drawn_images.h"
#include "octet/error.h"
#include "tools/support/program.h"
#include "tools/support/progress.h"

namespace octet::tools {
namespace {

// Few, because a benchmark's user waits for them; their scales say little about real pictures anyway.
constexpr int kFewImages = 8;
constexpr std::uint64_t kOwnPictures = 250;  // of octet-20, which knows them
constexpr const char* kOwnNetwork = "octet-20";

}  // namespace

bool needs_calibration(Precision precision) {
  return precision == Precision::kInt8 || precision == Precision::kInt16 || precision == Precision::kMixed;
}

UsedCalibration load_calibration(const std::string& file, const Network& network,
                                 std::string_view preprocessing_hash, bool force) {
  auto calibration = std::make_shared<Calibration>(Calibration::load(file));
  const std::size_t forced_before = calibration->forced.size();
  try {
    calibration->check(network, preprocessing_hash, force);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file, error.what()));
  }
  for (std::size_t i = forced_before; i < calibration->forced.size(); ++i)
    warn(fmt::format("{}: accepted although {}", file, calibration->forced[i]));
  return {std::move(calibration), file};
}

UsedCalibration improvise_calibration(const Network& network, const lab::Preprocessing* preprocessing,
                                      std::uint64_t seed, int threads) {
  CalibrationOptions options;
  options.threads = threads;
  Progress progress("calibrate");
  options.progress = [&](double share) { progress.update(share); };
  const Shape shape = network.inputs().front().shape;  // calibrate() refuses networks of several inputs
  const bool own = network.name() == kOwnNetwork;
  std::unique_ptr<CalibrationImages> images;
  if (own || preprocessing != nullptr) {
    const lab::Preprocessing prepared =
        preprocessing != nullptr ? *preprocessing : lab::default_preprocessing(kOwnNetwork, shape);
    auto pictures = std::make_unique<lab::PictureImages>(
        lab::drawn_dataset(lab::DrawnSet::kCalibration, own ? kOwnPictures : kFewImages), prepared,
        lab::PipelineOptions{});
    pictures->describe("drawn, calibration stream", options.source);
    options.pixel_mean = lab::pixel_mean(prepared);
    images = std::move(pictures);
  } else {
    auto synthetic = std::make_unique<lab::SyntheticImages>(shape, kFewImages, seed);
    synthetic->describe(options.source);
    images = std::move(synthetic);
  }
  auto calibration = std::make_shared<Calibration>(calibrate(network, *images, options));
  progress.clear();
  warn(fmt::format("no calibration file: calibrated now on what the program makes itself ({})",
                   calibration->source.data));
  std::string origin = calibration->source.data;
  return {std::move(calibration), std::move(origin)};
}

Json to_json(const UsedCalibration& used) {
  if (used.calibration == nullptr) return nullptr;
  const Calibration& calibration = *used.calibration;
  return {{"origin", used.origin},
          {"hash", calibration.hash()},
          {"method", to_string(calibration.method)},
          {"scheme", to_string(calibration.scheme)},
          {"weight_rounding", to_string(calibration.weight_rounding)},
          {"bias_correction", calibration.bias_correction},
          {"data", calibration.source.data},
          {"data_hash", calibration.source.data_hash},
          {"images", calibration.source.images},
          {"forced", calibration.forced}};
}

}  // namespace octet::tools
