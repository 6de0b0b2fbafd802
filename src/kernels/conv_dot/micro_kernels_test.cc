// Every micro-kernel of this machine, called with a Block of its own, against plain loops over that Block.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/bfloat16.h"
#include "kernels/conv_dot/contract.h"
#include "kernels/integer/arithmetic.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels::conv_dot {
namespace {

struct Named {
  const char* name;
  Isa isa;
  Element element;
  const MicroKernels* kernels;
  int largest_weight = 127;  // of kU8: what no 16-bit sum of two products can saturate on
};

std::vector<Named> named_kernels() {
  std::vector<Named> all;
#ifdef OCTET_X86
  all = {
      {"avx2_u8_fast", Isa::kAvx2, Element::kU8, &kAvx2U8.fast, 64},
      {"avx2_u8_exact", Isa::kAvx2, Element::kU8, &kAvx2U8.exact},
      {"avx2_s16", Isa::kAvx2, Element::kS16, &kAvx2S16.fast},
      {"avx2_bf16", Isa::kAvx2, Element::kBf16, &kAvx2Bf16.fast},
      {"avx512_u8_fast", Isa::kAvx512, Element::kU8, &kAvx512U8.fast, 64},
      {"avx512_u8_exact", Isa::kAvx512, Element::kU8, &kAvx512U8.exact},
      {"avx512_s16", Isa::kAvx512, Element::kS16, &kAvx512S16.fast},
      {"avx512_bf16", Isa::kAvx512, Element::kBf16, &kAvx512Bf16.fast},
      {"avx512vnni_u8", Isa::kAvx512Vnni, Element::kU8, &kAvx512VnniU8.fast},
      {"avx512vnni_s16", Isa::kAvx512Vnni, Element::kS16, &kAvx512VnniS16.fast},
      {"avx512bf16_bf16", Isa::kAvx512Bf16, Element::kBf16, &kAvx512Bf16Bf16.fast},
  };
#endif
  return all;
}

constexpr int kTaps = 3, kTapStep = 96;  // bytes
constexpr int kRowStep = 52;             // rows overlap and have no alignment but the group's
constexpr int kInputBytes = kMaxRows * kRowStep + kTaps * kTapStep + 128;
constexpr int kRowOutput = 4 * 64 + 64;  // bytes; a gap behind each row
constexpr std::byte kPoison{0xa5};

int bytes_of(Output output) {
  return output == Output::kU8 ? 1 : output == Output::kS16 || output == Output::kBf16 ? 2 : 4;
}

/// A Block and all that it points to.
struct Problem {
  Problem(const Named& named, int row_count, int lane_count, int group_count, std::mt19937& engine)
      : element(named.element), rows(row_count), lanes(lane_count), groups(group_count) {
    const auto pick = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(engine);
    };
    const auto random_bf16 = [&] {
      return to_bfloat16(std::ldexp(static_cast<float>(pick(-255, 255)), pick(-12, 0)));
    };
    const auto put16 = [](std::byte* to, std::size_t i, int value) {
      const auto narrow = static_cast<std::uint16_t>(value);
      std::memcpy(to + 2 * i, &narrow, 2);
    };
    for (std::size_t i = 0; i < kInputBytes / 2; ++i) {
      if (element == Element::kBf16) put16(input.data(), i, random_bf16());
      if (element == Element::kS16) put16(input.data(), i, pick(0, 3) == 0 ? 3000 : pick(-3000, 3000));
      if (element == Element::kU8) put16(input.data(), i, pick(0, 3) == 0 ? 0xffff : pick(0, 0xffff));
    }
    const int most = named.largest_weight;
    for (std::size_t i = 0; i < static_cast<std::size_t>(kTaps * groups * lanes) * 2; ++i) {
      const auto weight = [&] { return pick(0, 3) == 0 ? (pick(0, 1) ? most : -most) : pick(-most, most); };
      if (element == Element::kBf16) put16(weights.data(), i, random_bf16());
      if (element == Element::kS16) put16(weights.data(), i, weight());
      if (element == Element::kU8) put16(weights.data(), i, (weight() & 0xff) | (weight() & 0xff) << 8);
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows) * static_cast<std::size_t>(lanes); ++i) {
      const std::int32_t integer = pick(-100'000, 100'000);
      const auto real = static_cast<float>(integer) * 1e-5f;
      if (element == Element::kBf16) {
        std::memcpy(bias.data() + 4 * i, &real, 4);
      } else {
        std::memcpy(bias.data() + 4 * i, &integer, 4);
      }
    }
    for (int i = 0; i < 64; ++i) multipliers.push_back(std::ldexp(static_cast<float>(pick(1, 999)), -20));
    for (std::size_t i = 0; i < residual.size() / 4; ++i) {
      const float real = static_cast<float>(pick(-999, 999)) * 0.03125f;  // BF16 in its upper half
      std::memcpy(residual.data() + 4 * i, &real, 4);
    }
    std::fill_n(output.data(), output.size(), kPoison);
    for (int r = 0; r < rows; ++r) {
      inputs.push_back(input.data() + r * kRowStep);
      biases.push_back(bias.data() + r * lanes * 4);
      outputs.push_back(output.data() + r * kRowOutput);
      residuals.push_back(residual.data() + r * kRowOutput);
    }
  }

  Block block(bool with_residual, int blocks) const {
    return {.input = inputs.data(),
            .taps = taps,
            .tap_count = kTaps,
            .groups = groups,
            .weights = weights.data(),
            .bias = biases.data(),
            .multipliers = multipliers.data(),
            .epilogue = &epilogue,
            .output = outputs.data(),
            .residual = with_residual ? residuals.data() : nullptr,
            .output_block_step = 16 * bytes_of(epilogue.output),
            .residual_block_step = 16 * bytes_of(epilogue.output),
            .blocks = blocks,
            .ahead = kTapStep};
  }

  template <class T>
  static T read(const std::byte* p) {
    T value;
    std::memcpy(&value, p, sizeof value);
    return value;
  }

  /// Calls visit(input, weight) for every product of a sum, as integers or floats.
  template <class Visit>
  void each_product(int row, int lane, Visit&& visit) const {
    for (int t = 0; t < kTaps; ++t)
      for (int g = 0; g < groups; ++g) {
        const std::byte* x = input.data() + row * kRowStep + taps[t] + g * 4;
        const std::byte* w = weights.data() + ((t * groups + g) * lanes + lane) * 4;
        if (element == Element::kU8) {
          for (int i = 0; i < 4; ++i) visit(read<std::uint8_t>(x + i), read<std::int8_t>(w + i));
        } else if (element == Element::kS16) {
          for (int i = 0; i < 4; i += 2) visit(read<std::int16_t>(x + i), read<std::int16_t>(w + i));
        } else {
          for (int i = 0; i < 4; i += 2)
            visit(from_bfloat16(read<std::uint16_t>(x + i)), from_bfloat16(read<std::uint16_t>(w + i)));
        }
      }
  }
  const std::byte* bias_at(int row, int lane) const { return bias.data() + (row * lanes + lane) * 4; }
  static std::size_t place(int row, int lane, Output type) {
    const int byte = row * kRowOutput + lane * bytes_of(type);
    return static_cast<std::size_t>(byte);
  }

  /// An integer output, or the bits of a real one.
  std::int32_t expected_integer(int row, int lane, bool with_residual) const {
    std::int64_t sum = read<std::int32_t>(bias_at(row, lane));
    each_product(row, lane,
                 [&](auto x, auto w) { sum += static_cast<std::int64_t>(x) * static_cast<std::int64_t>(w); });
    if (epilogue.output == Output::kSums) return static_cast<std::int32_t>(sum);
    const float multiplier = multipliers[static_cast<std::size_t>(lane)];
    const std::byte* r = residual.data() + place(row, lane, epilogue.output);
    const auto acc = static_cast<float>(sum);
    if (epilogue.output == Output::kF32) {
      const float t = std::fmaf(acc, multiplier, with_residual ? read<float>(r) : 0.0f);
      const float bent = std::max(t, 0.0f) + epilogue.slope * std::min(t, 0.0f);
      const float y = epilogue.rectified ? std::min(bent, epilogue.high) : t;
      return std::bit_cast<std::int32_t>(y);
    }
    float addend = epilogue.addend;
    if (with_residual) {
      const auto q = element == Element::kU8 ? static_cast<float>(read<std::uint8_t>(r))
                                             : static_cast<float>(read<std::int16_t>(r));
      addend = std::fmaf(q, epilogue.residual_scale, epilogue.residual_offset);
    }
    float t = std::fmaf(acc, multiplier, addend);
    if (epilogue.leaky) t = integer::leaky(t, epilogue.zero, epilogue.slope);
    return integer::to_integer(t, {epilogue.low, epilogue.high});
  }
  std::int32_t written(int row, int lane) const {
    const std::byte* p = output.data() + place(row, lane, epilogue.output);
    if (epilogue.output == Output::kU8) return read<std::uint8_t>(p);
    if (epilogue.output == Output::kS16) return read<std::int16_t>(p);
    if (epilogue.output == Output::kBf16) return read<std::uint16_t>(p);
    return read<std::int32_t>(p);
  }

  /// Of BF16: the exact value, and how far from it the contract allows an output to be.
  std::pair<double, double> expected_real(int row, int lane, bool with_residual) const {
    const auto bias_value = static_cast<double>(read<float>(bias_at(row, lane)));
    double sum = bias_value, size = std::abs(bias_value);
    int products = 0;
    each_product(row, lane, [&](auto x, auto w) {
      const double product = static_cast<double>(x) * static_cast<double>(w);
      sum += product, size += std::abs(product), ++products;
    });
    if (with_residual) {
      const std::byte* r = residual.data() + place(row, lane, epilogue.output);
      const auto value = static_cast<double>(
          epilogue.output == Output::kF32 ? read<float>(r) : from_bfloat16(read<std::uint16_t>(r)));
      sum += value, size += std::abs(value);
    }
    if (epilogue.rectified) {
      sum = std::max(sum, 0.0) + static_cast<double>(epilogue.slope) * std::min(sum, 0.0);
      sum = std::min(sum, static_cast<double>(epilogue.high));
    }
    double bound = (products + 2) * std::ldexp(size, -23);
    if (epilogue.output == Output::kBf16) bound += std::ldexp(std::abs(sum) + bound, -8);
    return {sum, bound};
  }
  double written_real(int row, int lane) const {
    const std::int32_t bits = written(row, lane);
    return static_cast<double>(epilogue.output == Output::kBf16
                                   ? from_bfloat16(static_cast<std::uint16_t>(bits))
                                   : std::bit_cast<float>(bits));
  }

  /// True if nothing but the first `blocks` blocks of every row was written.
  bool rest_untouched(int blocks) const {
    std::vector<bool> ours(output.size());
    for (int r = 0; r < rows; ++r)
      for (int lane = 0; lane < blocks * 16; ++lane)
        for (int i = 0; i < bytes_of(epilogue.output); ++i)
          ours[place(r, lane, epilogue.output) + static_cast<std::size_t>(i)] = true;
    for (std::size_t i = 0; i < output.size(); ++i)
      if (!ours[i] && output.data()[i] != kPoison) return false;
    return true;
  }

  Element element;
  int rows, lanes, groups;
  Epilogue epilogue = {};
  std::vector<const std::byte*> inputs, biases, residuals;
  std::vector<std::byte*> outputs;
  std::vector<float> multipliers;
  std::int64_t taps[kTaps] = {kTapStep, 0, 2 * kTapStep};
  base::AlignedBuffer input{kInputBytes}, weights{kTaps * 16 * 256}, bias{kMaxRows * 256};
  base::AlignedBuffer output{kMaxRows * kRowOutput}, residual{kMaxRows * kRowOutput};
};

