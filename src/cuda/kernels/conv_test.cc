// Convolutions of integers on the model give the reference's very bytes: all tiles, splits and methods,
// whatever the order of threads.
#include <gtest/gtest.h>

#include <tuple>

#include "cuda/driver/test_on_gpu.h"
#include "cuda/kernels/families.h"
#include "cuda/model/on_model.h"
#include "kernels/conv_dot/test_same_bytes.h"
#include "kernels/families.h"

namespace octet::cuda {
namespace {

using kernels::conv_dot::Case;
using kernels::conv_dot::Named;
using kernels::conv_dot::Problem;
using kernels::conv_dot::RandomCases;
using kernels::conv_dot::square;
using kernels::conv_dot::Values;
using kernels::conv_dot::Way;
using model::on_model;
using model::Order;

// The more multiprocessors, the smaller the tiles and the more splits.
constexpr int kFew = 1, kMany = 132;

template <auto kCreate>
std::unique_ptr<kernels::Kernel> on_gpu(const kernels::OpDesc& desc) {
  const auto& conv = std::get<kernels::ConvDesc>(desc);
  std::vector<kernels::FeatureMap> inputs = {conv.input};
  if (conv.residual) inputs.push_back(conv.residual_map);
  return std::make_unique<driver::test::KernelOnGpu>(kCreate(desc), inputs, conv.output);
}

template <auto kCost, auto kCreate, int kSm>
std::vector<Named> variants(const char* name) {
  std::vector<Named> all = {{name, {Isa::kGeneric, kCost, on_model<kCreate, kSm, Order::kRising, kFew>}},
                            {name, {Isa::kGeneric, kCost, on_model<kCreate, kSm, Order::kFalling, kMany>}}};
  const auto& gpu = driver::test::gpu();
  if (gpu != nullptr && gpu->compute_capability() >= kSm)
    all.push_back({"on the GPU", {Isa::kGeneric, kCost, on_gpu<kCreate>}});
  return all;
}
std::vector<Named> products_of_bytes() {
  std::vector<Named> all = variants<conv_i8_tensor_cores_cost, conv_i8_tensor_cores, 75>("tensor cores");
  for (const Named& named : variants<conv_i8_dp4a_cost, conv_i8_dp4a, 61>("dp4a")) all.push_back(named);
  return all;
}
std::vector<Named> direct_bytes() { return variants<conv_i8_direct_cost, conv_i8_direct, 61>("direct"); }
std::vector<Named> all_of_bytes() {
  std::vector<Named> all = products_of_bytes();
  for (const Named& named : direct_bytes()) all.push_back(named);
  return all;
}

void check(const Case& c, const std::vector<Named>& kernels, int images = 1, Values values = Values::kRandom,
           std::uint32_t seed = 1, const Way& way = {}) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Problem problem(c.desc(), images, seed, values);
  const auto reference =
      c.type == DataType::kInt16 ? kernels::conv_i16_direct_generic : kernels::conv_i8_direct_generic;
  kernels::conv_dot::expect_reference_bytes(problem, {way}, reference, kernels);
}

TEST(CudaConvolution, PointwiseOfAllSizes) {
  for (const std::int64_t channels : {1, 16, 40, 272})
    for (const std::int64_t out : {1, 48, 130, 272})
      check({channels, 7, 9, out, square(1)}, all_of_bytes(), 3);
}

TEST(CudaConvolution, WindowsStridesPadsAndDilations) {
  for (const std::int64_t kernel : {1, 3, 5})
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t dilation : {1, 2}) {
        Case c{24, 13, 14, 40, square(kernel, stride, (kernel - 1) * dilation / 2, dilation)};
        c.zero_in = 3, c.zero_out = 7;
        check(c, all_of_bytes(), 2, Values::kRandom, 1, {.gap = 48});
      }
}

TEST(CudaConvolution, EpiloguesOfAllKinds) {
  for (const Case& c : kernels::conv_dot::epilogue_cases()) {
    check(c, all_of_bytes(), 2);
    if (c.residual) check(c, all_of_bytes(), 2, Values::kRandom, 1, {.in_place = true});
  }
}

