#include <utility>

#include "lab/power/kinds.h"

namespace octet::lab {

FoundMeters find_meters(const MeterOptions& options, Clock& clock) {
  FoundMeters all;
  const auto add = [&](FoundKind found) {
    all.kinds.push_back(std::move(found.status));
    for (auto& meter : found.meters) all.meters.push_back(std::move(meter));
  };
  add(find_wall(options));
  add(find_ipmi(options));
  add(find_rapl(options, clock));
  add(find_nvml(options));
  add(find_model(options, clock));
  return all;
}

}  // namespace octet::lab
