// The walk over panels of weights, chunks of depth and images:
//
//   for each panel of outputs
//     for each chunk of the depth       its weights and all images' inputs fit in an L2 cache together
//       for each block of images        micro-kernel; between chunks the sums wait in scratch
//
// so that weights come from memory once for all images of a call. A single block of images has one chunk: it
// streams its weights through. Panels times images are shared evenly between workers; a batch of one is
// shared by panels.
#include "kernels/fully_connected_dot/fully_connected.h"

#include <algorithm>
#include <vector>

#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/packing.h"
#include "kernels/fully_connected_dot/layer.h"

namespace octet::kernels::fully_connected_dot {
namespace {

using conv_dot::Block;
using conv_dot::divide_up;
using conv_dot::Epilogue;
using conv_dot::MicroKernels;
using conv_dot::PackedWeights;
using conv_dot::Panel;

constexpr std::int64_t kMaxRows = conv_dot::kMaxRows;
constexpr std::int64_t kMaxLanes = 64;
constexpr std::int64_t kGroup = 4;          // bytes
constexpr std::int64_t kChunkGroups = 512;  // 128 KiB of weights of the widest panel

Epilogue sums_only() {
  Epilogue epilogue{};
  epilogue.output = conv_dot::Output::kSums;
  return epilogue;
}

class FullyConnected final : public Kernel {
 public:
  FullyConnected(const FullyConnectedDesc& desc, const conv_dot::ElementKernels& kernels)
      : convolution_(to_convolution(desc)),
        kernels_(kernels),
        packed_(convolution_, kernels.fast.lanes, conv_dot::Tap::kPosition),
        epilogue_(conv_dot::epilogue_of(convolution_)),
        sums_(sums_only()),
        input_element_(static_cast<std::int64_t>(size_of(desc.input.type))),
        output_element_(static_cast<std::int64_t>(size_of(desc.output.type))) {
    const std::int64_t pixel_bytes = desc.input.pixel_step() * input_element_;
    tap_groups_ = packed_.tap_groups();
    if (tap_groups_ * kGroup == pixel_bytes) {  // no gaps: the whole map is one run
      taps_ = {0};
      tap_groups_ *= desc.input.pixels();
    } else {
      for (std::int64_t p = 0; p < desc.input.pixels(); ++p) taps_.push_back(p * pixel_bytes);
    }
  }

  std::size_t packed_bytes() const override { return packed_.bytes(); }
  void pack_integer(const IntegerWeights& weights, std::span<std::byte> packed) const override {
    packed_.pack(with_bias(weights), packed);
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override {
    packed_.pack(weights[0], convolution_.has_bias ? weights[1] : std::span<const float>(), packed);
  }
  // The sums of all images and one panel.
  std::size_t scratch_bytes(int images) const override {
    return chunks() == 1 ? 0 : static_cast<std::size_t>(images * kMaxLanes * 4);
  }

  void run(const Call& call) const noexcept override {
    for_each_panel(call.images, call.worker, call.workers,
                   [&](std::size_t panel, Share images) { run_panel(call, panel, images); });
  }
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    std::int64_t lanes = 0;  // of all images
    for_each_panel(images, worker, workers, [&](std::size_t panel, Share some) {
      lanes += some.size() * packed_.panels()[panel].lanes;
    });
    return lanes * tap_count() * tap_groups_ * packed_.group_elements();
  }

 private:
  /// Calls f(panel, images) for the worker's share of a call.
  template <typename F>
  void for_each_panel(int images, int worker, int workers, F&& f) const {
    const auto panels = static_cast<std::int64_t>(packed_.panels().size());
    const Share mine = share_of(panels * images, worker, workers);
    for (std::int64_t item = mine.begin; item < mine.end;) {
      const std::int64_t panel = item / images, end = std::min((panel + 1) * images, mine.end);
      f(static_cast<std::size_t>(panel), Share{item - panel * images, end - panel * images});
      item = end;
    }
  }

