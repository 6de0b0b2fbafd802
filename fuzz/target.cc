#include "fuzz/target.h"

#include <algorithm>

#include "fuzz/targets/targets.h"

namespace octet::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"prototxt", "Caffe's network text", read_prototxt, prototxt_seeds},
    {"caffemodel", "Caffe's weights", read_caffemodel, caffemodel_seeds},
    {"mean-image", "Caffe's mean image", read_mean_image, mean_image_seeds},
    {"onnx", "ONNX network", read_onnx, onnx_seeds},
    {"calibration", "calibration (JSON)", read_calibration, calibration_seeds},
    {"engine", "saved engine", load_engine, engine_seeds},
    {"study-config", "study configuration (TOML)", read_study_config, study_config_seeds},
    {"study-records", "records of a study (JSON)", derive_study, study_seeds},
    {"picture", "picture (JPEG, PNG) and its preprocessing", read_picture, picture_seeds},
    {"labels", "label and class lists", read_labels, label_seeds},
    {"array", "array (.npy)", read_array, array_seeds},
    {"device", "device model (JSON)", read_device, device_seeds},
    {"meter-log", "log of a wall meter (CSV)", read_meter_log, meter_log_seeds},
    {"checkpoint", "checkpoint of an accuracy measurement", read_checkpoint, checkpoint_seeds},
    {"network", "small network, all instruction sets against the reference", compare_instruction_sets,
     network_seeds, false},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target* find_target(const std::string& name) {
  const auto found = std::find_if(std::begin(kTargets), std::end(kTargets),
                                  [&](const Target& target) { return target.name == name; });
  return found == std::end(kTargets) ? nullptr : &*found;
}

}  // namespace octet::fuzz
