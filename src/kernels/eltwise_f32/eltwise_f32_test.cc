// Element-wise combinations against plain loops, on every instruction set of the machine.
#include <gtest/gtest.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels {
namespace {

using test::LaidOut;

std::vector<test::Variant> variants() {
  return test::usable({
      {Isa::kGeneric, eltwise_f32_generic_cost, eltwise_f32_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, eltwise_f32_avx2_cost, eltwise_f32_avx2},
      {Isa::kAvx512, eltwise_f32_avx512_cost, eltwise_f32_avx512},
#endif
  });
}

FeatureMap map_of(const EltwiseDesc& d, std::size_t input) {
  return d.input_maps.empty() ? d.map : d.input_maps[input];
}

std::vector<float> plain_eltwise(const EltwiseDesc& d, const std::vector<std::vector<float>>& inputs,
                                 int images) {
  std::vector<float> y;
  for (std::int64_t i = 0; i < images * d.map.channels * d.map.pixels(); ++i) {
    const auto input = [&](std::size_t n) {
      const bool repeated = map_of(d, n).pixels() != d.map.pixels();
      return double{inputs[n][static_cast<std::size_t>(repeated ? i / d.map.pixels() : i)]};
    };
    const auto term = [&](std::size_t n) {
      return input(n) * (d.coefficients.empty() ? 1.0 : double{d.coefficients[n]});
    };
    double value = term(0);
    for (std::size_t n = 1; n < inputs.size(); ++n) {
      if (d.kind == EltwiseKind::kSum) value += term(n);
      if (d.kind == EltwiseKind::kProduct) value *= input(n);
      if (d.kind == EltwiseKind::kMax) value = std::max(value, input(n));
      if (d.kind == EltwiseKind::kMin) value = std::min(value, input(n));
      if (d.kind == EltwiseKind::kQuotient) value /= input(n);
    }
    if (d.relu && value < 0) value *= double{d.relu->slope};
    if (d.relu) value = std::min(value, double{d.relu->limit});
    y.push_back(static_cast<float>(value));
  }
  return y;
}

std::vector<std::vector<float>> random_inputs(const EltwiseDesc& d, int images, std::uint32_t seed) {
  std::vector<std::vector<float>> inputs;
  const float least = d.kind == EltwiseKind::kQuotient ? 0.5f : -1.0f;  // nothing is divided by nearly 0
  for (std::size_t i = 0; i < static_cast<std::size_t>(d.inputs); ++i) {
    const auto values = static_cast<std::size_t>(images * d.map.channels * map_of(d, i).pixels());
    inputs.push_back(test::random_floats(values, seed * 16 + static_cast<std::uint32_t>(i), least, 1));
  }
  return inputs;
}

void expect_equal_to_plain_loops(const EltwiseDesc& d, int images, int workers, std::uint32_t seed) {
  const auto inputs = random_inputs(d, images, seed);
  const auto expected = plain_eltwise(d, inputs, images);
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(testing::Message() << to_string(variant.isa) << " seed " << seed << " kind "
                                    << static_cast<int>(d.kind) << " inputs " << d.inputs << " channels "
                                    << d.map.channels << " workers " << workers << " relu "
                                    << (d.relu ? d.relu->slope : -1));
    ASSERT_GT(variant.cost(d, images), 0);
    std::vector<LaidOut> tensors;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      tensors.push_back(test::lay_out(map_of(d, i), images, inputs[i], 16 * static_cast<std::int64_t>(i)));
    std::vector<LaidOut*> operands;
    for (LaidOut& t : tensors) operands.push_back(&t);
    LaidOut output(d.map, images, d.map.elements() + 32);
    test::KernelRunner runner(variant.create(d));
    runner.run(operands, output, images, workers);
    const auto difference = test::compare(output.to_nchw(), expected);
    EXPECT_LE(difference.max_error, 1e-6) << difference.text;
    EXPECT_TRUE(output.padding_is_zero());
    EXPECT_TRUE(test::gaps_untouched(output, images));
    const std::size_t last = tensors.size() - 1;
    ASSERT_EQ(runner.kernel().in_place(static_cast<int>(last)), map_of(d, last).same_sizes(d.map));
    if (!runner.kernel().in_place(static_cast<int>(last))) continue;
    runner.run(operands, tensors[last], images, workers);
    EXPECT_EQ(tensors[last].to_nchw(), output.to_nchw()) << "in place of the last input";
  }
}

