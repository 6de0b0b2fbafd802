// Copies between FP32 and narrow maps: every value by its definition, nothing else written, padding lanes the
// zero point, and the same bytes on every instruction set of the machine.
#include <gtest/gtest.h>

#include "kernels/bfloat16.h"
#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

using test::LaidOut;
using test::NhwcTensor;

std::vector<test::Variant> variants() {
  return test::usable({
      {Isa::kGeneric, reformat_i8_generic_cost, reformat_i8_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, reformat_i8_avx2_cost, reformat_i8_avx2},
      {Isa::kAvx512, reformat_i8_avx512_cost, reformat_i8_avx512},
#endif
  });
}

FeatureMap real_map(std::int64_t channels, std::int64_t height, std::int64_t width, Layout layout) {
  return {channels, height, width, layout};
}
FeatureMap narrow_map(std::int64_t channels, std::int64_t height, std::int64_t width, DataType type,
                      Quantization quantization = {0.03f, 128}, std::int64_t pixel_stride = 0) {
  if (type == DataType::kInt16) quantization = {quantization.scale / 100, 0, 20000};
  if (type == DataType::kBFloat16) quantization = {};
  return {channels, height, width, Layout::kNhwc, type, quantization, pixel_stride};
}
constexpr DataType kNarrowTypes[] = {DataType::kUInt8, DataType::kInt16, DataType::kBFloat16};

std::int32_t narrowed(float x, const FeatureMap& map) {
  if (map.type == DataType::kBFloat16) return to_bfloat16(x);
  return integer::quantize(x, map.quantization, integer::range_of(map));
}
float widened(std::int32_t q, const FeatureMap& map) {
  if (map.type == DataType::kBFloat16) return from_bfloat16(static_cast<std::uint16_t>(q));
  return integer::dequantize(q, map.quantization);
}

/// Values beyond both ends of the integers' range, ties, infinities and NaN among them.
std::vector<float> awkward_floats(std::size_t count, std::uint32_t seed, const Quantization& quantization) {
  auto values = test::random_floats(count, seed, -5, 5);
  std::mt19937 engine(seed);
  for (float& v : values) {
    const std::uint32_t kind = engine() % 64;
    if (kind == 0) v = INFINITY;
    if (kind == 1) v = -INFINITY;
    if (kind == 2) v = NAN;
    if (kind == 3) v = 1e30f;
    if (kind == 4) v = -1e-30f;
    if (kind < 20 && kind > 4) v = (static_cast<float>(engine() % 256) + 0.5f) * quantization.scale;
  }
  return values;
}

struct Split {
  std::int64_t channels, height, width;
};
constexpr Split kSizes[] = {{1, 1, 1},  {3, 5, 7},   {4, 20, 33}, {15, 1, 3},  {16, 4, 4},
                            {17, 9, 1}, {22, 3, 17}, {40, 7, 7},  {1000, 1, 1}};

void expect_quantised(const FeatureMap& from, const FeatureMap& to, std::int64_t offset, int workers,
                      std::uint32_t seed) {
  SCOPED_TRACE(testing::Message() << to_string(from.layout) << " to " << to_string(to.type) << " seed "
                                  << seed << " channels " << from.channels << " of " << to.channels << " at "
                                  << offset << " map " << from.height << "x" << from.width << " workers "
                                  << workers);
  const auto x =
      awkward_floats(static_cast<std::size_t>(2 * from.channels * from.pixels()), seed, to.quantization);
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(to_string(variant.isa));
    ASSERT_GT(variant.cost(ReformatDesc{from, to, offset}, 2), 0);
    LaidOut input = test::lay_out(from, 2, x, 16);
    NhwcTensor output(to, 2, 32), expected(to, 2, 32);
    const bool ends = offset + from.channels == to.channels;
    for (int n = 0; n < 2; ++n)
      for (std::int64_t p = 0; p < to.pixels(); ++p) {
        for (std::int64_t c = 0; c < from.channels; ++c)
          expected.set(
              n, offset + c, p,
              narrowed(x[static_cast<std::size_t>((n * from.channels + c) * from.pixels() + p)], to));
        for (std::int64_t c = to.channels; ends && c < to.padded_channels(); ++c)
          expected.set(n, c, p, expected.zero());
      }
    const Operand in{input.data(), input.stride()};
    test::KernelRunner(variant.create(ReformatDesc{from, to, offset}))
        .run(std::span(&in, 1), output.operand(), 2, workers);
    EXPECT_EQ(output.memory(), expected.memory());
  }
}

TEST(ReformatI8, QuantisesFromBothLayoutsToAllTypes) {
  std::uint32_t seed = 1;
  for (const Split& s : kSizes)
    for (DataType type : kNarrowTypes)
      for (Layout layout : {Layout::kNchw, Layout::kNchw16c})
        for (int workers : {1, 3})
          expect_quantised(real_map(s.channels, s.height, s.width, layout),
                           narrow_map(s.channels, s.height, s.width, type), 0, workers, seed++);
}

