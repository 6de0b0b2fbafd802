// Element-wise integer combinations against plain loops, to the byte, on every instruction set of the
// machine.
#include <gtest/gtest.h>

#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

using test::NhwcTensor;

std::vector<test::Variant> variants() {
  return test::usable({
      {Isa::kGeneric, eltwise_i8_generic_cost, eltwise_i8_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, eltwise_i8_avx2_cost, eltwise_i8_avx2},
      {Isa::kAvx512, eltwise_i8_avx512_cost, eltwise_i8_avx512},
#endif
  });
}

std::int32_t plain_value(const EltwiseDesc& d, const std::vector<std::int32_t>& q) {
  const Quantization& to = d.map.quantization;
  const auto zero = static_cast<float>(to.zero_point);
  float t = zero;
  if (d.kind == EltwiseKind::kSum) {
    std::vector<float> m;
    for (std::size_t i = 0; i < q.size(); ++i) {
      const Quantization& from = d.input_maps[i].quantization;
      m.push_back((d.coefficients.empty() ? 1 : d.coefficients[i]) * (from.scale / to.scale));
      t = std::fmaf(-m[i], static_cast<float>(from.zero_point), t);
    }
    for (std::size_t i = 0; i < q.size(); ++i) t = std::fmaf(static_cast<float>(q[i]), m[i], t);
  } else if (d.kind == EltwiseKind::kProduct) {
    float p = 1, scale = 1 / to.scale;
    for (std::size_t i = 0; i < q.size(); ++i) {
      const Quantization& from = d.input_maps[i].quantization;
      p *= static_cast<float>(q[i] - from.zero_point);
      scale = i == 0 ? from.scale / to.scale : scale * from.scale;
    }
    t = std::fmaf(p, scale, zero);
  } else {
    const bool maximum = d.kind == EltwiseKind::kMax;
    t = maximum ? -INFINITY : INFINITY;
    for (std::size_t i = 0; i < q.size(); ++i) {
      const integer::Rescale r = integer::rescale(d.input_maps[i].quantization, to);
      const float one = std::fmaf(static_cast<float>(q[i]), r.scale, r.offset);
      const auto there = static_cast<float>(integer::to_integer(one, integer::range_of(d.map)));
      t = maximum ? std::max(t, there) : std::min(t, there);
    }
  }
  const bool plain_relu = d.relu && d.relu->slope == 0;
  if (d.relu && !plain_relu) t = integer::leaky(t, zero, d.relu->slope);
  return integer::to_integer(t, integer::range_of(d.map, d.relu));
}

EltwiseDesc describe(DataType type, std::int64_t channels, int inputs, EltwiseKind kind = EltwiseKind::kSum) {
  const bool bytes = type == DataType::kUInt8;
  const FeatureMap map{channels, 5, 3, Layout::kNhwc, type};
  EltwiseDesc d;
  d.kind = kind;
  d.inputs = inputs;
  d.map = map;
  d.map.quantization = bytes ? Quantization{0.05f, 91} : Quantization{0.0005f, 0, 31000};
  for (int i = 0; i < inputs; ++i) {
    FeatureMap input = map;
    const auto factor = static_cast<float>(i + 1);
    input.quantization =
        bytes ? Quantization{0.021f * factor, 40 * i} : Quantization{0.0003f / factor, 0, 29000};
    d.input_maps.push_back(input);
  }
  return d;
}

void expect_equal_to_plain_loops(const EltwiseDesc& d, int images, int workers, std::uint32_t seed) {
  SCOPED_TRACE(testing::Message() << to_string(d.map.type) << " seed " << seed << " kind "
                                  << static_cast<int>(d.kind) << " inputs " << d.inputs << " channels "
                                  << d.map.channels << " workers " << workers << " relu "
                                  << (d.relu ? d.relu->slope : -1));
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(to_string(variant.isa));
    ASSERT_GT(variant.cost(d, images), 0);
    std::vector<NhwcTensor> tensors;
    for (std::size_t i = 0; i < d.input_maps.size(); ++i) {
      tensors.emplace_back(d.input_maps[i], images, 16 * static_cast<std::int64_t>(i));
      tensors.back().fill_random(seed * 16 + static_cast<std::uint32_t>(i));
    }
    NhwcTensor output(d.map, images, 32), expected(d.map, images, 32);
    expected.fill([&](int n, std::int64_t c, std::int64_t p) {
      std::vector<std::int32_t> q;
      for (std::size_t i = 0; i < tensors.size(); ++i)
        q.push_back(tensors[i].at(n, c, d.input_maps[i].same_sizes(d.map) ? p : 0));
      return plain_value(d, q);
    });
    std::vector<Operand> operands;
    for (NhwcTensor& t : tensors) operands.push_back(t.operand());
    test::KernelRunner runner(variant.create(d));
    runner.run(operands, output.operand(), images, workers);
    EXPECT_EQ(output.to_nchw(), expected.to_nchw());
    EXPECT_EQ(output.memory(), expected.memory()) << "something outside the channels";
    const std::size_t last = tensors.size() - 1;
    const bool same_step =
        d.input_maps[last].same_sizes(d.map) && d.input_maps[last].pixel_step() == d.map.pixel_step();
    ASSERT_EQ(runner.kernel().in_place(static_cast<int>(last)), same_step);
    if (!same_step) continue;
    runner.run(operands, tensors[last].operand(), images, workers);
    EXPECT_EQ(tensors[last].to_nchw(), expected.to_nchw()) << "in place of the last input";
  }
}