constexpr EltwiseKind kKinds[] = {EltwiseKind::kSum, EltwiseKind::kProduct, EltwiseKind::kMax,
                                  EltwiseKind::kMin, EltwiseKind::kQuotient};

TEST(EltwiseF32, RepeatsInputsOfOnePixelWhereverTheyStand) {
  std::uint32_t seed = 3000;
  for (EltwiseKind kind : kKinds)
    for (std::int64_t channels : {5, 32, 40})
      for (std::size_t repeated : {0, 1, 2})
        for (int workers : {1, 3, 50}) {
          EltwiseDesc d;
          d.map = {channels, 9, 11};  // more pixels than are repeated at once
          d.kind = kind;
          d.inputs = 3;
          if (kind == EltwiseKind::kSum && repeated == 1) d.coefficients = {0.5f, -2, 1};
          d.input_maps.assign(3, d.map);
          d.input_maps[repeated] = {channels, 1, 1};
          expect_equal_to_plain_loops(d, 2, workers, seed++);
        }
}

TEST(EltwiseF32, EqualsPlainLoopsForAllKindsInputsAndRelus) {
  std::uint32_t seed = 1;
  for (EltwiseKind kind : kKinds)
    for (int inputs : {2, 3, 5})
      for (bool weighted : {false, true})
        for (std::optional<ReluDesc> relu :
             {std::optional<ReluDesc>(), std::optional(ReluDesc{0}), std::optional(ReluDesc{0.1f}),
              std::optional(ReluDesc{0, 0.7f}), std::optional(ReluDesc{0.1f, 0.7f})}) {
          if (weighted && kind != EltwiseKind::kSum) continue;
          EltwiseDesc d;
          d.map = {17, 5, 3};
          d.kind = kind;
          d.inputs = inputs;
          d.relu = relu;
          if (weighted) d.coefficients = test::random_floats(static_cast<std::size_t>(inputs), seed, -2, 2);
          expect_equal_to_plain_loops(d, 2, 1, seed++);
        }
}

TEST(EltwiseF32, EqualsPlainLoopsForAllChannelTailsAndWorkers) {
  std::uint32_t seed = 1000;
  for (std::int64_t channels : {1, 3, 15, 16, 17, 40})
    for (int workers : {1, 2, 3, 50}) {
      EltwiseDesc d;
      d.map = {channels, 3, 7};
      d.relu = ReluDesc{};
      expect_equal_to_plain_loops(d, 3, workers, seed++);
    }
}

TEST(EltwiseF32, IsTheSameToTheBitOnAllInstructionSets) {
  EltwiseDesc d;
  d.map = {40, 9, 9};
  d.inputs = 3;
  d.coefficients = {0.3f, -1.7f, 1e-3f};
  d.relu = ReluDesc{0.25f};
  const auto inputs = random_inputs(d, 1, 77);
  std::vector<float> first;
  for (const test::Variant& variant : variants()) {
    LaidOut a(d.map, 1, inputs[0]), b(d.map, 1, inputs[1]), c(d.map, 1, inputs[2]), y(d.map, 1);
    test::KernelRunner(variant.create(d)).run({&a, &b, &c}, y, 1);
    if (first.empty()) first = y.to_nchw();
    EXPECT_EQ(y.to_nchw(), first) << to_string(variant.isa);
  }
}

TEST(EltwiseF32, RefusesWhatItCannotCompute) {
  EltwiseDesc d, one, coefficients, nchw, smaller;
  d.map = smaller.map = {4, 3, 3};
  smaller.input_maps = {{4, 3, 3}, {4, 1, 3}};
  one.inputs = 1;
  coefficients.coefficients = {1, 2, 3};
  nchw.map.layout = Layout::kNchw;
  for (const test::Variant& variant : variants()) {
    EXPECT_GT(variant.cost(d, 1), 0);
    for (const EltwiseDesc& bad : {one, coefficients, nchw, smaller}) EXPECT_LT(variant.cost(bad, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
