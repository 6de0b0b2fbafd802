#include "fuzz/target.h"

#include <algorithm>

#include "fuzz/targets/targets.h"

namespace octet::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"prototxt", read_prototxt, prototxt_seeds},
    {"caffemodel", read_caffemodel, caffemodel_seeds},
    {"mean-image", read_mean_image, mean_image_seeds},
    {"onnx", read_onnx, onnx_seeds},
    {"calibration", read_calibration, calibration_seeds},
    {"engine", load_engine, engine_seeds},
    {"study-config", read_study_config, study_config_seeds},
    {"study-records", derive_study, study_seeds},
    {"picture", read_picture, picture_seeds},
    {"labels", read_labels, label_seeds},
    {"array", read_array, array_seeds},
    {"device", read_device, device_seeds},
    {"meter-log", read_meter_log, meter_log_seeds},
    {"checkpoint", read_checkpoint, checkpoint_seeds},
    {"network", compare_instruction_sets, network_seeds, false},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target* find_target(const std::string& name) {
  const auto found = std::find_if(std::begin(kTargets), std::end(kTargets),
                                  [&](const Target& target) { return target.name == name; });
  return found == std::end(kTargets) ? nullptr : &*found;
}

}  // namespace octet::fuzz
