// What the engine makes of an optimised graph, as far as a model of integers follows from it.
#pragma once

#include "octet/calibration.h"
#include "plan/plan.h"
#include "quantize/scheme.h"

namespace octet::exporting {

/// Of the plan only the steps are looked at, as lowered. All of it must outlive the export.
struct IntegerForm {
  const Calibration& calibration;
  const quantize::Scheme& scheme;
  const plan::Plan& plan;
  bool pixel_input = false;  // inputs are pictures' bytes, N x H x W x C
};

}  // namespace octet::exporting
