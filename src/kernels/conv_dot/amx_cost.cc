// What tiles cost, from counts of what they do and cycles of each that were measured (docs/performance.md):
//
//   product        16 cycles of the tile unit, however few rows or bytes it has
//   tile of sums   15 more for its store
//   16 outputs     the cycles of the vector units that amx_finishers.h counts
//   copying        AmxGeometry::copy_cycles()
//
// All of it is added up. The two units could work at the same time, and the order of instructions lets them;
// but a layer of 64 bytes of depth takes 5.0 cycles for 16 outputs, 2.2 if its outputs are left out; at 256
// bytes, with a residual, 9.1 and 5.5.
#include <cmath>

#include "kernels/conv_dot/amx_convolution.h"
#include "kernels/conv_dot/amx_geometry.h"
#include "kernels/conv_dot/convolution.h"

namespace octet::kernels::conv_dot {
namespace {

constexpr double kProduct = 16, kStore = 15;

/// For 16 outputs: amx_finishers.h. Nearly all sums are small.
double vector_cycles(const ConvDesc& desc) {
  const bool scaled_negatives = desc.relu && desc.relu->slope != 0;
  const bool limited_reals =
      desc.relu && desc.output.type == DataType::kBFloat16 && std::isfinite(desc.relu->limit);
  if (desc.output.type == DataType::kFloat32 || scaled_negatives || limited_reals) return 9;
  if (desc.output.type == DataType::kBFloat16) return desc.residual ? 3.5 : 2;
  return desc.residual ? 4.2 : 2.6;
}

bool computable(const ConvDesc& desc) {
  if (desc.output.padded_channels() % kChannelBlock != 0) return false;
  const std::int64_t in = desc.input.channels / desc.groups, out = desc.output.channels / desc.groups;
  return desc.groups == 1 || (in % kChannelQuad == 0 && out % kChannelBlock == 0);
}

AmxWorkCount work_of(const ConvDesc& desc, const AmxGeometry& geometry, int images) {
  const bool by_pixel = geometry.source() == AmxGeometry::Source::kPixels;
  const auto rows = static_cast<double>(
      by_pixel ? desc.output.pixels() : (desc.output.height - 1) * geometry.row_pitch() + desc.output.width);
  const double sharing = geometry.in_place() ? images : 1;  // images that share blocks
  const double row_tiles = std::ceil(rows * sharing / kTileRows) / sharing;
  const auto columns = static_cast<double>(desc.output.blocks());
  const double weight_tiles = columns * static_cast<double>(geometry.steps().size());
  return {.products = row_tiles * weight_tiles,
          .sums = row_tiles * columns,
          .sixteens = static_cast<double>(desc.output.pixels()) * columns,
          .copy_cycles = geometry.copy_cycles(),
          .weight_bytes = weight_tiles * kTileBytes};
}

double cycles_of(const ConvDesc& desc, const AmxWorkCount& work) {
  const double tile_unit = kProduct * work.products + kStore * work.sums;
  return tile_unit + vector_cycles(desc) * work.sixteens + work.copy_cycles;
}

}  // namespace

AmxWorkCount amx_work(const ConvDesc& desc, int images) { return work_of(desc, AmxGeometry(desc), images); }

double amx_cycles(const ConvDesc& desc, int images) { return cycles_of(desc, amx_work(desc, images)); }

// A CPU with tiles does twice as many other vector products in a cycle as the rates in convolution.h take for
// granted, hence the 2. Where each weight is used once an image, a batch of one takes as long as memory (10
// bytes a nanosecond), and tiles, of which one row in 16 is used, only come on top: then VNNI is the better
// way.
double amx_cost(const ConvDesc& desc, int images) {
  if (!computable(desc)) return -1;
  const AmxGeometry geometry(desc);
  const AmxWorkCount work = work_of(desc, geometry, images);
  const bool whole_map = geometry.source() == AmxGeometry::Source::kWholeMap;
  const double memory = whole_map ? work.weight_bytes / 10e3 / images : 0;
  return 2 * cycles_of(desc, work) / 3500 + memory;
}

}  // namespace octet::kernels::conv_dot