TEST(ReformatI8, QuantisesIntoAnyChannelsOfAConcatenation) {
  std::uint32_t seed = 100;
  for (DataType type : kNarrowTypes)
    for (Layout layout : {Layout::kNchw, Layout::kNchw16c})
      for (std::int64_t offset : {0, 5, 16, 23})
        for (std::int64_t behind : {0, 9})
          expect_quantised(real_map(20, 5, 5, layout), narrow_map(offset + 20 + behind, 5, 5, type), offset,
                           2, seed++);
}

TEST(ReformatI8, QuantisesPicturesIntoPixelsOfFour) {
  std::uint32_t seed = 200;
  for (DataType type : {DataType::kUInt8, DataType::kBFloat16})
    for (std::int64_t channels : {1, 2, 3, 4})
      for (auto [height, width] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {3, 5}, {8, 16}, {31, 33}})
        expect_quantised(real_map(channels, height, width, Layout::kNchw),
                         narrow_map(channels, height, width, type, {0.02f, 77}, 4), 0, 2, seed++);
  for (std::int64_t offset : {0, 1, 2})
    expect_quantised(real_map(2, 5, 7, Layout::kNchw),
                     narrow_map(offset + 2, 5, 7, DataType::kBFloat16, {}, 4), offset, 2, seed++);
}

void expect_dequantised(const FeatureMap& from, const FeatureMap& to, std::int64_t offset, int workers,
                        std::uint32_t seed) {
  SCOPED_TRACE(testing::Message() << to_string(from.type) << " to " << to_string(to.layout) << " seed "
                                  << seed << " channels " << from.channels << " of " << to.channels << " at "
                                  << offset << " map " << from.height << "x" << from.width << " workers "
                                  << workers);
  NhwcTensor input(from, 2, 16);
  input.fill_random(seed);
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(to_string(variant.isa));
    ASSERT_GT(variant.cost(ReformatDesc{from, to, offset}, 2), 0);
    LaidOut output(to, 2, to.elements() + 32);
    const Operand out{output.data(), output.stride()};
    const Operand in = input.operand();
    test::KernelRunner(variant.create(ReformatDesc{from, to, offset}))
        .run(std::span(&in, 1), out, 2, workers);
    const bool ends = offset + from.channels == to.channels;
    for (int n = 0; n < 2; ++n)
      for (std::int64_t c = 0; c < to.padded_channels(); ++c)
        for (std::int64_t p = 0; p < to.pixels(); ++p) {
          const bool inside = c >= offset && c < offset + from.channels;
          const float got = output.at(n, c, p);
          if (inside) {
            ASSERT_EQ(got, widened(input.at(n, c - offset, p), from)) << n << " " << c << " " << p;
          } else if (ends && c >= to.channels) {
            ASSERT_EQ(got, 0) << "padding lane " << c;
          } else {
            ASSERT_TRUE(std::isnan(got)) << "written outside: " << n << " " << c << " " << p;
          }
        }
    EXPECT_TRUE(test::gaps_untouched(output, 2));
  }
}

TEST(ReformatI8, DequantisesToBothLayoutsFromAllTypes) {
  std::uint32_t seed = 300;
  for (const Split& s : kSizes)
    for (DataType type : kNarrowTypes)
      for (Layout layout : {Layout::kNchw, Layout::kNchw16c})
        for (int workers : {1, 3})
          expect_dequantised(narrow_map(s.channels, s.height, s.width, type),
                             real_map(s.channels, s.height, s.width, layout), 0, workers, seed++);
}

TEST(ReformatI8, DequantisesIntoAnyChannelsOfAConcatenation) {
  std::uint32_t seed = 400;
  for (DataType type : kNarrowTypes)
    for (std::int64_t offset : {0, 5, 16, 23})
      for (std::int64_t behind : {0, 9})
        expect_dequantised(narrow_map(20, 5, 5, type), real_map(offset + 20 + behind, 5, 5, Layout::kNchw16c),
                           offset, 2, seed++);
}

