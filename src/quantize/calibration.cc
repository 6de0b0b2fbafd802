#include "octet/calibration.h"

#include <algorithm>

namespace octet {
namespace {

template <typename Item>
const Item* find_named(const std::vector<Item>& items, std::string_view name) {
  const auto found =
      std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.name == name; });
  return found == items.end() ? nullptr : &*found;
}

}  // namespace

const TensorCalibration* Calibration::find_tensor(std::string_view name) const {
  return find_named(tensors, name);
}
const LayerCalibration* Calibration::find_layer(std::string_view name) const {
  return find_named(layers, name);
}

}  // namespace octet
