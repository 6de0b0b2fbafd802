#include "cuda/kernels/test_device_kernel.h"
#include "kernels/op_desc.h"

namespace octet::cuda {
namespace {

using kernels::AverageDivisor;
using kernels::FeatureMap;
using kernels::Layout;
using kernels::PoolDesc;
using kernels::PoolKind;

FeatureMap map_of(DataType type, std::int64_t channels, std::int64_t height, std::int64_t width) {
  FeatureMap map{channels, height, width, Layout::kNhwc, type};
  if (type == DataType::kUInt8) map.quantization = {0.02f, 37};
  if (type == DataType::kInt16) map.quantization = {0.0003f, 0, 30000};
  if (type == DataType::kFloat32) map.layout = Layout::kNchw16c;
  return map;
}

struct Window {
  std::int64_t height, width, kernel, stride, pad;
};

test::Step pool(const Window& w, DataType type, PoolKind kind, AverageDivisor divisor,
                std::int64_t channels) {
  PoolDesc desc;
  const auto out = [&](std::int64_t in) { return (in + 2 * w.pad - w.kernel + w.stride - 1) / w.stride + 1; };
  desc.input = map_of(type, channels, w.height, w.width);
  desc.output = map_of(type, channels, out(w.height), out(w.width));
  desc.window = {w.kernel, w.kernel, w.stride, w.stride, w.pad, w.pad, w.pad, w.pad};
  desc.kind = kind;
  desc.divisor = divisor;
  if (kind == PoolKind::kAverage && type == DataType::kUInt8) desc.output.quantization = {0.0137f, 5};
  if (kind == PoolKind::kAverage && type == DataType::kInt16) desc.output.quantization.scale = 0.00021f;
  return {desc, {desc.input}, desc.output};
}

constexpr Window kWindows[] = {{13, 14, 3, 2, 0}, {14, 14, 3, 1, 1}, {7, 7, 7, 1, 0},
                               {9, 5, 2, 2, 0},   {1, 1, 3, 1, 1},   {15, 15, 13, 1, 6}};

TEST(CudaPool, OfIntegersGivesTheReferenceBytes) {
  std::uint32_t seed = 1;
  for (const Window& window : kWindows)
    for (const DataType type : {DataType::kUInt8, DataType::kInt16})
      for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage})
        for (const AverageDivisor divisor : {AverageDivisor::kPaddedWindow, AverageDivisor::kValidOnly}) {
          test::expect_reference_bytes(pool(window, type, kind, divisor, 17 + seed % 3 * 16), 2, seed);
          ++seed;
        }
}

TEST(CudaPool, OfRealsSumsInTheReferenceOrder) {
  constexpr Window kRealWindows[] = {{9, 10, 3, 2, 1}, {9, 10, 3, 1, 1}, {8, 9, 2, 2, 0},
                                     {8, 9, 2, 1, 1},  {7, 7, 7, 1, 0},  {9, 12, 5, 3, 2},
                                     {6, 5, 9, 1, 4},  {2, 2, 3, 2, 2},  {11, 6, 4, 2, 1}};
  std::uint32_t seed = 1;
  for (const Window& window : kRealWindows)
    for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage})
      for (const AverageDivisor divisor : {AverageDivisor::kPaddedWindow, AverageDivisor::kValidOnly}) {
        const std::int64_t channels = 3 + seed % 4 * 15;
        test::expect_reference_bytes(pool(window, DataType::kFloat32, kind, divisor, channels), 2, seed);
        ++seed;
      }
}

TEST(CudaPool, OfWindowsOfOneRow) {
  for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
    test::Step step = pool({9, 13, 3, 1, 1}, DataType::kFloat32, kind, AverageDivisor::kPaddedWindow, 24);
    auto& desc = std::get<PoolDesc>(step.desc);
    desc.window = {1, 6, 1, 2, 0, 2, 0, 3};
    desc.output.height = 9, desc.output.width = 7;
    test::expect_reference_bytes({desc, {desc.input}, desc.output}, 2, 7);
  }
}

TEST(CudaPool, OfPartsOfConcatenations) {
  for (const DataType type : {DataType::kUInt8, DataType::kInt16}) {
    test::Step step = pool(kWindows[0], type, PoolKind::kMax, AverageDivisor::kPaddedWindow, 20);
    auto& desc = std::get<PoolDesc>(step.desc);
    desc.input.pixel_stride = 64;
    desc.output.pixel_stride = 48;
    test::expect_reference_bytes({desc, {desc.input}, desc.output}, 3, 1);
  }
}

TEST(CudaPool, AveragesOfBytesMayBeReal) {
  for (const Window& window : kWindows) {
    test::Step step = pool(window, DataType::kUInt8, PoolKind::kAverage, AverageDivisor::kPaddedWindow, 40);
    auto& desc = std::get<PoolDesc>(step.desc);
    desc.output.type = DataType::kFloat32;
    desc.output.layout = Layout::kNchw16c;
    test::expect_reference_bytes({desc, {desc.input}, desc.output}, 2, 1);
  }
}

}  // namespace
}  // namespace octet::cuda
