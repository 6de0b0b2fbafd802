// The object code of the tile kernels, on a CPU with tiles or under emulation on one with the AVX-512 that
// stands around them: the reference's bytes whatever a layer's outputs are made of, and the model's very
// instructions.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "cpu/peak_loops.h"
#include "kernels/conv_dot/test_amx_convolution.h"
#include "kernels/conv_dot/test_amx_emulator.h"

namespace octet::kernels {
namespace {

using conv_dot::Case;
using conv_dot::Problem;
using conv_dot::square;
using conv_dot::Trace;
using conv_dot::Values;

class AmxObjectCode : public testing::Test {
 protected:
  void SetUp() override {
    if (executor_.empty()) GTEST_SKIP() << "neither AMX on this machine nor AVX-512 with BF16 to emulate it";
  }
  void expect_same_bytes(const Case& c, const conv_dot::Calling& call = {}) {
    conv_dot::expect_same_bytes(c, call, conv_i8_tiles_amx, executor_.c_str());
  }
  void expect_same_bytes(Problem& problem) {
    conv_dot::expect_same_bytes(problem, {}, conv_i8_tiles_amx, executor_.c_str());
  }

  const std::string executor_ = conv_dot::tile_instructions();
};

TEST_F(AmxObjectCode, IsExecutedByWhatItSays) {
  const long before = conv_dot::emulated_instructions();
  expect_same_bytes({64, 7, 7, 96, square(3, 1, 1)}, {2});
  EXPECT_EQ(conv_dot::emulated_instructions() > before, executor_ == "emulation");
}

TEST_F(AmxObjectCode, RandomShapes) {
  conv_dot::check_random_cases(executor_ == "hardware" ? 2000 : 100, conv_i8_tiles_amx, executor_.c_str());
}

// One channel is enough to change the way of a panel. 7 x 7 pixels are odd blocks, 3 x 3 ones have gaps; 48
// channels are a panel of two blocks and one of one.
TEST_F(AmxObjectCode, SumsOfAnySize) {
  for (const WindowDesc& window : {square(1), square(3, 1, 1)})
    for (bool residual : {false, true})
      for (std::int32_t bias : {0, 1 << 21, -(1 << 21), 1 << 24, -(1 << 30), 1 << 30}) {
        Case c{64, 7, 7, 48, window};
        c.residual = residual, c.zero_out = 3, c.slope = bias > 0 ? std::optional<float>(0) : std::nullopt;
        Problem problem(c.desc(), 1, 1);
        problem.bias[5] = problem.bias[40] = bias;
        expect_same_bytes(problem);
      }
}

// 1.5 * 2^23 and its neighbours: sums of -2^22 to 2^22 - 1, and more. All weights of a channel have one sign
// and all inputs are 255, so that the extreme is met.
TEST_F(AmxObjectCode, SumsAtTheEndsOfTheWindow) {
  for (int beyond : {0, 1, 1 << 21})
    for (int sign : {1, -1}) {
      Problem problem(Case{64, 1, 3, 16, square(1)}.desc(), 1, 1, Values::kLargest);
      std::fill(problem.weights.begin(), problem.weights.end(), static_cast<std::int8_t>(100 * sign));
      const std::int32_t end = sign > 0 ? (1 << 22) - 1 + beyond : -(1 << 22) - beyond;
      std::fill(problem.bias.begin(), problem.bias.end(), end - sign * 255 * 100 * 64);
      std::fill(problem.multipliers.begin(), problem.multipliers.end(), 200.0f / static_cast<float>(end));
      expect_same_bytes(problem);
    }
}

TEST_F(AmxObjectCode, OutputsFarBeyondTheIntegers) {
  for (bool residual : {false, true})
    for (std::int64_t out : {16, 48}) {
      Case c{64, 5, 5, out, square(1)};
      c.residual = residual;
      Problem problem(c.desc(), 1, 1);
      problem.multipliers[3] = 1e9f;
      problem.multipliers[7] = 0.7f;
      expect_same_bytes(problem);
    }
}

TEST_F(AmxObjectCode, ResidualsInPlaceBiasMapsLeakyRelusAndReals) {
  for (std::int64_t out : {16, 32, 48}) {
    Case c{64, 5, 7, out, square(1)};
    c.residual = true;
    expect_same_bytes(c, {2, {.workers = 2, .in_place = true}});
    c.bias_map = true;
    expect_same_bytes(c);
    c.residual = false;
    expect_same_bytes(c);
    c.slope = 0.1f;
    expect_same_bytes(c);
    c.output = DataType::kFloat32;
    expect_same_bytes(c, {2, {.gap = 16}});
  }
}

TEST_F(AmxObjectCode, NumbersOfBlocksAroundThoseThatWaitForEachOther) {
  for (std::int64_t pixels : {33, 96, 128, 129, 150, 160, 257, 300})
    expect_same_bytes({64, 1, pixels, 80, square(1)});
}

TEST_F(AmxObjectCode, ConcatenatedMaps) {
  Case c{128, 6, 6, 64, square(1)};
  c.input_part = 64, c.output_part = 32, c.residual_part = 16, c.residual = true;
  expect_same_bytes(c, {3, {.workers = 3, .gap = 48}});
  c.window = square(3, 2, 1);
  expect_same_bytes(c, {3, {.workers = 2}});
}

TEST_F(AmxObjectCode, Bf16) { conv_dot::check_bf16(conv_bf16_tiles_amx, executor_.c_str()); }

// ---- traces

class AmxObjectCodeTrace : public AmxObjectCode {
 protected:
  void SetUp() override {
    if (executor_ != "emulation") GTEST_SKIP() << "object code is traced by the emulator only";
  }
};

TEST_F(AmxObjectCodeTrace, IsThatOfTheModel) {
  for (const Case& c :
       {Case{64, 8, 8, 48, square(1)}, Case{64, 9, 20, 96, square(1)}, Case{256, 5, 13, 80, square(1)},
        Case{20, 1, 5, 16, square(1)}, Case{512, 4, 4, 512, square(1)}, Case{32, 7, 7, 64, square(3, 1, 1)},
        Case{24, 2, 2, 100, square(2)}})
    for (bool residual : {false, true}) {
      Case layer = c;
      layer.residual = residual;
      SCOPED_TRACE(conv_dot::describe(layer.desc()));
      Trace model = conv_dot::model_trace(layer, 3, {.workers = 2});
      std::erase_if(model, [](const std::string& event) { return event.starts_with("finish"); });
      EXPECT_EQ(
          conv_dot::traced(conv_dot::emulated_tiles(), conv_i8_tiles_amx, layer.desc(), 3, {.workers = 2}),
          model);
    }
}

TEST_F(AmxObjectCodeTrace, NoTilesAreLeftBehindNorThoseOfAnotherThreadTouched) {
  Trace here;
  conv_dot::emulated_tiles().trace_to(&here);
  bool configured = true;
  std::thread([&] {
    Problem problem(Case{64, 8, 8, 48, square(1)}.desc(), 1, 1);
    conv_dot::compute(conv_i8_tiles_amx, problem, {});
    configured = conv_dot::emulated_tiles().configured();
  }).join();
  conv_dot::emulated_tiles().trace_to(nullptr);
  EXPECT_FALSE(configured);
  EXPECT_TRUE(here.empty());
}

// What the kernels are measured by (cpu/x86_amx_peak_loops.cc).
TEST_F(AmxObjectCodeTrace, OfThePeakHasAProductForEachLoad) {
  Trace trace;
  conv_dot::emulated_tiles().trace_to(&trace);
  cpu::kAmxLoops.int8.run(10);
  conv_dot::emulated_tiles().trace_to(nullptr);
  const auto count = [&](const char* what) {
    return std::count_if(trace.begin(), trace.end(),
                         [&](const auto& event) { return event.starts_with(what); });
  };
  EXPECT_EQ(count("load"), count("dot"));
  EXPECT_EQ(2.0 * 16 * 16 * 64 * static_cast<double>(count("dot")), 10 * cpu::kAmxLoops.int8.operations);
  EXPECT_FALSE(conv_dot::emulated_tiles().configured());
}

}  // namespace
}  // namespace octet::kernels
