// Grouped convolutions whose groups do not fill the blocks of channels that micro-kernels compute: several
// groups are computed as one dense one, whose weights between the groups are zero. The accumulators are the
// same to the bit; groups of 8 or 24 channels take twice the products, 3 groups of 20 three times. Where
// their number is no multiple, the last one is filled up with groups of no weights in the maps' padding
// lanes.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_dot {

/// The convolution of fewer groups, all of them blocks of channels, to be computed in place of `desc`; `desc`
/// itself where they are already.
ConvDesc merge_groups(const ConvDesc& desc);

/// A kernel that takes the weights of `desc` and computes by `merged`, one for merge_groups(desc).
std::unique_ptr<Kernel> with_merged_groups(const ConvDesc& desc, std::unique_ptr<Kernel> merged);

}  // namespace octet::kernels::conv_dot
