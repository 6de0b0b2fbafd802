// Calibration: scale per tensor, precision per layer and how they were obtained. Declared here, defined with
// the quantiser; an FP32 engine needs none.
#pragma once

namespace octet {
class Calibration;
}
