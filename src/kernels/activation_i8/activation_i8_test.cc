// Activations of bytes against the standard library's functions, to the byte, on every instruction set of the
// machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/families.h"
#include "tests/support/activation_values.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

using test::NhwcTensor;

std::vector<test::Variant> variants() {
  return test::usable({
      {Isa::kGeneric, activation_i8_generic_cost, activation_i8_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, activation_i8_avx2_cost, activation_i8_avx2},
      {Isa::kAvx512, activation_i8_avx512_cost, activation_i8_avx512},
#endif
  });
}

std::int32_t expected_byte(const ActivationDesc& d, std::int32_t q) {
  const Quantization &from = d.map.quantization, &to = d.output.quantization;
  const double y = test::activation_value(d, double{from.scale} * (q - from.zero_point));
  return static_cast<std::int32_t>(
      std::clamp(std::nearbyint(y / double{to.scale} + to.zero_point), 0.0, 255.0));
}

/// Every function, with maps in which both of its ends are seen.
std::vector<ActivationDesc> functions(std::int64_t channels) {
  ActivationDesc d;
  d.map = {channels, 5, 3, Layout::kNhwc, DataType::kUInt8, {0.05f, 128}};
  d.output = {channels, 5, 3, Layout::kNhwc, DataType::kUInt8, {1.0f / 255, 0}};
  std::vector<ActivationDesc> all(5, d);
  all[0].function = ActivationFunction::kSigmoid;
  all[1].function = ActivationFunction::kTanh, all[1].output.quantization = {1.0f / 127, 128};
  all[2].function = ActivationFunction::kHardSigmoid, all[2].a = 0.2f, all[2].b = 0.5f;
  all[3].function = ActivationFunction::kHardSwish, all[3].output.quantization = {0.027f, 17};
  all[4].function = ActivationFunction::kClip, all[4].a = -1.5f, all[4].b = 2.25f;
  all[4].output.quantization = {0.0187f, 101};
  return all;
}

void expect_right(const ActivationDesc& d, int images, int workers) {
  SCOPED_TRACE(testing::Message() << "function " << static_cast<int>(d.function) << " channels "
                                  << d.map.channels << " workers " << workers << " steps "
                                  << d.map.pixel_step() << ", " << d.output.pixel_step());
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(to_string(variant.isa));
    ASSERT_GT(variant.cost(d, images), 0);
    NhwcTensor input(d.map, images, 16), output(d.output, images, 32), expected(d.output, images, 32);
    int next = 0;
    input.fill([&](int, std::int64_t, std::int64_t) { return next++ % 256; });
    expected.fill([&](int n, std::int64_t c, std::int64_t p) { return expected_byte(d, input.at(n, c, p)); });
    test::KernelRunner runner(variant.create(d));
    const Operand in = input.operand();
    runner.run(std::span(&in, 1), output.operand(), images, workers);
    EXPECT_EQ(output.to_nchw(), expected.to_nchw());
    EXPECT_EQ(output.memory(), expected.memory()) << "something outside the channels";
    if (!runner.kernel().in_place(0)) continue;
    runner.run(std::span(&in, 1), in, images, workers);
    EXPECT_EQ(input.to_nchw(), expected.to_nchw()) << "in place";
  }
}

TEST(ActivationI8, GivesTheNearestByteForEveryByteOfEveryFunction) {
  for (const ActivationDesc& d : functions(64)) expect_right(d, 2, 1);
}

TEST(ActivationI8, TakesAllChannelTailsWorkersAndParts) {
  for (std::int64_t channels : {1, 15, 16, 33, 48, 80, 112})
    for (int workers : {1, 3, 50})
      for (std::int64_t stride : {0, 128}) {
        ActivationDesc d = functions(channels)[0];
        d.map.pixel_stride = stride;
        expect_right(d, 3, workers);
        d.output.pixel_stride = stride;
        expect_right(d, 3, workers);
      }
}

TEST(ActivationI8, RefusesWhatItCannotCompute) {
  const ActivationDesc good = functions(16)[0];
  ActivationDesc blocked = good, words = good, narrow = good, parameter = good, scale = good;
  blocked.map.layout = Layout::kNchw16c;
  words.output.type = DataType::kInt16, words.output.quantization.limit = 1000;
  narrow.output.channels = 8;
  parameter.a = std::numeric_limits<float>::quiet_NaN();
  scale.output.quantization.scale = 0;
  for (const test::Variant& variant : variants()) {
    EXPECT_GT(variant.cost(good, 1), 0);
    for (const ActivationDesc& bad : {blocked, words, narrow, parameter, scale})
      EXPECT_LT(variant.cost(bad, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
