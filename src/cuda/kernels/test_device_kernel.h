// Test helper: a device kernel on the model, and on this machine's GPU if it has one, must give the very
// bytes of the CPU's generic kernel, in all of the output's memory, whatever the order of threads.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "cuda/driver/test_on_gpu.h"
#include "cuda/launch.h"
#include "cuda/model/grid.h"
#include "cuda/registry.h"
#include "kernels/kernel.h"
#include "kernels/registry.h"

namespace octet::cuda::test {

/// Memory of `images` images with room between them, padding lanes as kernels/layout.h promises.
class Tensor {
 public:
  static constexpr std::uint8_t kPoison = 0xa5;

  explicit Tensor(const kernels::FeatureMap& map, int images, std::int64_t gap = 32)
      : map_(map),
        stride_(map.elements() + gap),
        bytes_(static_cast<std::size_t>(stride_ * images) * size_of(map.type) + kReadable) {
    std::memset(bytes_.data(), kPoison, bytes_.size());
  }

  /// Values over the whole range of the type (FP32: within `reals` of 0), the zero point (0) in padding
  /// lanes.
  void fill_random(std::uint32_t seed, int images, float reals = 4) {
    std::mt19937 engine(seed);
    for (int n = 0; n < images; ++n)
      for (std::int64_t c = 0; c < map_.padded_channels(); ++c)
        for (std::int64_t p = 0; p < map_.pixels(); ++p) set(n, c, p, draw(engine, c < map_.channels, reals));
  }

  /// Makes some of an FP32 tensor's values infinite, NaN, tiny or ties of the scales 2^-6 and 2^-13.
  void make_awkward(std::uint32_t seed, int images) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    constexpr double kValues[] = {kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN(),
                                  1e30,      -1e-30,     -0.0};
    std::mt19937 engine(seed);
    const auto pick = [&](int low, int high) { return std::uniform_int_distribution(low, high)(engine); };
    if (map_.type != DataType::kFloat32) return;
    for (int n = 0; n < images; ++n)
      for (std::int64_t c = 0; c < map_.channels; ++c)
        for (std::int64_t p = 0; p < map_.pixels(); ++p) {
          const int kind = pick(0, 31);
          if (kind < 6) set(n, c, p, kValues[kind]);
          if (kind >= 26) set(n, c, p, (pick(-256, 255) + 0.5) / (kind < 29 ? 64 : 8192));
        }
  }

  kernels::Operand operand() { return {bytes_.data(), stride_}; }
  const base::AlignedBuffer& memory() const { return bytes_; }

 private:
  static constexpr std::size_t kReadable = 64;  // kernels may read so far behind an operand

  double draw(std::mt19937& engine, bool inside, float reals) const {
    const auto pick = [&](int low, int high) { return std::uniform_int_distribution(low, high)(engine); };
    if (map_.type == DataType::kUInt8) return inside ? pick(0, 255) : map_.quantization.zero_point;
    if (map_.type == DataType::kInt16)
      return inside ? pick(-map_.quantization.limit, map_.quantization.limit) : 0;
    return inside ? static_cast<double>(std::uniform_real_distribution(-reals, reals)(engine)) : 0;
  }
  void set(int n, std::int64_t c, std::int64_t pixel, double value) {
    std::int64_t at = n * stride_;
    switch (map_.layout) {
      case kernels::Layout::kNchw:
        at += c * map_.pixels() + pixel;
        break;
      case kernels::Layout::kNchw16c:
        at += (c / 16 * map_.pixels() + pixel) * 16 + c % 16;
        break;
      case kernels::Layout::kNhwc:
        at += pixel * map_.pixel_step() + c;
        break;
    }
    const auto store = [&](auto x) {
      std::memcpy(bytes_.data() + static_cast<std::size_t>(at) * sizeof x, &x, sizeof x);
    };
    if (map_.type == DataType::kUInt8) return store(static_cast<std::uint8_t>(value));
    if (map_.type == DataType::kInt16) return store(static_cast<std::int16_t>(value));
    store(static_cast<float>(value));
  }

  kernels::FeatureMap map_;
  std::int64_t stride_;
  base::AlignedBuffer bytes_;
};

/// What a step of a plan gives its kernel.
struct Step {
  kernels::OpDesc desc;
  std::vector<kernels::FeatureMap> inputs;
  kernels::FeatureMap output;
  std::vector<std::vector<float>> weights = {};       ///< for pack()
  const kernels::IntegerWeights* integers = nullptr;  ///< or for pack_integer()
  float reals = 4;                                    ///< FP32 inputs lie within it of 0
  bool awkward = false;                               ///< FP32 inputs as make_awkward() has them
};

inline base::AlignedBuffer pack(const Step& step, const kernels::Kernel& kernel) {
  base::AlignedBuffer packed(std::max<std::size_t>(kernel.packed_bytes(), 64));
  std::memset(packed.data(), Tensor::kPoison, packed.size());
  const std::span<std::byte> place(packed.data(), kernel.packed_bytes());
  const std::vector<std::span<const float>> values(step.weights.begin(), step.weights.end());
  if (step.integers != nullptr) {
    kernel.pack_integer(*step.integers, place);
  } else {
    kernel.pack(values, place);
  }
  return packed;
}

