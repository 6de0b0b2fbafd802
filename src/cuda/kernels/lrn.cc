#include <algorithm>

#include "cuda/device/lrn.h"
#include "cuda/device/lrn_f32.h"
#include "cuda/kernels/families.h"
#include "cuda/kernels/map_view.h"
#include "cuda/kernels/parameters.h"
#include "kernels/families.h"
#include "kernels/lrn_i8/arithmetic.h"
#include "kernels/lrn_i8/three_quarters.h"

namespace octet::cuda {
namespace {

using kernels::FeatureMap;
using kernels::LrnDesc;

static_assert(device::kLrnGuess == kernels::kGuess && device::kLrnRootTerms == kernels::kRootTerms);

/// A window wider than the map sees nothing beyond it.
std::int32_t half_of(const LrnDesc& desc, std::int64_t most) {
  return to_int(std::min((desc.size - 1) / 2, most));
}

class Lrn final : public DeviceKernel {
 public:
  explicit Lrn(const LrnDesc& desc)
      : in_(desc.map), out_(desc.output), across_(desc.across_channels), function_(Function::lrn_within) {
    const kernels::LrnI8Arithmetic arithmetic = kernels::lrn_i8::arithmetic_of(desc);
    params_.height = to_int(in_.height), params_.width = to_int(in_.width);
    params_.in_step = to_int(in_.pixel_step()), params_.out_step = to_int(out_.pixel_step());
    params_.groups = groups_of(in_);
    params_.half = half_of(desc, across_ ? in_.padded_channels() : std::max(in_.height, in_.width));
    params_.zero_in = arithmetic.zero_in;
    params_.a = arithmetic.a, params_.k = arithmetic.k;
    params_.beta = arithmetic.beta, params_.ratio = arithmetic.ratio;
    std::copy_n(arithmetic.root, device::kLrnRootTerms, params_.root);
    params_.zero_out = arithmetic.zero_out;
    if (across_) plan_blocks();
  }

  // A block reads all that its pixels' windows hold before it writes; but a part of a pixel's channels has
  // its windows in the next one.
  bool in_place(int) const override {
    return across_ && params_.part == params_.groups && in_.pixel_step() == out_.pixel_step();
  }

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    device::LrnParams p = params_;
    p.input = bytes_of(call.inputs[0]);
    p.output = bytes_of(call.output);
    p.input_image = image_bytes(call.inputs[0], in_);
    p.output_image = image_bytes(call.output, out_);
    p.items = call.images * in_.pixels() * p.groups;
    Grid grid = grid_of_items(p.items, function_);
    if (across_) grid = {std::int64_t{call.images} * p.runs, (p.groups + p.part - 1) / p.part};
    launcher.launch(function_, grid, p, shared_bytes_);
  }

 private:
  /// A block's threads do 16 channels each, of as many whole pixels as they are enough for.
  void plan_blocks() {
    device::LrnParams& p = params_;
    const bool five = p.half == 2 && p.beta == 0.75f;
    const int threads = describe(Function::lrn_across_any).threads;
    p.part = std::min(p.groups, threads);
    p.run = to_int(std::min<std::int64_t>(threads / p.part, in_.pixels()));
    p.runs = to_int((in_.pixels() + p.run - 1) / p.run);
    p.halo = p.part == p.groups ? 0 : std::min((p.half + 15) / 16, p.groups);
    function_ = five && p.part == p.groups ? Function::lrn_across_five : Function::lrn_across_any;
    // At most 256 groups and the halo of the longest window whose squares fit 32 bits: 37 KB.
    shared_bytes_ = p.run * std::min(p.groups, p.part + 2 * p.halo) * 16;
  }

  FeatureMap in_, out_;
  bool across_;
  Function function_;
  device::LrnParams params_ = {};
  int shared_bytes_ = 0;
};

class LrnReal final : public DeviceKernel {
 public:
  explicit LrnReal(const LrnDesc& desc)
      : map_(desc.map),
        function_(desc.across_channels ? Function::lrn_across_f32 : Function::lrn_within_f32) {
    const auto size = static_cast<float>(desc.size);
    params_.groups = groups_of(map_);
    params_.height = to_int(map_.height), params_.width = to_int(map_.width);
    params_.half =
        half_of(desc, desc.across_channels ? map_.padded_channels() : std::max(map_.height, map_.width));
    params_.alpha_over_size = desc.alpha / (desc.across_channels ? size : size * size);
    params_.k = desc.across_channels ? desc.k : 1;
    params_.beta = desc.beta;
  }

  void launch(const kernels::Call& call, Launcher& launcher) const override {
    launch_on_views(call, launcher, function_, params_, map_, map_);
  }

 private:
  FeatureMap map_;
  Function function_;
  device::LrnRealParams params_ = {};
};

}  // namespace

double lrn_i8_cost(const kernels::OpDesc& desc, int /*images*/) {
  const auto* lrn = std::get_if<LrnDesc>(&desc);
  if (lrn == nullptr || !kernels::lrn_i8::accepts(*lrn)) return kCannot;
  return microseconds_of_bytes(lrn->map.bytes() + lrn->output.bytes());
}
std::unique_ptr<kernels::Kernel> lrn_i8(const kernels::OpDesc& desc) {
  return std::make_unique<Lrn>(std::get<LrnDesc>(desc));
}

double lrn_f32_cost(const kernels::OpDesc& desc, int images) {
  if (kernels::lrn_f32_generic_cost(desc, images) < 0) return kCannot;
  return microseconds_of_bytes(2 * std::get<LrnDesc>(desc).map.bytes());
}
std::unique_ptr<kernels::Kernel> lrn_f32(const kernels::OpDesc& desc) {
  return std::make_unique<LrnReal>(std::get<LrnDesc>(desc));
}

}  // namespace octet::cuda