constexpr DataType kTypes[] = {DataType::kUInt8, DataType::kInt16};
constexpr EltwiseKind kKinds[] = {EltwiseKind::kSum, EltwiseKind::kProduct, EltwiseKind::kMax,
                                  EltwiseKind::kMin};

TEST(EltwiseI8, RepeatsInputsOfOnePixelWhereverTheyStand) {
  std::uint32_t seed = 3000;
  for (DataType type : kTypes)
    for (EltwiseKind kind : kKinds)
      for (std::int64_t channels : {5, 64})
        for (std::size_t repeated : {0, 1, 2})
          for (int workers : {1, 3, 50}) {
            EltwiseDesc d = describe(type, channels, 3, kind);
            d.input_maps[repeated].height = d.input_maps[repeated].width = 1;
            expect_equal_to_plain_loops(d, 2, workers, seed++);
          }
}

TEST(EltwiseI8, EqualsPlainLoopsForAllKindsInputsAndRelus) {
  std::uint32_t seed = 1;
  for (DataType type : kTypes)
    for (EltwiseKind kind : kKinds)
      for (int inputs : {2, 3, 5})
        for (bool weighted : {false, true})
          for (std::optional<ReluDesc> relu :
               {std::optional<ReluDesc>(), std::optional(ReluDesc{0}), std::optional(ReluDesc{0.1f}),
                std::optional(ReluDesc{-2.0f}), std::optional(ReluDesc{0, 2}),
                std::optional(ReluDesc{0.1f, 2})}) {
            if (weighted && kind != EltwiseKind::kSum) continue;
            EltwiseDesc d = describe(type, 17, inputs, kind);
            d.relu = relu;
            if (weighted) d.coefficients = test::random_floats(static_cast<std::size_t>(inputs), seed, -2, 2);
            expect_equal_to_plain_loops(d, 2, 1, seed++);
          }
}

TEST(EltwiseI8, EqualsPlainLoopsForAllChannelTailsWorkersAndParts) {
  std::uint32_t seed = 1000;
  for (DataType type : kTypes)
    for (std::int64_t channels : {1, 15, 16, 33, 64, 112})
      for (int workers : {1, 3, 50})
        for (std::int64_t stride : {0, 128}) {
          EltwiseDesc d = describe(type, channels, 2);
          d.relu = ReluDesc{};
          d.input_maps[0].pixel_stride = stride;
          expect_equal_to_plain_loops(d, 3, workers, seed++);
          d.map.pixel_stride = stride;
          expect_equal_to_plain_loops(d, 3, workers, seed++);
        }
}

TEST(EltwiseI8, KeepsTheZeroPointInPaddingWhereScalesDifferByMillions) {
  for (DataType type : kTypes) {
    EltwiseDesc d = describe(type, 9, 2);
    d.input_maps[0].quantization.scale *= 3.3e6f;
    d.input_maps[1].quantization.scale *= 7.7e6f;
    expect_equal_to_plain_loops(d, 1, 1, 3);
  }
}

TEST(EltwiseI8, BoundsOutputsByTheIntegerOfTheReluLimit) {
  EltwiseDesc d = describe(DataType::kUInt8, 16, 2);
  d.relu = ReluDesc{0, 2.02f};  // 91 + 2.02 / 0.05 = 131.4
  for (const test::Variant& variant : variants()) {
    NhwcTensor a(d.input_maps[0], 1), b(d.input_maps[1], 1), y(d.map, 1);
    a.fill_random(1), b.fill_random(2);
    const Operand operands[] = {a.operand(), b.operand()};
    test::KernelRunner(variant.create(d)).run(operands, y.operand(), 1);
    const std::vector<std::int32_t> values = y.to_nchw();
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    EXPECT_EQ(*least, 91);
    EXPECT_EQ(*most, 131);
  }
}

TEST(EltwiseI8, RoundsTiesToEven) {
  EltwiseDesc d = describe(DataType::kUInt8, 16, 2);
  d.map.quantization = {2, 0};
  d.input_maps[0].quantization = d.input_maps[1].quantization = {1, 0};
  for (const test::Variant& variant : variants()) {
    NhwcTensor a(d.map, 1), b(d.map, 1), y(d.map, 1);
    a.fill([](int, std::int64_t c, std::int64_t p) { return c + p; });
    b.fill([](int, std::int64_t, std::int64_t) { return 0; });
    const Operand operands[] = {a.operand(), b.operand()};
    test::KernelRunner(variant.create(d)).run(operands, y.operand(), 1);
    for (std::int64_t c = 0; c < 16; ++c)
      for (std::int64_t p = 0; p < 15; ++p) {
        const std::int64_t half = (c + p) / 2;
        EXPECT_EQ(y.at(0, c, p), (c + p) % 2 == 0 ? half : half + half % 2) << c + p << " halves";
      }
  }
}

TEST(EltwiseI8, RefusesWhatItCannotCompute) {
  const EltwiseDesc d = describe(DataType::kUInt8, 16, 2);
  EltwiseDesc quotient = d, one = d, missing = d, coefficients = d, other_type = d, real = d, infinite = d;
  quotient.kind = EltwiseKind::kQuotient;
  one.inputs = 1;
  missing.input_maps.pop_back();
  coefficients.coefficients = {1, 2, 3};
  other_type.input_maps[1] = describe(DataType::kInt16, 16, 2).input_maps[1];
  real.map.type = DataType::kFloat32;
  infinite.coefficients = {1, INFINITY};
  for (const test::Variant& variant : variants()) {
    EXPECT_GT(variant.cost(d, 1), 0);
    for (const EltwiseDesc& bad : {quotient, one, missing, coefficients, other_type, real, infinite})
      EXPECT_LT(variant.cost(bad, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
