// The scales and thresholds that the study's integer engines work with.
#include "lab/study/jobs/jobs.h"
#include "lab/support/json.h"

namespace octet::lab {

Json calibration_job(const Unit& unit, Workshop& shop, const JobProgress&) {
  const StudyCalibration& made = shop.calibration(unit.network);
  const Calibration& calibration = *made.calibration;
  Json tensors = Json::array();
  for (const TensorCalibration& tensor : calibration.tensors)
    tensors.push_back({{"name", tensor.name},
                       {"type", calibration.scheme == QuantizationScheme::kUnsigned8 ? "u8" : "s8"},
                       {"scale", tensor.scale},
                       {"zero_point", tensor.zero_point},
                       {"min", tensor.minimum},
                       {"max", tensor.maximum},
                       {"clipped_share", tensor.clipped}});
  return {{"network", unit.network},
          {"method", to_string(calibration.method)},
          {"weight_rounding", to_string(calibration.weight_rounding)},
          {"data", calibration.source.data},
          {"images", calibration.source.images},
          {"seconds", made.seconds},
          {"tensors", std::move(tensors)}};
}

}  // namespace octet::lab