Epilogue integer_epilogue(Output output, bool leaky) {
  const bool bytes = output == Output::kU8;
  Epilogue e{};
  e.output = output;
  e.low = bytes ? 0.0f : -1000.0f;
  e.high = bytes ? 255.0f : 1000.0f;
  e.zero = e.addend = bytes ? 101.0f : 0.0f;
  e.residual_scale = 0.37f;
  e.residual_offset = bytes ? 30.0f : 0.0f;
  e.leaky = leaky;
  e.slope = 0.3f;
  return e;
}
Epilogue real_epilogue(Output output, bool rectified, float slope,
                       float limit = std::numeric_limits<float>::infinity()) {
  Epilogue e{};
  e.output = output;
  e.rectified = rectified;
  e.slope = slope;
  e.high = limit;
  return e;
}

class MicroKernel : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    if (!test::machine_has(GetParam().isa)) GTEST_SKIP() << "this CPU lacks " << to_string(GetParam().isa);
  }

  std::vector<Epilogue> epilogues() const {
    const Output narrow = GetParam().element == Element::kU8    ? Output::kU8
                          : GetParam().element == Element::kS16 ? Output::kS16
                                                                : Output::kBf16;
    std::vector<Epilogue> all = {
        real_epilogue(Output::kF32, false, 0),         real_epilogue(Output::kF32, true, 0),
        real_epilogue(Output::kF32, true, 0.1f),       real_epilogue(Output::kF32, true, 0, 0.5f),
        real_epilogue(Output::kF32, true, 0.1f, 0.5f), real_epilogue(Output::kSums, false, 0)};
    if (narrow == Output::kBf16) {
      for (float slope : {0.0f, 0.1f}) all.push_back(real_epilogue(narrow, slope > 0, slope));
      all.push_back(real_epilogue(narrow, true, 0));
      all.push_back(real_epilogue(narrow, true, 0, 0.5f));
    } else {
      for (bool leaky : {false, true}) all.push_back(integer_epilogue(narrow, leaky));
      all.push_back(integer_epilogue(narrow, false));
      all.back().high = 150;
      all.push_back(integer_epilogue(narrow, false));
      all.back().bounded = narrow == Output::kU8;
    }
    return all;
  }

  void expect_right(const Problem& p, bool with_residual, int blocks) const {
    for (int r = 0; r < p.rows; ++r)
      for (int lane = 0; lane < blocks * 16; ++lane) {
        if (p.element == Element::kBf16) {
          const auto [value, bound] = p.expected_real(r, lane, with_residual);
          ASSERT_NEAR(p.written_real(r, lane), value, bound) << "row " << r << " lane " << lane;
        } else {
          ASSERT_EQ(p.written(r, lane), p.expected_integer(r, lane, with_residual))
              << "row " << r << " lane " << lane;
        }
      }
    ASSERT_TRUE(p.rest_untouched(blocks));
  }

  /// Calls visit(function, rows, lanes) for every function of the table.
  template <class Visit>
  void for_each_function(Visit&& visit) const {
    const MicroKernels& kernels = *GetParam().kernels;
    for (int blocks = 1; blocks <= 4; ++blocks)
      for (int rows = 1; rows <= kMaxRows; ++rows)
        if (const auto function = kernels.block[blocks - 1][rows - 1]) visit(function, rows, blocks * 16);
  }
};