TEST(CudaConvolution, ExtremeValues) {
  for (const Values values : {Values::kZeros, Values::kLargest, Values::kTies, Values::kSmall})
    for (const std::int32_t zero : {0, 128, 255}) {
      Case c{130, 6, 7, 80, square(3, 1, 1)};
      c.zero_in = c.zero_out = zero;
      c.residual = true, c.zero_residual = 255 - zero;
      check(c, all_of_bytes(), 2, values);
    }
}

TEST(CudaConvolution, Pictures) {
  Case c{3, 31, 29, 24, square(7, 2, 3)};
  c.picture = 4, c.zero_out = 5;
  for (const DataType output : {DataType::kUInt8, DataType::kFloat32})
    for (const bool by_channel : {false, true})
      for (const bool bias_map : {false, true}) {
        c.output = output, c.halo_by_channel = by_channel, c.bias_map = bias_map;
        check(c, all_of_bytes(), 2);
      }
}

TEST(CudaConvolution, GroupsOfWholeBlocksAndOfAnyChannels) {
  for (const std::int64_t out : {48, 20, 33}) {
    Case c{64, 5, 6, 2 * out, square(3, 1, 1)};
    c.groups = 2;
    check(c, all_of_bytes(), 2);
    c.output = DataType::kFloat32;
    check(c, all_of_bytes(), 2);
  }
  for (const auto& [in, groups, out] : {std::tuple(12, 3, 21), {64, 2, 60}}) {
    Case c{in, 5, 6, out, square(3, 1, 1)};
    c.groups = groups;
    check(c, direct_bytes(), 2);
    EXPECT_LT(conv_i8_tensor_cores_cost(c.desc(), 1), 0) << "no product of whole blocks";
  }
}

TEST(CudaConvolution, Depthwise) {
  const auto bytes = variants<conv_i8_depthwise_cost, conv_i8_depthwise, 61>("depthwise");
  const auto shorts = variants<conv_i16_depthwise_cost, conv_i16_depthwise, 61>("depthwise");
  for (const std::int64_t channels : {3, 32, 40})
    for (const DataType output : {DataType::kUInt8, DataType::kFloat32})
      for (const bool residual : {false, true}) {
        Case c{channels, 9, 8, channels, square(3, 2, 1)};
        c.groups = channels;
        c.zero_in = 7, c.zero_out = 9, c.output = output, c.residual = residual, c.slope = 0.0f;
        check(c, bytes, 2);
        c.type = DataType::kInt16;
        if (output == DataType::kUInt8) c.output = DataType::kInt16;
        check(c, shorts, 2);
      }
}

TEST(CudaConvolution, SixteenBits) {
  std::vector<Named> all = variants<conv_i16_dp2a_cost, conv_i16_dp2a, 61>("dp2a");
  for (const Named& named : variants<conv_i16_direct_cost, conv_i16_direct, 61>("direct"))
    all.push_back(named);
  for (const DataType output : {DataType::kInt16, DataType::kFloat32})
    for (const std::int64_t channels : {8, 40, 80})
      for (const bool residual : {false, true}) {
        Case c{channels, 6, 7, 70, square(3, 1, 1)};
        c.type = DataType::kInt16, c.output = output, c.residual = residual, c.slope = 0.1f;
        check(c, all, 2);
      }
}

TEST(CudaConvolution, RandomLayers) {
  RandomCases random(7);
  for (std::uint32_t i = 0; i < 60; ++i) {
    Case c = random.any(100, 12, 12, 150);
    if (c.groups == 2 && c.in % 32 != 0) c.in = 64;
    const Way way = random.way(c, 1);
    check(c, all_of_bytes(), random.images(), random.values(Values::kSmall), i,
          {.gap = way.gap, .in_place = way.in_place, .images_per_call = way.images_per_call});
  }
}

}  // namespace
}  // namespace octet::cuda
