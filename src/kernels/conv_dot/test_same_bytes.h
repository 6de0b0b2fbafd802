// Test helper: kernels that must give the very bytes of a reference, in all of the output's memory, whatever
// the workers and the grouping of images; and random layers for them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "kernels/conv_dot/test_convolution.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/windows.h"

namespace octet::kernels::conv_dot {

struct Named {
  const char* name;
  test::Variant variant;
};

/// The reference runs as one worker on all images at once.
inline void expect_reference_bytes(Problem& problem, const std::vector<Way>& ways, Create reference,
                                   const std::vector<Named>& kernels) {
  for (const Way& way : ways) {
    const std::vector<std::uint8_t> expected =
        compute(reference, problem, {.gap = way.gap, .in_place = way.in_place}).memory();
    for (const Named& kernel : kernels) {
      SCOPED_TRACE(testing::Message()
                   << kernel.name << ": " << describe(problem.desc) << ", images " << problem.images
                   << ", workers " << way.workers << ", per call " << way.images_per_call << ", gap "
                   << way.gap << (way.in_place ? ", in place" : ""));
      ASSERT_GT(kernel.variant.cost(problem.desc, problem.images), 0);
      ASSERT_EQ(first_difference(compute(kernel.variant.create, problem, way).memory(), expected), "");
    }
  }
}

/// Draws layers of bytes, and how they are called.
class RandomCases {
 public:
  explicit RandomCases(std::uint32_t seed) : engine_(seed) {}

  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  bool coin() { return pick(0, 1) == 1; }

  /// Any window that fits, groups, pictures, and with_values(). At most these sizes.
  Case any(std::int64_t in, std::int64_t height, std::int64_t width, std::int64_t out) {
    Case c{pick(1, in), pick(1, height), pick(1, width), pick(1, out)};
    c.window = {pick(1, 5), pick(1, 5), pick(1, 4), pick(1, 4), pick(0, 4),
                pick(0, 4), pick(0, 4), pick(0, 4), pick(1, 3), pick(1, 3)};
    test::pad_to_fit(c.window, c.height, c.width);
    if (pick(0, 5) == 0) c.groups = 2, c.in = 4 * pick(1, 9) * 2, c.out = 32 * pick(1, 3);
    if (c.in <= 4 && coin()) c.picture = 4;
    c.bias_map = pick(0, 5) == 0;
    return with_values(c);
  }

  /// What does not depend on the window: types, zero points, residual, halo, ReLU, parts of concatenations.
  Case with_values(Case c) {
    if (pick(0, 4) == 0) c.output = DataType::kFloat32;
    c.zero_in = static_cast<std::int32_t>(pick(0, 255) * pick(0, 1));
    c.zero_out = static_cast<std::int32_t>(pick(0, 255) * pick(0, 1));
    c.zero_residual = static_cast<std::int32_t>(pick(0, 255));
    c.residual = coin();
    c.halo_by_channel = pick(0, 5) == 0;
    if (coin()) c.slope = coin() ? 0.0f : 0.1f;
    if (c.slope && coin()) c.limit = 2.5f;
    if (c.picture == 0) c.input_part = 16 * pick(0, 2);
    if (c.output == DataType::kUInt8) c.output_part = c.residual_part = 16 * pick(0, 2);
    return c;
  }

  Way way(const Case& c, int most_workers) {
    return {.workers = static_cast<int>(pick(1, most_workers)),
            .gap = 16 * pick(0, 3),
            .in_place = c.residual && coin(),
            .images_per_call = static_cast<int>(pick(0, 2))};
  }
  int images() { return static_cast<int>(pick(1, 4)); }
  /// Half of them random, else of any kind up to `last`.
  Values values(Values last) {
    return coin() ? Values::kRandom : static_cast<Values>(pick(0, static_cast<int>(last)));
  }

 private:
  std::mt19937 engine_;
};

}  // namespace octet::kernels::conv_dot