  std::int64_t tap_count() const { return static_cast<std::int64_t>(taps_.size()); }

  /// Part of the depth: some taps, or some groups of the only tap.
  struct Chunk {
    Share taps, groups;
  };
  std::int64_t chunks() const {
    const std::int64_t wanted = divide_up(tap_count() * tap_groups_, kChunkGroups);
    return tap_count() == 1 ? wanted : std::min(wanted, tap_count());
  }
  Chunk chunk(std::int64_t index, std::int64_t count) const {
    const auto i = static_cast<int>(index), n = static_cast<int>(count);
    if (tap_count() == 1) return {{0, 1}, share_of(tap_groups_, i, n)};
    return {share_of(tap_count(), i, n), {0, tap_groups_}};
  }

  void run_panel(const Call& call, std::size_t index, Share images) const noexcept {
    const Panel& panel = packed_.panels()[index];
    const MicroKernels& micro = packed_.exact(call.weights, index) ? kernels_.exact : kernels_.fast;
    const auto& functions = micro.block[panel.lanes / kChannelBlock - 1];
    std::int64_t most_rows = kMaxRows;
    while (functions[most_rows - 1] == nullptr) --most_rows;

    const std::int64_t count = images.end - images.begin, blocks = divide_up(count, most_rows);
    const std::int64_t parts = blocks == 1 ? 1 : chunks();
    for (std::int64_t part = 0; part < parts; ++part) {
      for (std::int64_t b = 0; b < blocks; ++b) {
        const Share rows = share_of(count, static_cast<int>(b), static_cast<int>(blocks));
        run_block(call, panel, functions[rows.end - rows.begin - 1],
                  {images.begin + rows.begin, images.begin + rows.end}, part, parts);
      }
    }
  }

  void run_block(const Call& call, const Panel& panel, void (*function)(const Block&), Share images,
                 std::int64_t part, std::int64_t parts) const noexcept {
    const Chunk depth = chunk(part, parts);
    const bool first = part == 0, last = part == parts - 1;
    const std::int64_t first_group = depth.taps.begin * tap_groups_ + depth.groups.begin;
    const std::byte* input[kMaxRows];
    const std::byte* start[kMaxRows];
    std::byte* output[kMaxRows];
    for (std::int64_t n = images.begin; n < images.end; ++n) {
      const std::int64_t r = n - images.begin;
      std::byte* sums = call.scratch + n * kMaxLanes * 4;
      input[r] = call.inputs[0].data + n * call.inputs[0].image_stride * input_element_ +
                 depth.groups.begin * kGroup;
      start[r] = first ? packed_.bias(call.weights) + panel.channel * 4 : sums;
      output[r] =
          last ? call.output.data + (n * call.output.image_stride + panel.channel) * output_element_ : sums;
    }
    function({
        .input = input,
        .taps = taps_.data() + depth.taps.begin,
        .tap_count = depth.taps.end - depth.taps.begin,
        .groups = depth.groups.end - depth.groups.begin,
        .weights = call.weights + panel.weights + first_group * panel.lanes * kGroup,
        .bias = start,
        .multipliers = packed_.multipliers(call.weights) + panel.channel,
        .epilogue = last ? &epilogue_ : &sums_,
        .output = output,
        .residual = nullptr,
        .output_block_step = kChannelBlock * output_element_,
        .residual_block_step = 0,
        .blocks = panel.lanes / static_cast<int>(kChannelBlock),
    });
  }

  const ConvDesc convolution_;
  const conv_dot::ElementKernels& kernels_;
  const PackedWeights packed_;
  const Epilogue epilogue_, sums_;
  const std::int64_t input_element_, output_element_;  // bytes
  std::vector<std::int64_t> taps_;                     // bytes
  std::int64_t tap_groups_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> make_fully_connected(const FullyConnectedDesc& desc,
                                             const conv_dot::ElementKernels& kernels) {
  return std::make_unique<FullyConnected>(desc, kernels);
}

}  // namespace octet::kernels::fully_connected_dot
