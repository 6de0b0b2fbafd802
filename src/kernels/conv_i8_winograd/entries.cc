// The lines that this family makes in kernels.inc.
#include <algorithm>

#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_i8_winograd/subwindows.h"
#include "kernels/conv_i8_winograd/tiles.h"
#include "kernels/conv_i8_winograd/winograd.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace conv_i8_winograd {
namespace {

/// Of an instruction set: rate of the products, and microseconds for 16 channels of a tile.
struct Speed {
  double gops, input, output;
};

/// Microseconds of an image on one core, as conv_dot's: the products, the transforms, and the reading of U
/// once a call. What U costs depends on how much of it is still in cache; this is right for a network's
/// layers, whose U together are larger than any cache.
double cost(const OpDesc& op, int images, const Speed& speed) {
  const ConvDesc* desc = as_winograd(op);
  if (desc == nullptr) return -1;
  constexpr double kGigabytes = 25;  // a second
  const std::vector<Piece> rows = cut(desc->output.height), columns = cut(desc->output.width);
  const auto tiles = static_cast<double>(rows.size() * columns.size());
  const Subwindows subwindows(desc->window);
  const auto points =
      static_cast<double>(points_of(rows, subwindows.rows()) * points_of(columns, subwindows.columns()));
  const auto inputs = static_cast<double>(desc->input.blocks()),
             outputs = static_cast<double>(desc->output.blocks());
  const double filters = inputs * outputs * kChannelBlock * kChannelBlock / static_cast<double>(desc->groups);
  const double products = conv_dot::microseconds(points * filters, speed.gops);
  const double transforms = tiles * (subwindows.count() * inputs * speed.input + outputs * speed.output);
  const auto planes = static_cast<double>(subwindows.points(Kind::kFour, Kind::kFour));
  const double reading = planes * filters * 2 / (kGigabytes * 1e3) / std::max(images, 1);
  return products + transforms + reading;
}

}  // namespace

#ifdef OCTET_X86
constexpr InstructionSet kAvx2 = {&kAvx2Transforms, &conv_dot::kAvx2S16, 16, 6, &conv_dot::kAvx2U8};
constexpr InstructionSet kAvx512 = {&kAvx512Transforms, &conv_dot::kAvx512S16, 32, 12, &conv_dot::kAvx512U8};
constexpr InstructionSet kAvx512Vnni = {&kAvx512Transforms, &conv_dot::kAvx512VnniS16, 32, 12,
                                        &conv_dot::kAvx512VnniU8};
#endif

}  // namespace conv_i8_winograd

#ifdef OCTET_X86
// Rates as measured on a core of about 3.7 GHz (bench.cc).
#define OCTET_WINOGRAD(function, isa, ...)                                                                  \
  double function##_cost(const OpDesc& desc, int images) {                                                  \
    return conv_i8_winograd::cost(desc, images, __VA_ARGS__);                                               \
  }                                                                                                         \
  std::unique_ptr<Kernel> function(const OpDesc& desc) {                                                    \
    const auto& conv = std::get<ConvDesc>(desc);                                                            \
    return conv_i8_winograd::make_winograd(conv, conv_i8_winograd::isa, conv_i8_winograd::stored_of(conv)); \
  }

OCTET_WINOGRAD(conv_i8_winograd_avx2, kAvx2, {160, 0.04, 0.15})
OCTET_WINOGRAD(conv_i8_winograd_avx512, kAvx512, {190, 0.02, 0.09})
OCTET_WINOGRAD(conv_i8_winograd_avx512vnni, kAvx512Vnni, {220, 0.02, 0.09})

#undef OCTET_WINOGRAD
#endif

}  // namespace octet::kernels