TEST(ReformatI8, TakesCallersMemoryThatIsAlignedToElementsOnly) {
  const FeatureMap plain = real_map(19, 6, 7, Layout::kNchw), narrow = narrow_map(19, 6, 7, DataType::kUInt8);
  for (const test::Variant& variant : variants()) {
    std::vector<float> odd(static_cast<std::size_t>(plain.elements()) + 1, 0.5f), back(odd.size());
    NhwcTensor middle(narrow, 1);
    const Operand from{reinterpret_cast<std::byte*>(odd.data() + 1), plain.elements()};
    const Operand to{reinterpret_cast<std::byte*>(back.data() + 1), plain.elements()};
    const Operand between = middle.operand();
    test::KernelRunner(variant.create(ReformatDesc{plain, narrow})).run(std::span(&from, 1), between, 1);
    test::KernelRunner(variant.create(ReformatDesc{narrow, plain})).run(std::span(&between, 1), to, 1);
    for (std::size_t i = 1; i < back.size(); ++i) ASSERT_NEAR(back[i], 0.5f, 0.015f) << i;
  }
}

void expect_requantised(const FeatureMap& from, const FeatureMap& to, std::int64_t offset, int workers,
                        std::uint32_t seed) {
  SCOPED_TRACE(testing::Message() << to_string(from.type) << " scale " << from.quantization.scale << " to "
                                  << to.quantization.scale << " seed " << seed << " channels "
                                  << from.channels << " of " << to.channels << " at " << offset << " workers "
                                  << workers);
  NhwcTensor input(from, 3, 16);
  input.fill_random(seed);
  const bool same = from.type == DataType::kBFloat16 || from.quantization == to.quantization;
  const integer::Rescale rescale = integer::rescale(from.quantization, to.quantization);
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(to_string(variant.isa));
    ASSERT_GT(variant.cost(ReformatDesc{from, to, offset}, 3), 0);
    NhwcTensor output(to, 3, 32), expected(to, 3, 32);
    for (int n = 0; n < 3; ++n)
      for (std::int64_t p = 0; p < to.pixels(); ++p) {
        for (std::int64_t c = 0; c < from.channels; ++c) {
          const std::int32_t q = input.at(n, c, p);
          const float t = std::fmaf(static_cast<float>(q), rescale.scale, rescale.offset);
          expected.set(n, offset + c, p, same ? q : integer::to_integer(t, integer::range_of(to)));
        }
        for (std::int64_t c = to.channels; c < to.padded_channels() && offset + from.channels == to.channels;
             ++c)
          expected.set(n, c, p, expected.zero());
      }
    const Operand in = input.operand();
    test::KernelRunner(variant.create(ReformatDesc{from, to, offset}))
        .run(std::span(&in, 1), output.operand(), 3, workers);
    EXPECT_EQ(output.memory(), expected.memory());
  }
}

TEST(ReformatI8, RequantisesOrCopiesIntoAnyChannelsOfAConcatenation) {
  std::uint32_t seed = 500;
  for (DataType type : kNarrowTypes)
    for (float factor : {1.0f, 0.4f, 1e-3f, 90.0f})
      for (std::int64_t channels : {3, 16, 37})
        for (std::int64_t offset : {0, 16, 21})
          for (std::int64_t behind : {0, 9}) {
            FeatureMap from = narrow_map(channels, 5, 3, type);
            FeatureMap to = narrow_map(offset + channels + behind, 5, 3, type);
            to.quantization.scale = from.quantization.scale * factor;
            if (factor == 0.4f && type == DataType::kUInt8) to.quantization.zero_point = 3;
            if (factor == 90.0f) from.pixel_stride = 64;
            expect_requantised(from, to, offset, 2, seed++);
          }
}

struct Pictures {
  FeatureMap real, three, four;
  std::vector<std::uint8_t> bytes;
  explicit Pictures(std::int64_t height, std::int64_t width)
      : real(real_map(3, height, width, Layout::kNchw)),
        three(narrow_map(3, height, width, DataType::kUInt8, {1, 0}, 3)),
        four(narrow_map(3, height, width, DataType::kUInt8, {1, 0}, 4)) {
    std::mt19937 engine(5);
    for (std::int64_t i = 0; i < 2 * three.elements(); ++i)
      bytes.push_back(static_cast<std::uint8_t>(engine() & 255));
  }
};

