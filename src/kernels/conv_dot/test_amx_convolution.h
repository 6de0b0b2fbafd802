// Test helper: cases that convolution by tiles must compute like the reference, whatever executes the tile
// instructions.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/conv_dot/amx_convolution.h"
#include "kernels/conv_dot/test_amx_model_kernels.h"
#include "kernels/conv_dot/test_same_bytes.h"
#include "kernels/families.h"

namespace octet::kernels::conv_dot {
namespace {

inline std::unique_ptr<Kernel> model_u8(const OpDesc& desc) {
  return make_amx(std::get<ConvDesc>(desc), kModelU8);
}
inline std::unique_ptr<Kernel> model_bf16(const OpDesc& desc) {
  return make_amx(std::get<ConvDesc>(desc), kModelBf16);
}
inline Case bf16(Case c) {
  c.type = DataType::kBFloat16;
  if (c.output != DataType::kFloat32) c.output = DataType::kBFloat16;
  return c;
}

struct Calling {
  int images = 1;
  Way way = {};
  Values values = Values::kRandom;
  std::uint32_t seed = 1;
};

/// Of a problem that exists, so that it may be one of its own kind.
inline void expect_same_bytes(Problem& problem, const Way& way, Create create, const char* name) {
  const auto cost = [](const OpDesc& desc, int images) { return amx_cost(std::get<ConvDesc>(desc), images); };
  expect_reference_bytes(problem, {way}, conv_i8_direct_generic, {{name, {Isa::kAmx, cost, create}}});
}

inline void expect_same_bytes(const Case& c, const Calling& call, Create create, const char* name) {
  SCOPED_TRACE(testing::Message() << "seed " << call.seed);
  Problem problem(c.desc(), call.images, call.seed, call.values);
  expect_same_bytes(problem, call.way, create, name);
}

inline void check_random_cases(int count, Create create, const char* name) {
  const std::uint32_t seed = std::random_device{}();
  RandomCases random(seed);
  for (int i = 0; i < count && !testing::Test::HasFatalFailure(); ++i) {
    Case c = random.any(90, 16, 24, 100);
    if (random.pick(0, 3) == 0) c.window = square(1);
    const Calling call = {random.images(), random.way(c, 3), random.values(Values::kSmall),
                          seed + static_cast<std::uint32_t>(i)};
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", case " << i);
    expect_same_bytes(c, call, create, name);
  }
}

// BF16.

/// Every output as a float, padding lanes and gaps left out.
inline std::vector<float> outputs(Outcome& outcome) {
  if (outcome.reals) return outcome.reals->to_nchw();
  std::vector<float> values;
  for (std::int32_t bits : outcome.integers->to_nchw()) {
    values.push_back(from_bfloat16(static_cast<std::uint16_t>(bits)));
  }
  return values;
}

/// Within contract.h's bound (inputs, weights, bias and residual are at most 1), and one rounding of the
/// output.
inline void expect_close(const Case& wanted, int images, Create create, const char* name,
                         const Way& way = {}) {
  const Case c = bf16(wanted);
  const ConvDesc desc = c.desc();
  SCOPED_TRACE(testing::Message() << name << ": " << describe(desc) << ", images " << images);
  ASSERT_GT(amx_cost(desc, images), 0);
  Problem problem(desc, images, 1);
  std::mt19937 engine(5);
  problem.input.fill([&](int, std::int64_t, std::int64_t) {
    return std::int32_t{to_bfloat16(std::uniform_real_distribution<float>(-1, 1)(engine))};
  });
  Outcome got = compute(create, problem, way);
  Outcome expected = compute(conv_bf16_direct_generic, problem, {.gap = way.gap, .in_place = way.in_place});
  const std::vector<float> a = outputs(got), b = outputs(expected);
  ASSERT_EQ(a.size(), b.size());
  const std::int64_t channels = desc.input.channels / desc.groups;
  const auto depth = static_cast<float>(channels * desc.window.kernel_h * desc.window.kernel_w);
  const float rounding = c.output == DataType::kFloat32 ? 0x1p-24f : 0x1p-8f;
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], b[i], (depth + 2) * (depth + 2) * 0x1p-23f + rounding * std::abs(b[i]))
        << "output " << i;
  ASSERT_TRUE(!got.integers || got.integers->padding_is_zero_point());
}

inline void check_bf16(Create create, const char* name) {
  for (std::int64_t channels : {1, 3, 16, 24, 40, 64}) {
    expect_close({channels, 5, 6, 40, square(3, 1, 1)}, 2, create, name, {.workers = 2});
    expect_close({channels, 5, 6, 40, square(1)}, 2, create, name, {.workers = 2, .gap = 16});
    expect_close({channels, 9, 8, 20, square(3, 2, 1)}, 2, create, name);
    expect_close({channels, 3, 4, 20, {3, 4}}, 20, create, name);
  }
  Case residual{32, 5, 5, 48, square(3, 1, 1)};
  residual.residual = true, residual.slope = 0.1f;
  expect_close(residual, 2, create, name);
  residual.output = DataType::kFloat32;
  expect_close(residual, 2, create, name);
  Case picture{3, 15, 17, 24, square(7, 2, 3)};
  picture.picture = 4;
  expect_close(picture, 2, create, name);
  expect_close({48, 5, 5, 64, square(3, 1, 1), 2}, 2, create, name);
}

// Traces of tile instructions (TileModel::trace_to).

using Trace = std::vector<std::string>;

inline Trace traced(TileModel& tiles, Create create, const ConvDesc& desc, int images, const Way& way) {
  Problem problem(desc, images, 1);
  Trace trace;
  tiles.trace_to(&trace);
  compute(create, problem, way);
  tiles.trace_to(nullptr);
  return trace;
}
inline Trace model_trace(const Case& c, int images = 1, const Way& way = {}) {
  return traced(tile_model(), model_u8, c.desc(), images, way);
}

}  // namespace
}  // namespace octet::kernels::conv_dot
