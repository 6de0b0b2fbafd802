// Convolution by tiles: what entries are made of. The kernels are a parameter, so that tests run the same
// driver over the portable model of the instructions.
#pragma once

#include <memory>

#include "kernels/conv_dot/amx_tiles.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_dot {

/// What an image takes in calls of `images`.
struct AmxWorkCount {
  double products;  ///< of tiles
  double sums;      ///< tiles of sums, each stored once
  double sixteens;  ///< outputs, in sixteens
  double copy_cycles;
  double weight_bytes;
};
AmxWorkCount amx_work(const ConvDesc& desc, int images);
/// Cycles of an image on one core, if its data is near: a model (amx_cost.cc).
double amx_cycles(const ConvDesc& desc, int images);
/// Microseconds of an image on one core, in calls of `images`; below 0 if tiles cannot compute `desc`.
double amx_cost(const ConvDesc& desc, int images);
/// A fully connected layer is the convolution whose window is the whole map.
std::unique_ptr<Kernel> make_amx(const ConvDesc& desc, const AmxKernels& kernels);

}  // namespace octet::kernels::conv_dot
