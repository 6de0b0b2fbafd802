// Where the fitted parameters of the known devices come from: least squares over published throughput, by a
// deterministic search, so that a test can derive the committed numbers again.
#pragma once

#include <vector>

#include "lab/project/device_model.h"
#include "lab/project/projection.h"
#include "octet/types.h"

namespace octet::lab {

/// Published for one device.
struct PublishedRate {
  Precision precision = Precision::kInt8;
  int batch = 1;
  double images_per_second = 0;
};

/// `device` with the efficiencies of the precisions that occur, bandwidth_share and call_us chosen so that
/// the sum of squared relative errors (of the logarithms) over `rates` of the network `work` is least. All
/// else stays as it is given. Throws Error(kInvalidArgument) for fewer rates than parameters, and what
/// project_row throws.
DeviceModel fit(const DeviceModel& device, const std::vector<LayerWork>& work,
                const std::vector<PublishedRate>& rates);

/// Published throughput of several devices.
struct PublishedScaling {
  int devices = 1;
  double relative = 1;  ///< to one device
};

/// DeviceModel::device_cost by least squares of the shares that are lost.
double fit_device_cost(const std::vector<PublishedScaling>& scalings);

}  // namespace octet::lab
