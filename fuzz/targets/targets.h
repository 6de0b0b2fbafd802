// The functions of the table in target.cc, a file a format.
#pragma once

#include <string_view>

#include "fuzz/target.h"

namespace octet::fuzz {

using Input = std::span<const std::byte>;
using Seeds = std::vector<Seed>;

inline std::string_view text_of(Input input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

bool read_prototxt(Input input);
Seeds prototxt_seeds();
bool read_caffemodel(Input input);
Seeds caffemodel_seeds();
bool read_mean_image(Input input);
Seeds mean_image_seeds();
bool read_onnx(Input input);
Seeds onnx_seeds();
bool read_calibration(Input input);
Seeds calibration_seeds();
bool load_engine(Input input);
Seeds engine_seeds();
bool read_study_config(Input input);
Seeds study_config_seeds();
bool derive_study(Input input);
Seeds study_seeds();
bool read_picture(Input input);
Seeds picture_seeds();
bool read_labels(Input input);
Seeds label_seeds();
bool read_array(Input input);
Seeds array_seeds();
bool read_device(Input input);
Seeds device_seeds();
bool read_meter_log(Input input);
Seeds meter_log_seeds();
bool read_checkpoint(Input input);
Seeds checkpoint_seeds();
bool compare_instruction_sets(Input input);
Seeds network_seeds();

}  // namespace octet::fuzz
