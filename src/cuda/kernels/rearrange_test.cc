#include "cuda/kernels/test_device_kernel.h"
#include "kernels/op_desc.h"

namespace octet::cuda {
namespace {

using kernels::ChannelShuffleDesc;
using kernels::FeatureMap;
using kernels::Layout;
using kernels::PadDesc;

constexpr DataType kMovedTypes[] = {DataType::kUInt8, DataType::kInt16, DataType::kFloat32};

FeatureMap moved_map(DataType type, std::int64_t channels) {
  FeatureMap map{channels, 3, 5, Layout::kNhwc, type};
  if (type == DataType::kFloat32) map.layout = Layout::kNchw16c;
  if (type == DataType::kUInt8) map.quantization = {0.1f, 77};
  if (type == DataType::kInt16) map.quantization = {0.1f, 0, 1000};
  return map;
}

struct ShuffleSizes {
  std::int64_t channels, groups;
};
constexpr ShuffleSizes kShuffles[] = {{1, 1}, {6, 3}, {16, 2}, {40, 4}, {48, 48}, {116, 2}, {240, 3}};

TEST(CudaChannelShuffle, GivesTheReferenceBytes) {
  std::uint32_t seed = 1;
  for (const DataType type : kMovedTypes)
    for (const auto& [channels, groups] : kShuffles)
      for (const std::int64_t part : {0, 32}) {
        SCOPED_TRACE(testing::Message() << to_string(type) << ", " << channels << " channels, " << groups
                                        << " groups, part of " << part << " more");
        ChannelShuffleDesc desc;
        desc.map = desc.output = moved_map(type, channels);
        desc.groups = groups;
        if (part > 0 && type != DataType::kFloat32) {
          desc.map.pixel_stride = desc.map.padded_channels() + 16;
          desc.output.pixel_stride = desc.output.padded_channels() + part;
        }
        test::expect_reference_bytes({desc, {desc.map}, desc.output}, 3, seed++);
      }
}

TEST(CudaPad, GivesTheReferenceBytes) {
  std::uint32_t seed = 1;
  for (const DataType type : kMovedTypes)
    for (const std::int64_t channels : {1, 16, 37})
      for (const float value : {0.0f, -2.57f, 1e9f})
        for (const std::int64_t part : {0, 32}) {
          SCOPED_TRACE(testing::Message() << to_string(type) << " " << value << ", " << channels
                                          << " channels, part of " << part << " more");
          PadDesc desc;
          desc.input = desc.output = moved_map(type, channels);
          desc.output.height = 3 + 2 + 1, desc.output.width = 5 + 1 + 3;
          desc.top = 2, desc.left = 1;
          desc.value = value;
          if (part > 0 && type != DataType::kFloat32) {
            desc.input.pixel_stride = desc.input.padded_channels() + 16;
            desc.output.pixel_stride = desc.output.padded_channels() + part;
          }
          test::expect_reference_bytes({desc, {desc.input}, desc.output}, 2, seed++);
        }
}

TEST(CudaPad, WithNothingAroundCopies) {
  PadDesc desc;
  desc.input = desc.output = moved_map(DataType::kUInt8, 20);
  test::expect_reference_bytes({desc, {desc.input}, desc.output}, 2, 50);
}

}  // namespace
}  // namespace octet::cuda
