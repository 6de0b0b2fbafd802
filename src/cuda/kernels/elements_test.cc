// Element-wise kernels on the model of a GPU: the bytes of the CPU's generic kernels.
#include <random>

#include "cuda/device/elements.h"
#include "cuda/kernels/test_device_kernel.h"
#include "kernels/op_desc.h"

namespace octet::cuda {
namespace {

using kernels::ActivationDesc;
using kernels::ActivationFunction;
using kernels::ChannelAffineDesc;
using kernels::EltwiseDesc;
using kernels::EltwiseKind;
using kernels::FeatureMap;
using kernels::Layout;
using kernels::ReluDesc;

constexpr DataType kIntegerTypes[] = {DataType::kUInt8, DataType::kInt16};
const std::optional<ReluDesc> kRelus[] = {std::nullopt, ReluDesc{}, ReluDesc{0, 1.5f}, ReluDesc{0.1f, 2.5f}};
constexpr EltwiseKind kKinds[] = {EltwiseKind::kSum, EltwiseKind::kProduct, EltwiseKind::kMax,
                                  EltwiseKind::kMin};

/// Quantisations that differ from map to map.
FeatureMap integer_map(DataType type, std::int64_t channels, std::int64_t height, std::int64_t width,
                       int number, std::int64_t pixel_stride = 0) {
  FeatureMap map{channels, height, width, Layout::kNhwc, type, {}, pixel_stride};
  const float scale = 0.011f + 0.003f * static_cast<float>(number);
  if (type == DataType::kUInt8) map.quantization = {scale, 140 - 31 * number};
  if (type == DataType::kInt16) map.quantization = {scale / 100, 0, 30000 - number};
  return map;
}

EltwiseDesc combination(EltwiseKind kind, DataType type, std::int64_t channels, int inputs) {
  EltwiseDesc desc;
  desc.kind = kind;
  desc.map = integer_map(type, channels, 5, 7, 0);
  desc.inputs = inputs;
  for (int i = 0; i < inputs; ++i) desc.input_maps.push_back(integer_map(type, channels, 5, 7, i % 4 + 1));
  return desc;
}
void expect_combined(const EltwiseDesc& desc, std::uint32_t seed) {
  std::vector<FeatureMap> inputs = desc.input_maps;
  inputs.resize(static_cast<std::size_t>(desc.inputs), desc.map);
  test::expect_reference_bytes({desc, inputs, desc.map}, 2, seed);
}

TEST(CudaEltwise, OfIntegersGivesTheReferenceBytes) {
  std::uint32_t seed = 1;
  for (const DataType type : kIntegerTypes)
    for (const EltwiseKind kind : kKinds)
      for (const auto& relu : kRelus) {
        EltwiseDesc desc = combination(kind, type, 17 + seed % 3 * 16, 2 + static_cast<int>(seed % 2));
        desc.relu = relu;
        expect_combined(desc, seed++);
      }
}

TEST(CudaEltwise, OfPartsRepeatedPixelsAndCoefficients) {
  std::uint32_t seed = 50;
  for (const DataType type : kIntegerTypes)
    for (const EltwiseKind kind : kKinds) {
      EltwiseDesc desc = combination(kind, type, 40, 3);
      desc.map.pixel_stride = 64;
      desc.input_maps[0].pixel_stride = 80;
      desc.input_maps[1] = integer_map(type, 40, 1, 1, 3, 48);
      if (kind == EltwiseKind::kSum) desc.coefficients = {0.5f, -1, 2};
      expect_combined(desc, seed++);
    }
}

TEST(CudaEltwise, OfAsManyInputsAsParametersHold) {
  EltwiseDesc desc = combination(EltwiseKind::kSum, DataType::kUInt8, 16, device::kMostInputs);
  expect_combined(desc, 70);
  kernels::SelectionOptions options;
  options.entries = all_kernels();
  options.sm = 90;
  for (const DataType type : {DataType::kUInt8, DataType::kFloat32}) {
    desc.inputs = device::kMostInputs + 1;
    desc.input_maps.resize(static_cast<std::size_t>(desc.inputs), desc.input_maps[0]);
    if (type == DataType::kFloat32) desc.map = {16, 5, 7}, desc.input_maps = {};
    EXPECT_TRUE(kernels::candidates(desc, options).empty());
  }
}

TEST(CudaEltwise, LeavesPixelsThatNoGroupFits) {
  EltwiseDesc desc = combination(EltwiseKind::kMax, DataType::kUInt8, 20, 2);
  desc.input_maps[1].pixel_stride = 40;
  kernels::SelectionOptions options;
  options.entries = all_kernels();
  options.sm = 90;
  EXPECT_TRUE(kernels::candidates(desc, options).empty());
}

TEST(CudaEltwise, OfRealsGivesTheReferenceBits) {
  std::uint32_t seed = 80;
  for (const EltwiseKind kind : {EltwiseKind::kSum, EltwiseKind::kProduct, EltwiseKind::kMax,
                                 EltwiseKind::kMin, EltwiseKind::kQuotient})
    for (const auto& relu : kRelus)
      for (const bool repeated : {false, true}) {
        EltwiseDesc desc;
        desc.kind = kind;
        desc.map = {9 + seed % 3 * 8, 5, 7};
        desc.inputs = 2 + static_cast<int>(seed % 2);
        desc.relu = relu;
        if (repeated) desc.input_maps.resize(static_cast<std::size_t>(desc.inputs), desc.map);
        if (repeated) desc.input_maps[1].height = desc.input_maps[1].width = 1;
        if (kind == EltwiseKind::kSum && repeated)
          desc.coefficients.resize(static_cast<std::size_t>(desc.inputs), 0.3f);
        expect_combined(desc, seed++);
      }
}

std::vector<float> random_values(std::int64_t count, std::uint32_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::mt19937 engine(seed);
  for (float& value : values) value = std::uniform_real_distribution(-2.0f, 2.0f)(engine);
  return values;
}

TEST(CudaChannelAffine, GivesTheReferenceBytes) {
  std::uint32_t seed = 200;
  for (const DataType type : {DataType::kUInt8, DataType::kInt16, DataType::kFloat32})
    for (const std::int64_t channels : {1, 16, 35})
      for (const auto& relu : kRelus) {
        ChannelAffineDesc desc;
        desc.map = integer_map(type, channels, 3, 7, 1);
        desc.output = integer_map(type, channels, 3, 7, 2, seed % 2 == 0 ? 0 : 64);
        if (type == DataType::kFloat32) desc.map = desc.output = {channels, 3, 7};
        desc.relu = relu;
        test::Step step{desc, {desc.map}, desc.output, {}};
        if (seed % 4 != 0) step.weights = {random_values(channels, seed), random_values(channels, seed + 1)};
        test::expect_reference_bytes(step, 2, seed++);
      }
}

constexpr ActivationFunction kAllFunctions[] = {
    ActivationFunction::kSigmoid,   ActivationFunction::kTanh, ActivationFunction::kHardSigmoid,
    ActivationFunction::kHardSwish, ActivationFunction::kClip, ActivationFunction::kRounding};

ActivationDesc activation(ActivationFunction function, const FeatureMap& map, const FeatureMap& output) {
  ActivationDesc desc{map, function, 0.2f, 0.5f, output};
  if (function == ActivationFunction::kClip) desc.a = -1, desc.b = 2;
  if (function == ActivationFunction::kRounding) desc.a = 0.03f, desc.b = 100;
  return desc;
}

TEST(CudaActivation, OfBytesLooksUpTheReferencesTable) {
  std::uint32_t seed = 300;
  for (const ActivationFunction function : kAllFunctions)
    for (const std::int64_t channels : {5, 32}) {
      const FeatureMap in = integer_map(DataType::kUInt8, channels, 9, 5, 1, seed % 2 == 0 ? 0 : 48);
      const FeatureMap out = integer_map(DataType::kUInt8, channels, 9, 5, 2, seed % 3 == 0 ? 0 : 64);
      test::expect_reference_bytes({activation(function, in, out), {in}, out}, 3, seed++);
    }
}

TEST(CudaActivation, OfRealsGivesTheReferenceBits) {
  std::uint32_t seed = 400;
  for (const ActivationFunction function : kAllFunctions)
    for (const std::int64_t channels : {5, 32}) {
      const FeatureMap map{channels, 19, 15};
      test::expect_reference_bytes({activation(function, map, {}), {map}, map}, 2, seed++);
    }
}

}  // namespace
}  // namespace octet::cuda
