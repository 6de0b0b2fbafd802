// The part of fully connected layers that is the same on every instruction set: packing, and the walk over
// images, chunks of depth and panels. See contract.h for the method and the layouts.
#include <algorithm>
#include <cassert>

#include "kernels/families.h"
#include "kernels/fully_connected_f32/contract.h"
#include "kernels/fully_connected_f32/layer.h"
#include "kernels/simd/relu_activation.h"

namespace octet::kernels {
namespace fully_connected_f32 {
namespace {

// Transposed inputs that a worker keeps: 256 KiB, which leaves room for the weights in any L2.
constexpr std::int64_t kPackedFloats = 64 * 1024;
// Up to two groups of images are bound by memory, which then streams best: weights are fetched this far ahead
// of their use, as the hardware's own prefetching ends at each page.
constexpr int kStreamingGroups = 2;
constexpr std::int64_t kAheadFloats = 4096 / sizeof(float);
// More groups are bound by arithmetic, and each fetches a part of the next panel instead, for which the
// panels of a chunk are short: 128 KiB, of which L2 holds two.
constexpr std::int64_t kPanelFloats = 32 * 1024;
// Batches of more images pass over the weights several times, so that a chunk stays long enough to be worth
// it.
constexpr std::int64_t kMaxPass = 256;

class FullyConnectedKernel final : public Kernel {
 public:
  FullyConnectedKernel(const FullyConnectedDesc& desc, const MicroKernels& isa)
      : desc_(desc),
        isa_(isa),
        depth_(desc.input.elements()),
        output_blocks_(desc.output.blocks()),
        activation_(activation_of(desc.relu)) {}

  std::size_t packed_bytes() const override {
    return static_cast<std::size_t>(output_blocks_ * kChannelBlock * (depth_ + 1)) * sizeof(float);
  }
  void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const override;
  // Transposed inputs, then unfinished sums.
  std::size_t scratch_bytes(int images) const override {
    if (images < 2) return 0;
    const std::int64_t pass = std::min<std::int64_t>(images, kMaxPass);
    return static_cast<std::size_t>(kPackedFloats + pass * output_blocks_ * kChannelBlock) * sizeof(float);
  }
  void run(const Call& call) const noexcept override;
  std::int64_t worker_macs(int images, int worker, int workers) const override {
    const Part part = part_of(images, worker, workers);
    return part.images.size() * columns_of(part.panels) * depth_;
  }

 private:
  /// A worker's share of a call.
  struct Part {
    Share images, panels;
  };
  Part part_of(int images, int worker, int workers) const;
  std::int64_t panels() const { return (output_blocks_ + isa_.column_blocks - 1) / isa_.column_blocks; }
  std::int64_t columns_of(Share some) const {
    const auto blocks = [&](std::int64_t panel) {
      return std::min(panel * isa_.column_blocks, output_blocks_);
    };
    return (blocks(some.end) - blocks(some.begin)) * kChannelBlock;
  }

  std::int64_t chunk_depth(std::int64_t images) const {
    const std::int64_t depth = std::min(depth_, kPackedFloats / images);
    return groups(images) > kStreamingGroups
               ? std::min(depth, kPanelFloats / (isa_.column_blocks * kChannelBlock))
               : depth;
  }
  std::int64_t groups(std::int64_t images) const { return (images + isa_.max_images - 1) / isa_.max_images; }

  void run_pass(const Call& call, const Part& part) const;
  void transpose(const Call& call, Share images, Share depth) const;
  void multiply_chunk(const Call& call, const Part& part, Share depth, const float* inputs) const;

