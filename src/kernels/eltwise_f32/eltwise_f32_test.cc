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

std::vector<float> plain_eltwise(const EltwiseDesc& d, const std::vector<std::vector<float>>& inputs) {
  std::vector<float> y;
  for (std::size_t i = 0; i < inputs[0].size(); ++i) {
    const auto term = [&](std::size_t n) -> double {
      return double{inputs[n][i]} * (d.coefficients.empty() ? 1.0 : double{d.coefficients[n]});
    };
    double value = term(0);
    for (std::size_t n = 1; n < inputs.size(); ++n) {
      if (d.kind == EltwiseKind::kSum) value += term(n);
      if (d.kind == EltwiseKind::kProduct) value *= double{inputs[n][i]};
      if (d.kind == EltwiseKind::kMax) value = std::max(value, double{inputs[n][i]});
    }
    if (d.relu && value < 0) value *= double{d.relu->slope};
    if (d.relu) value = std::min(value, double{d.relu->limit});
    y.push_back(static_cast<float>(value));
  }
  return y;
}

std::vector<std::vector<float>> random_inputs(const EltwiseDesc& d, int images, std::uint32_t seed) {
  std::vector<std::vector<float>> inputs;
  for (int i = 0; i < d.inputs; ++i)
    inputs.push_back(test::random_floats(static_cast<std::size_t>(images * d.map.channels * d.map.pixels()),
                                         seed * 16 + static_cast<std::uint32_t>(i)));
  return inputs;
}

void expect_equal_to_plain_loops(const EltwiseDesc& d, int images, int workers, std::uint32_t seed) {
  const auto inputs = random_inputs(d, images, seed);
  const auto expected = plain_eltwise(d, inputs);
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(testing::Message() << to_string(variant.isa) << " seed " << seed << " kind "
                                    << static_cast<int>(d.kind) << " inputs " << d.inputs << " channels "
                                    << d.map.channels << " workers " << workers << " relu "
                                    << (d.relu ? d.relu->slope : -1));
    ASSERT_GT(variant.cost(d, images), 0);
    std::vector<LaidOut> tensors;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      tensors.push_back(test::lay_out(d.map, images, inputs[i], 16 * static_cast<std::int64_t>(i)));
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
    ASSERT_TRUE(runner.kernel().in_place(static_cast<int>(last)));
    runner.run(operands, tensors[last], images, workers);
    EXPECT_EQ(tensors[last].to_nchw(), output.to_nchw()) << "in place of the last input";
  }
}

TEST(EltwiseF32, EqualsPlainLoopsForAllKindsInputsAndRelus) {
  std::uint32_t seed = 1;
  for (EltwiseKind kind : {EltwiseKind::kSum, EltwiseKind::kProduct, EltwiseKind::kMax})
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
  EltwiseDesc d, one, coefficients, nchw;
  one.inputs = 1;
  coefficients.coefficients = {1, 2, 3};
  nchw.map.layout = Layout::kNchw;
  for (const test::Variant& variant : variants()) {
    EXPECT_GT(variant.cost(d, 1), 0);
    for (const EltwiseDesc& bad : {one, coefficients, nchw}) EXPECT_LT(variant.cost(bad, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