INSTANTIATE_TEST_SUITE_P(Isas, MicroKernel, testing::ValuesIn(named_kernels()),
                         [](const auto& p) { return std::string(p.param.name); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MicroKernel);

TEST_P(MicroKernel, IsRightForAllShapesAndOutputs) {
  const std::uint32_t seed = std::random_device{}();
  std::mt19937 engine(seed);
  for_each_function([&](auto* function, int rows, int lanes) {
    for (const Epilogue& epilogue : epilogues())
      for (const bool residual : {false, true}) {
        if (HasFatalFailure() || (residual && epilogue.output == Output::kSums)) return;
        const int groups = std::uniform_int_distribution<int>(1, 9)(engine);
        SCOPED_TRACE(testing::Message() << rows << " rows, " << lanes << " lanes, " << groups
                                        << " groups, output " << static_cast<int>(epilogue.output)
                                        << (residual ? ", residual" : "") << ", seed " << seed);
        Problem p(GetParam(), rows, lanes, groups, engine);
        p.epilogue = epilogue;
        function(p.block(residual, lanes / 16));
        expect_right(p, residual, lanes / 16);
      }
  });
}

TEST_P(MicroKernel, WritesNoMoreBlocksThanAsked) {
  std::mt19937 engine(5);
  for_each_function([&](auto* function, int rows, int lanes) {
    if (HasFatalFailure() || lanes == 16) return;
    Problem p(GetParam(), rows, lanes, 2, engine);
    p.epilogue = real_epilogue(Output::kF32, false, 0);
    function(p.block(false, lanes / 16 - 1));
    expect_right(p, false, lanes / 16 - 1);
  });
}

TEST_P(MicroKernel, GoesOnFromItsSumsWithTheSameBits) {
  std::mt19937 engine(6);
  for_each_function([&](auto* function, int rows, int lanes) {
    Problem p(GetParam(), rows, lanes, 4, engine);
    p.epilogue = real_epilogue(Output::kSums, false, 0);
    function(p.block(false, lanes / 16));
    const std::vector<std::byte> whole(p.output.data(), p.output.data() + p.output.size());

    Block block = p.block(false, lanes / 16);
    block.tap_count = 1;
    function(block);
    const std::vector<const std::byte*> sums(p.outputs.begin(), p.outputs.end());
    block.bias = sums.data();
    block.taps = p.taps + 1;
    block.tap_count = kTaps - 1;
    block.weights += 4 * lanes * 4;
    function(block);
    EXPECT_TRUE(std::equal(whole.begin(), whole.end(), p.output.data())) << rows << " rows " << lanes;
  });
}

TEST(Bf16MicroKernels, EmulationsGiveTheSameBits) {
#ifdef OCTET_X86
  if (!test::machine_has(Isa::kAvx512)) GTEST_SKIP() << "this CPU lacks AVX-512";
  const Named named = {"", Isa::kAvx512, Element::kBf16, &kAvx512Bf16.fast};
  for (const Epilogue& epilogue :
       {real_epilogue(Output::kBf16, false, 0), real_epilogue(Output::kSums, false, 0)}) {
    std::mt19937 engine(7), same(7);
    Problem a(named, 4, 16, 9, engine), b(named, 4, 16, 9, same);
    a.epilogue = b.epilogue = epilogue;
    kAvx2Bf16.fast.block[0][3](a.block(false, 1));
    kAvx512Bf16.fast.block[0][3](b.block(false, 1));
    EXPECT_TRUE(std::equal(a.output.data(), a.output.data() + a.output.size(), b.output.data()));
  }
#else
  GTEST_SKIP() << "not an x86 CPU";
#endif
}

TEST(Bf16MicroKernels, RoundAsThePortableCodeDoes) {
  for (const Named& named : named_kernels()) {
    if (named.element != Element::kBf16 || !test::machine_has(named.isa)) continue;
    std::mt19937 engine(8);
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const float values[] = {1.0f,          1.00390625f,     1.01171875f, -1.00390625f, 1.0039063f,
                            3.3895314e38f, 3.4e38f,         -3.4e38f,    kInfinity,    -kInfinity,
                            std::nanf(""), -std::nanf("1"), 0.0f,        -0.0f};
    for (const float value : values) {
      Problem p(named, 1, 16, 1, engine);
      std::fill_n(p.weights.data(), p.weights.size(), std::byte{0});
      std::fill_n(p.bias.floats(), 16, value);
      p.epilogue = real_epilogue(Output::kBf16, false, 0);
      named.kernels->block[0][0](p.block(false, 1));
      const auto got = static_cast<std::uint16_t>(p.written(0, 0)), expected = to_bfloat16(value);
      if (value == 0) {
        EXPECT_EQ(got & 0x7fff, 0) << named.name;  // +0 and -0 may add to either
      } else if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(from_bfloat16(got))) << named.name;
      } else {
        EXPECT_EQ(got, expected) << named.name << " " << value;
      }
    }
  }
}

}  // namespace
}  // namespace octet::kernels::conv_dot