  const FullyConnectedDesc desc_;
  const MicroKernels& isa_;
  const std::int64_t depth_, output_blocks_;
  const Activation activation_;
};

void FullyConnectedKernel::pack(std::span<const std::span<const float>> weights,
                                std::span<std::byte> packed) const {
  assert(packed.size() == packed_bytes());
  const std::int64_t outputs = desc_.output.channels, features = desc_.input.channels * desc_.input.pixels();
  float* const to = reinterpret_cast<float*>(packed.data());
  std::fill_n(to, output_blocks_ * kChannelBlock * (depth_ + 1), 0.0f);
  // A few channels at a time, so that the part of the panel being filled stays in cache.
  const std::int64_t channels = desc_.input.channels;
  const std::int64_t step = std::max<std::int64_t>(1, 64 / desc_.input.pixels()) * kChannelBlock;
  for (std::int64_t first = 0; first < output_blocks_; first += isa_.column_blocks) {
    const std::int64_t blocks = std::min<std::int64_t>(isa_.column_blocks, output_blocks_ - first);
    const std::int64_t columns = blocks * kChannelBlock, begin = first * kChannelBlock;
    float* const panel = to + begin * depth_;
    for (std::int64_t c = 0; c < channels; c += step) {
      for (std::int64_t k = 0; k < std::min(columns, outputs - begin); ++k) {
        const float* const row = weights[0].data() + (begin + k) * features;
        for_each_feature(
            desc_.input, c, std::min(c + step, channels),
            [&](std::int64_t place, std::int64_t feature) { panel[place * columns + k] = row[feature]; });
      }
    }
  }
  if (desc_.has_bias) std::copy_n(weights[1].data(), outputs, to + output_blocks_ * kChannelBlock * depth_);
}

/// Parts of the panels read their weights once for all images, but each transposes all images' inputs; parts
/// of the images read all weights. Few workers are best served by panels alone; many, by whichever is done
/// first.
FullyConnectedKernel::Part FullyConnectedKernel::part_of(int images, int worker, int workers) const {
  // Cycles of a feature of depth: 32 multiply-adds each, 10 bytes of weights from beyond the caches, a value
  // transposed in 2.
  constexpr std::int64_t kMacs = 32, kWeightBytes = 10, kTransposed = 2;
  const std::int64_t columns = isa_.column_blocks * kChannelBlock;
  const auto cycles = [&](std::int64_t some_images, std::int64_t some_panels) {
    const std::int64_t transposed = images == 1 ? 0 : kTransposed * some_images;
    return some_panels * columns * (some_images * kWeightBytes + 4 * kMacs) +
           transposed * kMacs * kWeightBytes;
  };
  const auto largest = [](std::int64_t items, std::int64_t parts) { return (items + parts - 1) / parts; };
  std::int64_t image_parts = 1, panel_parts = std::min<std::int64_t>(workers, panels());
  std::int64_t best = cycles(images, largest(panels(), panel_parts));
  for (std::int64_t parts = 2; parts <= std::min(workers, images); ++parts) {
    const std::int64_t others = std::min(workers / parts, panels());
    const std::int64_t time = cycles(largest(images, parts), largest(panels(), others));
    if (time < best) {
      best = time;
      image_parts = parts;
      panel_parts = others;
    }
  }
  if (worker >= image_parts * panel_parts) return {{0, 0}, {0, 0}};
  return {share_of(images, static_cast<int>(worker / panel_parts), static_cast<int>(image_parts)),
          share_of(panels(), static_cast<int>(worker % panel_parts), static_cast<int>(panel_parts))};
}

void FullyConnectedKernel::run(const Call& call) const noexcept {
  const Part part = part_of(call.images, call.worker, call.workers);
  const std::int64_t images = part.images.size();
  const std::int64_t passes = (images + kMaxPass - 1) / kMaxPass;
  for (std::int64_t p = 0; p < passes; ++p) {
    const Share pass = share_of(images, static_cast<int>(p), static_cast<int>(passes));
    run_pass(call, {{part.images.begin + pass.begin, part.images.begin + pass.end}, part.panels});
  }
}

void FullyConnectedKernel::run_pass(const Call& call, const Part& part) const {
  const std::int64_t count = part.images.size();
  if (count == 1) {  // lies as the micro-kernel wants it
    const float* const image = call.inputs[0].floats() + part.images.begin * call.inputs[0].image_stride;
    multiply_chunk(call, part, {0, depth_}, image);
    return;
  }
  const std::int64_t step = chunk_depth(count);
  for (std::int64_t begin = 0; begin < depth_; begin += step) {
    const Share depth = {begin, std::min(begin + step, depth_)};
    transpose(call, part.images, depth);
    multiply_chunk(call, part, depth, reinterpret_cast<const float*>(call.scratch));
  }
}

/// Writes the chunk as [group of images][depth][image of the group] to the worker's scratch. The inputs lie
/// any distance apart, often a power of two: read in place by the micro-kernel they would fight for the same
/// cache sets.
void FullyConnectedKernel::transpose(const Call& call, Share images, Share depth) const {
  const std::int64_t count = images.end - images.begin, length = depth.end - depth.begin;
  const auto parts = static_cast<int>(groups(count));
  float* const scratch = reinterpret_cast<float*>(call.scratch);
  for (int g = 0; g < parts; ++g) {
    const Share group = share_of(count, g, parts);
    const std::int64_t rows = group.end - group.begin;
    for (std::int64_t n = 0; n < rows; ++n) {
      const float* const from = call.inputs[0].floats() +
                                (images.begin + group.begin + n) * call.inputs[0].image_stride + depth.begin;
      float* const to = scratch + group.begin * length + n;
      for (std::int64_t d = 0; d < length; ++d) to[d * rows] = from[d];
    }
  }
}

/// All of this worker's panels over one chunk of the depth. Unfinished sums wait in scratch, panel by panel:
/// rows of the output often lie a power of two apart and would fight for the same cache sets.
void FullyConnectedKernel::multiply_chunk(const Call& call, const Part& part, Share depth,
                                          const float* inputs) const {
  const Share images = part.images;
  const std::int64_t count = images.size(), length = depth.size();
  const auto parts = static_cast<int>(groups(count));
  const float* const weights = reinterpret_cast<const float*>(call.weights);
  const float* const bias = weights + output_blocks_ * kChannelBlock * depth_;
  const bool first = depth.begin == 0, last = depth.end == depth_;
  for (std::int64_t panel = part.panels.begin; panel < part.panels.end; ++panel) {
    const std::int64_t block = panel * isa_.column_blocks, column = block * kChannelBlock;
    const std::int64_t blocks = std::min<std::int64_t>(isa_.column_blocks, output_blocks_ - block);
    const std::int64_t columns = blocks * kChannelBlock;
    const float* const w = weights + column * depth_ + depth.begin * columns;
    const bool streaming = parts <= kStreamingGroups;
    const float* const next = panel + 1 < part.panels.end ? w + columns * depth_ : w;
    const std::int64_t fetched =
        (columns + parts - 1) / parts;  // of the next panel, in each step of the depth
    for (int g = 0; g < parts; ++g) {
      const Share group = share_of(count, g, parts);
      float* const output =
          call.output.floats() + (images.begin + group.begin) * call.output.image_stride + column;
      float* const sums = first && last ? output
                                        : reinterpret_cast<float*>(call.scratch) + kPackedFloats +
                                              column * count + group.begin * columns;
      isa_.multiply[blocks - 1][group.end - group.begin - 1]({
          .inputs = inputs + group.begin * length,
          .weights = w,
          .depth = length,
          .ahead = streaming ? w + kAheadFloats : next + g * length * fetched,
          .ahead_step = streaming ? columns : fetched,
          .start = first ? bias + column : sums,
          .start_stride = first ? 0 : columns,
          .output = last ? output : sums,
          .output_stride = last ? call.output.image_stride : columns,
          .activation = last ? activation_ : kNoActivation,
      });
    }
  }
}

double estimate(const OpDesc& op, int images, double gflops) {
  const FullyConnectedDesc* const desc = as_fully_connected(op);
  return desc ? microseconds(*desc, images, gflops) : -1;
}

std::unique_ptr<Kernel> make(const OpDesc& op, const MicroKernels& isa) {
  return std::make_unique<FullyConnectedKernel>(std::get<FullyConnectedDesc>(op), isa);
}

}  // namespace
}  // namespace fully_connected_f32

#ifdef OCTET_X86
double fully_connected_f32_avx2_cost(const OpDesc& desc, int images) {
  return fully_connected_f32::estimate(desc, images, 100);
}
std::unique_ptr<Kernel> fully_connected_f32_avx2(const OpDesc& desc) {
  return fully_connected_f32::make(desc, fully_connected_f32::kAvx2);
}
double fully_connected_f32_avx512_cost(const OpDesc& desc, int images) {
  return fully_connected_f32::estimate(desc, images, 112);
}
std::unique_ptr<Kernel> fully_connected_f32_avx512(const OpDesc& desc) {
  return fully_connected_f32::make(desc, fully_connected_f32::kAvx512);
}
#endif

}  // namespace octet::kernels
