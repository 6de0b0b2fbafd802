// The second half of calibration: with the scales known, how each layer's weights are rounded, whether its
// bias is corrected, and how much noise is left.
#pragma once

#include <cstdint>
#include <functional>

#include "graph/graph.h"
#include "octet/calibration.h"

namespace octet {

/// Fills in rounding_bits (where calibration.weight_rounding is kAdaptive), bias_correction (where
/// calibration.bias_correction is set) and sqnr_db of the layers. `pictures`: how many `images` are. Throws
/// what observe() throws. `progress`: share done.
void calibrate_layers(const graph::Graph& graph, CalibrationImages& images, std::int64_t pictures,
                      int threads, Calibration& calibration, const std::function<void(double)>& progress);

/// Bytes of the statistics that are held at a time.
std::uint64_t layer_statistics_bytes(const graph::Graph& graph, std::int64_t pictures,
                                     WeightRounding rounding);

}  // namespace octet