TEST(ReformatI8, GivesTheSameBytesForAPictureAsBytesAndAsFloatsLessTheirMean) {
  for (auto [height, width] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {3, 5}, {8, 16}, {31, 33}})
    for (bool mean_image : {false, true}) {
      const Pictures pictures(height, width);
      const std::int64_t plane = height * width;
      const auto mean = test::random_floats(static_cast<std::size_t>(mean_image ? 3 * plane : 3), 7, 90, 140);
      std::vector<float> less_mean;
      for (int n = 0; n < 2; ++n)
        for (std::int64_t c = 0; c < 3; ++c)
          for (std::int64_t p = 0; p < plane; ++p) {
            const auto byte =
                static_cast<float>(pictures.bytes[static_cast<std::size_t>((n * plane + p) * 3 + c)]);
            less_mean.push_back(byte - mean[static_cast<std::size_t>(mean_image ? c * plane + p : c)]);
          }
      for (const test::Variant& variant : variants()) {
        SCOPED_TRACE(testing::Message() << to_string(variant.isa) << " " << height << "x" << width);
        NhwcTensor from_bytes(pictures.four, 2, 16), from_floats(pictures.four, 2, 16),
            expected(pictures.four, 2, 16);
        expected.fill([&](int n, std::int64_t c, std::int64_t p) {
          return pictures.bytes[static_cast<std::size_t>((n * plane + p) * 3 + c)];
        });
        // Bytes in memory that ends with the last picture.
        std::vector<std::uint8_t> exact = pictures.bytes;
        const Operand bytes{reinterpret_cast<std::byte*>(exact.data()), 3 * plane};
        const Operand floats{reinterpret_cast<std::byte*>(less_mean.data()), 3 * plane};
        const ReformatDesc copy{pictures.three, pictures.four, 0, true},
            add{pictures.real, pictures.four, 0, true};
        ASSERT_GT(variant.cost(copy, 2), 0);
        ASSERT_GT(variant.cost(add, 2), 0);
        test::KernelRunner(variant.create(copy)).run(std::span(&bytes, 1), from_bytes.operand(), 2, 2);
        test::KernelRunner(variant.create(add), std::vector<std::vector<float>>{mean})
            .run(std::span(&floats, 1), from_floats.operand(), 2, 2);
        EXPECT_EQ(from_bytes.memory(), expected.memory());
        EXPECT_EQ(from_floats.memory(), expected.memory());
        for (Layout layout : {Layout::kNchw, Layout::kNchw16c}) {
          const FeatureMap real = real_map(3, height, width, layout);
          const ReformatDesc subtract{pictures.three, real, 0, true};
          ASSERT_GT(variant.cost(subtract, 2), 0);
          LaidOut output(real, 2, real.elements() + 16);
          test::KernelRunner(variant.create(subtract), std::vector<std::vector<float>>{mean})
              .run(std::span(&bytes, 1), {output.data(), output.stride()}, 2, 2);
          EXPECT_EQ(output.to_nchw(), less_mean) << to_string(layout);
          EXPECT_TRUE(output.padding_is_zero());
        }
      }
    }
}

TEST(ReformatI8, ClampsPicturesBeyondTheRangeOfBytes) {
  const Pictures pictures(2, 9);
  std::vector<float> x(54);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) * 20 - 500;
  x[7] = NAN;
  for (const test::Variant& variant : variants()) {
    NhwcTensor output(pictures.four, 1);
    const Operand in{reinterpret_cast<std::byte*>(x.data()), 54};
    test::KernelRunner(variant.create(ReformatDesc{pictures.real, pictures.four, 0, true}),
                       std::vector<std::vector<float>>{{100.5f, 101, 99}})
        .run(std::span(&in, 1), output.operand(), 1);
    EXPECT_EQ(output.at(0, 0, 0), 0);
    EXPECT_EQ(output.at(0, 0, 7), 0) << "a NaN becomes the lowest integer";
    EXPECT_EQ(output.at(0, 2, 17), 255);
    EXPECT_EQ(output.at(0, 1, 7), 101) << "-500 + 20 * 25 + 101";
  }
}

TEST(ReformatI8, RefusesWhatDoesNotFit) {
  const FeatureMap real = real_map(5, 2, 2, Layout::kNchw), bytes = narrow_map(5, 2, 2, DataType::kUInt8);
  FeatureMap zero_scale = bytes, zero_point = bytes, no_limit = narrow_map(5, 2, 2, DataType::kInt16);
  FeatureMap overlapping = bytes, wide = bytes, blocked_bytes = bytes;
  zero_scale.quantization.scale = 0;
  zero_point.quantization.zero_point = 256;
  no_limit.quantization.limit = 0;
  overlapping.pixel_stride = 3;
  wide.width = 3;
  blocked_bytes.layout = Layout::kNchw16c;
  for (const test::Variant& variant : variants()) {
    for (const FeatureMap& bad : {zero_scale, zero_point, no_limit, overlapping, wide, blocked_bytes})
      EXPECT_LT(variant.cost(ReformatDesc{real, bad}, 1), 0);
    EXPECT_LT(variant.cost(ReformatDesc{real, bytes, 1}, 1), 0);
    EXPECT_LT(variant.cost(ReformatDesc{real, bytes, -1}, 1), 0);
    EXPECT_LT(variant.cost(ReformatDesc{real, real}, 1), 0);
    EXPECT_LT(variant.cost(ReformatDesc{bytes, narrow_map(5, 2, 2, DataType::kInt16)}, 1), 0);
    EXPECT_LT(variant.cost(ReformatDesc{bytes, bytes, 0, true}, 1), 0) << "five channels are no picture";
    EXPECT_LT(variant.cost(PoolDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