template <class Run>
base::AlignedBuffer output_memory(const Step& step, const kernels::Kernel& kernel,
                                  std::vector<Tensor>& inputs, int images, const Run& run) {
  const base::AlignedBuffer packed = pack(step, kernel);
  base::AlignedBuffer scratch(std::max<std::size_t>(kernel.scratch_bytes(images), 64));
  std::memset(scratch.data(), Tensor::kPoison, scratch.size());
  Tensor output(step.output, images, 64);
  std::vector<kernels::Operand> operands;
  for (Tensor& input : inputs) operands.push_back(input.operand());
  kernels::Call call;
  call.images = images;
  call.inputs = operands;
  call.output = output.operand();
  call.weights = packed.data();
  call.scratch = scratch.data();
  run(kernel, call);
  base::AlignedBuffer memory(output.memory().size());
  std::memcpy(memory.data(), output.memory().data(), memory.size());
  return memory;
}

inline void run_here(const kernels::Kernel& kernel, const kernels::Call& call) { kernel.run(call); }

inline std::string first_difference(const base::AlignedBuffer& got, const base::AlignedBuffer& expected) {
  const auto* a = reinterpret_cast<const std::uint8_t*>(got.data());
  const auto* b = reinterpret_cast<const std::uint8_t*>(expected.data());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (a[i] != b[i])
      return "byte " + std::to_string(i) + " of " + std::to_string(expected.size()) + ": got " +
             std::to_string(a[i]) + ", expected " + std::to_string(b[i]);
  }
  return "";
}

/// Every device kernel that can compute the step on a device of compute capability `sm`, in both orders of
/// threads. Says if there is none.
inline void expect_reference_bytes(const Step& step, int images, std::uint32_t seed, int sm = 90) {
  std::vector<Tensor> inputs;
  for (const kernels::FeatureMap& map : step.inputs) {
    inputs.emplace_back(map, images).fill_random(seed++, images, step.reals);
    if (step.awkward) inputs.back().make_awkward(seed, images);
  }
  const kernels::Entry& generic = kernels::select(step.desc, {});
  const base::AlignedBuffer expected =
      output_memory(step, *generic.create(step.desc), inputs, images, run_here);
  kernels::SelectionOptions options;
  options.entries = all_kernels();
  options.sm = sm;
  const std::vector<const kernels::Entry*> entries = kernels::candidates(step.desc, options);
  ASSERT_FALSE(entries.empty()) << "no device kernel computes what " << generic.name() << " does";
  for (const kernels::Entry* entry : entries) {
    for (const model::Order order : {model::Order::kRising, model::Order::kFalling}) {
      SCOPED_TRACE(testing::Message()
                   << entry->name() << ", seed " << seed << ", " << images << " images"
                   << (order == model::Order::kRising ? "" : ", threads from the last on"));
      model::ModelLauncher launcher(entry->sm, order);
      const base::AlignedBuffer got =
          output_memory(step, *entry->create(step.desc), inputs, images,
                        [&](const kernels::Kernel& kernel, const kernels::Call& call) {
                          dynamic_cast<const DeviceKernel&>(kernel).launch(call, launcher);
                        });
      ASSERT_EQ(first_difference(got, expected), "");
    }
    if (driver::test::gpu() == nullptr || driver::test::gpu()->compute_capability() < entry->sm) continue;
    SCOPED_TRACE(testing::Message() << entry->name() << " on " << driver::test::gpu()->label() << ", seed "
                                    << seed);
    const driver::test::KernelOnGpu kernel(entry->create(step.desc), step.inputs, step.output);
    ASSERT_EQ(first_difference(output_memory(step, kernel, inputs, images, run_here), expected), "");
  }
}

/// The same where output and input are the same memory, of a step without weights whose maps are alike.
inline void expect_reference_bytes_in_place(const Step& step, int images, std::uint32_t seed, int sm = 90) {
  const auto memory_after = [&](const kernels::Kernel& kernel, const auto& run) {
    Tensor tensor(step.output, images);
    tensor.fill_random(seed, images, step.reals);
    base::AlignedBuffer scratch(std::max<std::size_t>(kernel.scratch_bytes(images), 64));
    const kernels::Operand operand = tensor.operand();
    kernels::Call call;
    call.images = images;
    call.inputs = {&operand, 1};
    call.output = operand;
    call.scratch = scratch.data();
    run(call);
    base::AlignedBuffer memory(tensor.memory().size());
    std::memcpy(memory.data(), tensor.memory().data(), memory.size());
    return memory;
  };
  const std::unique_ptr<kernels::Kernel> generic = kernels::select(step.desc, {}).create(step.desc);
  ASSERT_TRUE(generic->in_place(0));
  const base::AlignedBuffer expected =
      memory_after(*generic, [&](const kernels::Call& call) { generic->run(call); });
  kernels::SelectionOptions options;
  options.entries = all_kernels();
  options.sm = sm;
  for (const kernels::Entry* entry : kernels::candidates(step.desc, options)) {
    const std::unique_ptr<kernels::Kernel> kernel = entry->create(step.desc);
    ASSERT_TRUE(kernel->in_place(0)) << entry->name();
    for (const model::Order order : {model::Order::kRising, model::Order::kFalling}) {
      SCOPED_TRACE(testing::Message() << entry->name() << " in place, seed " << seed);
      model::ModelLauncher launcher(entry->sm, order);
      const base::AlignedBuffer got = memory_after(*kernel, [&](const kernels::Call& call) {
        dynamic_cast<const DeviceKernel&>(*kernel).launch(call, launcher);
      });
      ASSERT_EQ(first_difference(got, expected), "");
    }
  }
}

}  // namespace octet::cuda::test
