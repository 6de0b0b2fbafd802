#include "tools/support/quantization.h"

#include <fmt/format.h>

#include "lab/calibration/improvise.h"
#include "octet/error.h"
#include "tools/support/program.h"
#include "tools/support/progress.h"

namespace octet::tools {
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
                                      std::uint64_t seed, int threads, std::uint64_t memory_limit) {
  Progress progress("calibrate");
  lab::ImproviseOptions options{preprocessing, seed, threads, memory_limit,
                                [&](double share) { progress.update(share); }};
  auto calibration = std::make_shared<Calibration>(lab::improvise_calibration(network, options));
  progress.clear();
  warn(fmt::format("no calibration file: calibrated now on what the program makes itself ({})",
                   calibration->source.data));
  std::string origin = calibration->source.data;
  return {std::move(calibration), std::move(origin)};
}

UsedCalibration own_calibration(const Network& network) {
  if (network.calibration() == nullptr) return {};
  return {network.calibration(), network.calibration()->source.data};
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
