// The work that kernels say they do is what their launches make the device do.
#include <gtest/gtest.h>

#include <cstring>
#include <regex>
#include <string>
#include <vector>

#include "cuda/device/conv_dot.h"
#include "cuda/device/conv_imma.h"
#include "cuda/kernels/families.h"
#include "kernels/conv_dot/test_same_bytes.h"

namespace octet::cuda {
namespace {

using kernels::conv_dot::Case;
using kernels::conv_dot::square;

/// Takes part in launches instead of a device: goes through the blocks as device/conv.h does.
class CountingLauncher final : public Launcher {
 public:
  explicit CountingLauncher(int multiprocessors) : multiprocessors_(multiprocessors) {}
  int multiprocessors() const override { return multiprocessors_; }
  void clear(std::byte*, std::size_t bytes) override { cleared += static_cast<std::int64_t>(bytes); }

  std::int64_t cleared = 0, blocks = 0, macs = 0, added = 0;
  int launches = 0;

 private:
  void launch_bytes(Function function, const Grid& grid, const void* params, std::size_t bytes,
                    int) override {
    ++launches;
    blocks += grid.x * grid.y * grid.z;
    std::smatch sizes;
    const std::string name = describe(function).name;
    if (!std::regex_search(name, sizes, std::regex("_p16_([0-9]+)x([0-9]+)"))) return;
    const int rows = std::stoi(sizes[1]), columns = std::stoi(sizes[2]);
    device::ConvParams p = {};
    ASSERT_EQ(bytes, sizeof p);
    std::memcpy(&p, params, sizeof p);
    const bool dots = std::strstr(describe(function).name, "dp4a") != nullptr;
    const int slice = dots ? device::ConvDot<device::u8, device::u8, 16, 64, 64>::kSliceChannels
                           : device::ConvImma<device::u8, 16, 64, 64, 32, 32>::kSlice;
    for (std::int64_t z = 0; z < grid.z; ++z) {
      const std::int64_t first = z * p.split_slices;
      const std::int64_t slices = std::min<std::int64_t>(p.split_slices, p.slices - first);
      ASSERT_GT(slices, 0);
      macs += grid.x * grid.y * rows * columns * slices * slice;
      if (grid.z > 1) added += p.rows * p.lanes * p.groups;
    }
  }

  int multiprocessors_;
};

TEST(DeviceWork, OfConvolutionsIsWhatTheirLaunchesDo) {
  int shared = 0;
  for (const std::int64_t channels : {16, 40, 272})
    for (const std::int64_t out : {24, 130})
      for (const std::int64_t kernel : {1, 3})
        for (const int images : {1, 5, 64})
          for (const int multiprocessors : {1, 20, 30, 132})
            for (const auto& [create, unit] :
                 {std::pair{&conv_i8_dp4a, DeviceWork::Unit::kDotProducts},
                  std::pair{&conv_i8_tensor_cores, DeviceWork::Unit::kTensorCores}}) {
              const Case c{channels, 7, 9, out, square(kernel, 1, kernel / 2)};
              const auto made = create(c.desc());
              const auto& device_kernel = dynamic_cast<const DeviceKernel&>(*made);
              std::byte memory[64] = {};
              const kernels::Operand operand{memory, 0};
              kernels::Call call;
              call.images = images;
              call.inputs = {&operand, 1};
              call.output = operand;
              call.weights = call.scratch = memory;
              CountingLauncher launched(multiprocessors);
              device_kernel.launch(call, launched);

              const DeviceWork work = device_kernel.work(images, multiprocessors);
              EXPECT_EQ(work.unit, unit);
              EXPECT_EQ(work.macs, launched.macs);
              EXPECT_GE(work.macs, std::int64_t{images} * 63 * channels * out * kernel * kernel);
              EXPECT_EQ(work.blocks, launched.blocks);
              EXPECT_EQ(work.launches, launched.launches);
              EXPECT_EQ(work.clears, launched.cleared > 0 ? 1 : 0);
              EXPECT_EQ(work.weight_bytes, static_cast<std::int64_t>(made->packed_bytes()));
              const std::int64_t sums = out == 24 ? 32 : 144, last_read = launched.added > 0 ? 4 : 0;
              EXPECT_EQ(work.sum_bytes,
                        launched.cleared + launched.added * 8 + last_read * images * 63 * sums);
              const std::int64_t rest = launched.blocks % multiprocessors;
              EXPECT_DOUBLE_EQ(work.last_round, rest == 0 ? 1 : static_cast<double>(rest) / multiprocessors);
              EXPECT_LE(work.rounds_filled, 1);
              shared += launched.added > 0 ? 1 : 0;
            }
  EXPECT_GT(shared, 10) << "cases in which several blocks share sums";
}

TEST(DeviceWork, OfElementsIsTheirLaunch) {
  kernels::PoolDesc pool;
  pool.input = {32, 9, 9, kernels::Layout::kNhwc, DataType::kUInt8, {0.02f, 37}};
  pool.output = {32, 4, 4, kernels::Layout::kNhwc, DataType::kUInt8, {0.02f, 37}};
  pool.window = {3, 3, 2, 2};
  const auto made = pool_i8(pool);
  const DeviceWork work = dynamic_cast<const DeviceKernel&>(*made).work(16, 30);
  EXPECT_EQ(work.unit, DeviceWork::Unit::kNone);
  EXPECT_EQ(work.macs, 0);
  EXPECT_EQ(work.launches, 1);
  EXPECT_EQ(work.clears, 0);
  EXPECT_GT(work.blocks, 0);
}

TEST(DeviceWork, OfDepthwiseConvolutionsIsOneProductATap) {
  Case c{40, 9, 8, 40, square(3, 1, 1)};
  c.groups = 40;
  const auto made = conv_i8_depthwise(c.desc());
  const DeviceWork work = dynamic_cast<const DeviceKernel&>(*made).work(2, 30);
  EXPECT_EQ(work.unit, DeviceWork::Unit::kLanes);
  EXPECT_EQ(work.macs, 2 * 9 * 8 * 48 * 9);
}

}  // namespace
}  // namespace octet::cuda
