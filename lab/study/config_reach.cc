#include <fmt/format.h>

#include <algorithm>

#include "lab/project/device_model.h"
#include "lab/study/config.h"
#include "lab/study/config_keys.h"

namespace octet::lab {
namespace {

bool is_known_device(const std::string& target) {
  const std::vector<DeviceModel>& devices = known_devices();
  return std::any_of(devices.begin(), devices.end(),
                     [&](const DeviceModel& device) { return device.name == target; });
}

/// What the key itself names: a file or, of a meter, a program, a library or a folder.
bool is_reach(const ConfigKey& key) {
  return key.words == Words::kPath || (key.section == "power" && key.words == Words::kNonEmpty);
}

}  // namespace

std::vector<std::string> reach_of(const StudyConfig& config) {
  StudyConfig copy = config,
              usual = quick_config();  // the lists of keys point into configs that can be changed
  std::vector<std::string> found;
  for (const NetworkFiles& files : config.files) {
    found.push_back(fmt::format("files.prototxt = {}", files.prototxt));
    if (!files.weights.empty()) found.push_back(fmt::format("files.weights = {}", files.weights));
  }
  const std::vector<ConfigKey> keys = config_keys(copy), usual_keys = config_keys(usual);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!is_reach(keys[i])) continue;
    const std::string& value = *std::get<std::string*>(keys[i].field);
    if (!value.empty() && value != *std::get<std::string*>(usual_keys[i].field))
      found.push_back(fmt::format("{}.{} = {}", keys[i].section, keys[i].name, value));
  }
  for (const std::string& target : config.projection.targets)
    if (!is_known_device(target)) found.push_back(fmt::format("projection.targets: {}", target));
  return found;
}

}  // namespace octet::lab
