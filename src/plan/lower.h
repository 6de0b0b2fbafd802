// graph -> steps: each node becomes a kernel call on buffers with layouts; views (flatten, reshape, identity)
// and concatenations mostly become addresses instead of calls.
#pragma once

#include "plan/plan.h"

namespace octet::plan {

struct LowerOptions {
  const Calibration* calibration = nullptr;
  bool pixel_input = false;  // pictures' bytes instead of FP32
};

/// Fills steps (without kernels), buffers (without scopes and offsets), inputs and outputs of `plan`.
void lower(const graph::Graph& graph, const quantize::Scheme& scheme, const LowerOptions& options,
           Plan& plan);

/// Sizes of a per-image tensor of rank 1 to 4 ({N, C, H, W}). Throws Error(kUnsupported) for others, naming
/// `where`.
kernels::FeatureMap feature_map(const Shape& shape, kernels::Layout layout, const std::string& where);

}  // namespace octet::plan
