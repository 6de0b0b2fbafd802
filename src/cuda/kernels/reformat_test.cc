// Copies on the model of a GPU: the bytes of the CPU's generic kernels.
#include <random>

#include "cuda/kernels/test_device_kernel.h"
#include "kernels/op_desc.h"

namespace octet::cuda {
namespace {

using kernels::FeatureMap;
using kernels::Layout;
using kernels::Quantization;
using kernels::ReformatDesc;

struct Sizes {
  std::int64_t channels, height, width;
};
constexpr Sizes kSizes[] = {{1, 1, 1},  {3, 5, 7},  {4, 4, 2},   {16, 3, 3},
                            {17, 9, 1}, {40, 7, 7}, {1000, 1, 1}};
constexpr DataType kTypes[] = {DataType::kUInt8, DataType::kInt16};
constexpr Layout kLayouts[] = {Layout::kNchw, Layout::kNchw16c};

FeatureMap real_map(const Sizes& s, Layout layout) { return {s.channels, s.height, s.width, layout}; }

/// FP32 of the tests, -4 to 4, reaches beyond both ends of its integers.
FeatureMap narrow_map(const Sizes& s, DataType type, std::int64_t pixel_stride = 0,
                      Quantization bytes = {1.0f / 64, 77}) {
  FeatureMap map{s.channels, s.height, s.width, Layout::kNhwc, type, bytes, pixel_stride};
  if (type == DataType::kInt16) map.quantization = {1.0f / 8192, 0, 30000};
  return map;
}

void expect_copied(const ReformatDesc& desc, std::uint32_t seed, const std::vector<float>& mean = {}) {
  test::Step step{desc, {desc.input}, desc.output};
  step.awkward = true;
  if (!mean.empty()) step.weights.push_back(mean);
  SCOPED_TRACE(testing::Message() << desc.input.channels << " channels of " << desc.output.channels << " at "
                                  << desc.channel_offset << ", map " << desc.input.height << "x"
                                  << desc.input.width);
  test::expect_reference_bytes(step, 2, seed);
}

TEST(CudaReformat, QuantisesAndDequantisesBothLayouts) {
  std::uint32_t seed = 1;
  for (const Sizes& sizes : kSizes)
    for (const DataType type : kTypes)
      for (const Layout layout : kLayouts) {
        const FeatureMap real = real_map(sizes, layout), narrow = narrow_map(sizes, type);
        expect_copied({real, narrow}, seed++);
        expect_copied({narrow, real}, seed++);
      }
}

TEST(CudaReformat, RequantisesOrCopies) {
  std::uint32_t seed = 100;
  for (const Sizes& sizes : kSizes)
    for (const DataType type : kTypes) {
      const FeatureMap from = narrow_map(sizes, type);
      FeatureMap to = narrow_map(sizes, type, 0, {0.013f, 200});
      if (type == DataType::kInt16) to.quantization = {0.00017f, 0, 18000};
      expect_copied({from, to}, seed++);
      expect_copied({from, from}, seed++);
    }
}

TEST(CudaReformat, FillsPartsOfConcatenations) {
  std::uint32_t seed = 200;
  for (const std::int64_t channels : {16, 20})
    for (const std::int64_t offset : {0, 5, 8, 16, 36})
      for (const std::int64_t behind : {0, 9}) {
        const Sizes part{channels, 5, 3}, whole{offset + channels + behind, 5, 3};
        for (const DataType type : kTypes) {
          for (const Layout layout : kLayouts)
            expect_copied({real_map(part, layout), narrow_map(whole, type), offset}, seed++);
          expect_copied({narrow_map(part, type), real_map(whole, Layout::kNchw16c), offset}, seed++);
          expect_copied({narrow_map(part, type), narrow_map(whole, type), offset}, seed++);
          expect_copied({narrow_map(part, type, 64), narrow_map(whole, type, 96, {0.01f, 3}), offset},
                        seed++);
          expect_copied({narrow_map(part, type, 37), narrow_map(whole, type, 99), offset}, seed++);
        }
        for (const Layout layout : kLayouts)
          expect_copied({real_map(part, layout), real_map(whole, Layout::kNchw16c), offset}, seed++);
        for (const std::int64_t lane : {3, 4, 12}) {
          const ReformatDesc desc{real_map(part, Layout::kNchw16c), real_map(whole, Layout::kNchw16c), offset,
                                  false, lane};
          const FeatureMap source = real_map({lane + channels, 5, 3}, Layout::kNchw16c);
          test::expect_reference_bytes({desc, {source}, desc.output}, 2, seed++);
        }
      }
}

TEST(CudaReformat, CopiesRealsBetweenAllLayouts) {
  std::uint32_t seed = 500;
  for (const Sizes& sizes : kSizes)
    for (const Layout from : kLayouts)
      for (const Layout to : kLayouts) expect_copied({real_map(sizes, from), real_map(sizes, to)}, seed++);
}

/// Values as bytes less a mean have.
std::vector<float> mean_of(const Sizes& sizes, bool per_pixel, std::uint32_t seed) {
  std::vector<float> mean(
      static_cast<std::size_t>(sizes.channels * (per_pixel ? sizes.height * sizes.width : 1)));
  std::mt19937 engine(seed);
  for (float& value : mean) value = std::uniform_real_distribution(-5.0f, 260.0f)(engine);
  return mean;
}

TEST(CudaReformat, TakesPictures) {
  std::uint32_t seed = 600;
  for (const std::int64_t channels : {1, 2, 3, 4})
    for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {3, 5}, {16, 17}}) {
      const Sizes sizes{channels, height, width};
      const Quantization quantization{1, 103};
      const FeatureMap real = real_map(sizes, Layout::kNchw), quad = narrow_map(sizes, DataType::kUInt8, 4);
      const FeatureMap bytes = narrow_map(sizes, DataType::kUInt8, channels == 4 ? 4 : 3, quantization);
      const FeatureMap pixels = narrow_map(sizes, DataType::kUInt8, 4, quantization);
      expect_copied({real, quad}, seed++);
      expect_copied({bytes, pixels, 0, true}, seed++);
      for (const bool per_pixel : {false, true}) {
        expect_copied({real, pixels, 0, true}, seed, mean_of(sizes, per_pixel, seed));
        for (const Layout layout : kLayouts)
          expect_copied({bytes, real_map(sizes, layout), 0, true}, seed, mean_of(sizes, per_pixel, seed));
        ++seed;
      }
    }
}

TEST(CudaReformat, WritesPartsOfPixelsOfFour) {
  for (const std::int64_t offset : {0, 1, 2})
    expect_copied(
        {real_map({2, 5, 7}, Layout::kNchw), narrow_map({offset + 2, 5, 7}, DataType::kUInt8, 4), offset},
        700);
}

}  // namespace
}  // namespace octet::cuda
