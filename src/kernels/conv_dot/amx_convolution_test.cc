// Convolution and fully connected layers by tiles give the reference's very bytes, over the portable model of
// the instructions. amx_object_code_test.cc has the object code itself.
#include "kernels/conv_dot/amx_convolution.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels/conv_dot/amx_geometry.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/test_amx_convolution.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace {

using conv_dot::bf16;
using conv_dot::Calling;
using conv_dot::Case;
using conv_dot::model_bf16;
using conv_dot::model_u8;
using conv_dot::square;
using conv_dot::Values;
using conv_dot::Way;

/// On the model.
void check(const Case& c, const Calling& call = {}) {
  conv_dot::expect_same_bytes(c, call, model_u8, "model");
}

const std::vector<Way> kAllWays = {
    {.workers = 1}, {.workers = 2}, {.workers = 3, .gap = 48}, {.workers = 2, .images_per_call = 1}};

void check_all_ways(const Case& c, int images, Values values = Values::kRandom) {
  for (const Way& way : kAllWays) check(c, {images, way, values});
}

TEST(AmxConvolution, PointwiseReadsInPlaceFromOneRowToManyBlocks) {
  for (std::int64_t pixels : {1, 2, 15, 16, 17, 31, 32, 33, 47, 49, 65, 100})
    check({32, 1, pixels, 48, square(1)}, {1, {.workers = 1}});
  for (std::int64_t size : {1, 3, 7}) check_all_ways({80, size, size, 96, square(1)}, 5);
}

TEST(AmxConvolution, PointwiseOfPartsReadsImageByImage) {
  Case c{40, 5, 7, 72, square(1)};
  c.input_part = 16, c.output_part = 48, c.residual_part = 32, c.residual = true;
  check_all_ways(c, 3);
}

TEST(AmxConvolution, AllChannelTailsOfTheInput) {
  for (std::int64_t channels = 1; channels <= 140; channels += channels < 70 ? 1 : 7) {
    check({channels, 3, 4, 20, square(3, 1, 1)});
    check({channels, 3, 4, 20, square(1)});
  }
}

TEST(AmxConvolution, AllChannelTailsOfTheOutput) {
  for (std::int64_t channels = 1; channels <= 100; ++channels) {
    Case c{20, 3, 5, channels, square(1)};
    c.zero_out = 7;
    check(c);
  }
}

TEST(AmxConvolution, AllWidthsShareHaloBetweenRows) {
  for (std::int64_t width = 1; width <= 36; ++width) {
    Case c{12, 3, width, 32, square(3, 1, 1)};
    c.zero_in = 50;
    check(c);
  }
}

TEST(AmxConvolution, ExtremeValues) {
  for (Values values : {Values::kZeros, Values::kLargest, Values::kTies})
    for (std::int64_t channels : {3, 130})
      for (std::int32_t zero : {0, 128, 255}) {
        Case c{channels, 6, 7, 80, square(3, 1, 1)};
        c.zero_in = c.zero_out = zero;
        check(c, {2, {.workers = 2}, values});
        c.residual = true;
        c.zero_residual = 255 - zero;
        check(c, {2, {.workers = 2}, values});
      }
}

TEST(AmxConvolution, KernelsStridesDilationsAndPads) {
  for (std::int64_t channels : {3, 24})
    for (std::int64_t kernel : {1, 2, 3, 5, 7})
      for (std::int64_t stride : {1, 2, 3, 7})
        for (std::int64_t dilation : {1, 2, 3}) {
          Case c{channels, 15, 18, 32, square(kernel, stride, (kernel - 1) * dilation / 2, dilation)};
          c.zero_in = 33;
          check(c, {2, {.workers = 2}});
        }
}

TEST(AmxConvolution, OneDimensionalKernels) {
  check_all_ways({32, 9, 23, 48, {1, 7, 1, 1, 0, 3, 0, 3}}, 2);
  check_all_ways({32, 9, 23, 48, {7, 1, 1, 1, 3, 0, 3, 0}}, 2);
  check_all_ways({16, 1, 300, 16, {1, 9, 1, 2, 0, 4, 0, 4}}, 1);
}

TEST(AmxConvolution, KernelLargerThanTheInputAndOutputsOfHaloOnly) {
  Case c{20, 2, 3, 24, {7, 9, 1, 1, 4, 5, 3, 4}};
  c.zero_in = 200;
  check_all_ways(c, 2);
  c.window = square(1, 1, 3);
  check_all_ways(c, 2);
}

TEST(AmxConvolution, AsymmetricPads) {
  Case c{16, 8, 9, 32, {3, 3, 1, 1, 2, 0, 1, 3}};
  c.zero_in = 9;
  check_all_ways(c, 3);
  c.window = {3, 3, 2, 2, 0, 2, 3, 0};
  check_all_ways(c, 3);
}

TEST(AmxConvolution, PicturesOfThreeAndFourBytesAPixel) {
  for (std::int64_t channels = 1; channels <= 4; ++channels)
    for (std::int64_t step = std::max<std::int64_t>(channels, 3); step <= 4; ++step)
      for (const WindowDesc& w :
           {square(11, 4), square(7, 2, 3), square(3, 1, 1), square(3, 2), square(1), square(5, 3, 2, 2)}) {
        Case c{channels, 21, 25, 24, w};
        c.picture = step;
        c.slope = 0;
        c.halo_by_channel = true;
        check(c, {2, {.workers = 2}});
      }
}

TEST(AmxConvolution, MeanImagesMakeTheBiasAMap) {
  for (std::int64_t pad : {0, 3})
    for (bool halo : {false, true}) {
      Case c{3, 23, 20, 72, square(7, 2, pad)};
      c.picture = 4;
      c.bias_map = true;
      c.halo_by_channel = halo;
      check_all_ways(c, 2);
    }
  Case pointwise{32, 5, 5, 40, square(1)};
  pointwise.bias_map = true;
  check_all_ways(pointwise, 3);
}

TEST(AmxConvolution, Groups) {
  check_all_ways({96, 7, 7, 64, square(5, 1, 2), 2}, 1);
  check_all_ways({64, 9, 9, 48 * 4, square(3, 2, 1), 4}, 2);
  check_all_ways({36, 9, 9, 48, square(3, 1, 1), 3}, 2);
  check_all_ways({24, 5, 5, 160, square(1), 2}, 2);
  check_all_ways({24, 4, 4, 96, square(4), 2}, 2);
}

TEST(AmxConvolution, ResidualsOfAnotherScaleAlsoInPlace) {
  for (std::int32_t zero : {0, 128})
    for (std::optional<float> slope :
         {std::optional<float>(), std::optional<float>(0), std::optional<float>(0.1f)}) {
      Case c{64, 7, 7, 80, square(1)};
      c.residual = true;
      c.zero_out = zero, c.zero_residual = 128 - zero, c.slope = slope;
      check(c, {3, {.workers = 2, .in_place = true}});
      c.window = square(3, 1, 1);
      check(c, {1, {.workers = 2, .in_place = true}});
      check(c, {2, {.workers = 1, .gap = 16, .in_place = true}});
    }
}

TEST(AmxConvolution, LeakyReluAroundAnyZeroPoint) {
  for (std::int32_t zero : {0, 1, 100, 255}) {
    Case c{20, 6, 6, 40, square(3, 1, 1)};
    c.slope = 0.1f, c.zero_out = zero;
    check(c, {2});
  }
}

TEST(AmxConvolution, RealOutputs) {
  for (bool residual : {false, true})
    for (std::optional<float> slope :
         {std::optional<float>(), std::optional<float>(0), std::optional<float>(0.1f)})
      for (std::int64_t out : {1, 10, 100}) {
        Case c{40, 6, 5, out, square(3, 1, 1)};
        c.output = DataType::kFloat32;
        c.residual = residual, c.slope = slope, c.zero_in = 3;
        check(c, {3, {.workers = 3, .in_place = residual}});
      }
}

TEST(AmxConvolution, WeightsOfSeveralChunksAndInputOfSeveralBands) {
  check({1024, 3, 13, 1100, square(1)}, {1, {.workers = 2}});      // 1.1 MiB of weights
  check({1200, 1, 430, 16, square(1)}, {1, {.workers = 1}});       // half a MiB in place
  check({512, 36, 36, 16, square(3, 1, 1)}, {1, {.workers = 1}});  // and copied
}

/// Memory that ends at a page which may not be touched.
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    bytes_ = base::round_up(bytes, page) + page;
    start_ = static_cast<std::byte*>(
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    end_ = start_ + bytes_ - page;
    mprotect(end_, page, PROT_NONE);
  }
  ~GuardedMemory() { munmap(start_, bytes_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;
  std::byte* end() const { return end_; }

 private:
  std::size_t bytes_;
  std::byte *start_, *end_;
};

// kernel.h: 64 bytes behind a map inside the engine may be read, none behind a caller's picture.
TEST(AmxConvolution, ReadsNothingBehindItsInputAndScratch) {
  for (std::int64_t pixels : {1, 7, 20, 33, 40, 49, 63})
    for (const Case& c :
         {Case{20, 1, pixels, 16, square(1)}, Case{80, 1, pixels, 16, square(1)},
          Case{3, 1, pixels, 16, square(1), 1}, Case{3, 1, pixels, 16, {1, 3, 1, 2, 0, 1, 0, 1}},
          Case{24, 1, pixels, 16, {1, 3, 1, 1, 0, 1, 0, 1}}, Case{24, 1, pixels, 16, {1, pixels}}}) {
      Case guarded = c;
      if (c.in == 3) guarded.picture = 3;
      const ConvDesc desc = guarded.desc();
      SCOPED_TRACE(conv_dot::describe(desc));
      conv_dot::Problem problem(desc, 2, 1);
      const auto kernel = model_u8(desc);
      base::AlignedBuffer packed(kernel->packed_bytes());
      kernel->pack_integer(problem.integer_weights(), {packed.data(), packed.size()});
      const auto input_bytes = static_cast<std::size_t>(2 * desc.input.bytes());
      const std::size_t behind = guarded.picture > 0 ? 0 : 64;
      const GuardedMemory input(input_bytes + behind), scratch(kernel->scratch_bytes(2));
      std::byte* const from = input.end() - behind - input_bytes;
      std::memcpy(from, problem.input.operand().data, input_bytes);
      test::NhwcTensor output(desc.output, 2);
      Call call;
      call.images = 2;
      const Operand inputs[] = {{from, desc.input.elements()}};
      call.inputs = inputs;
      call.output = output.operand();
      call.weights = packed.data();
      call.scratch = scratch.end() - kernel->scratch_bytes(2);
      kernel->run(call);
      ASSERT_EQ(conv_dot::first_difference(output.memory(),
                                           conv_dot::compute(conv_i8_direct_generic, problem, {}).memory()),
                "");
    }
}

TEST(AmxConvolution, RandomShapes) { conv_dot::check_random_cases(300, model_u8, "model"); }

// Fully connected layers: a convolution whose window is the whole map has the same weights and outputs.

TEST(AmxConvolution, WindowsOfTheWholeMapReadInPlace) {
  for (int images : {1, 15, 16, 17, 31, 32, 33, 70})
    for (int workers : {2, 9}) check({40, 3, 3, 48, square(3)}, {images, {.workers = workers}});
  for (std::int64_t part : {0, 16}) {
    Case c{20, 2, 4, 100, {2, 4}};
    c.input_part = part, c.zero_in = 5, c.output = DataType::kFloat32;
    check_all_ways(c, 35);
  }
}

TEST(AmxConvolution, RefusesGroupsOfPartialBlocks) {
  const auto cost = [](const Case& c) { return conv_dot::amx_cost(c.desc(), 1); };
  EXPECT_GT(cost({3, 8, 8, 20, square(3)}), 0);
  EXPECT_LT(cost({18, 9, 9, 48, square(3), 3}), 0) << "six channels of a group";
  EXPECT_LT(cost({36, 9, 9, 24, square(3), 3}), 0) << "eight outputs of a group";
}

TEST(AmxConvolution, RowsOfNeighboursShareTheirHalo) {
  const auto pitch = [](const Case& c) { return conv_dot::AmxGeometry(c.desc()).row_pitch(); };
  EXPECT_EQ(pitch({64, 7, 7, 64, square(3, 1, 1)}), 8);
  EXPECT_EQ(pitch({64, 14, 14, 64, square(5, 1, 2)}), 16);
  EXPECT_EQ(pitch({64, 14, 14, 64, square(3, 1, 0)}), 14) << "no halo: 12 outputs of 14 columns";
  EXPECT_EQ(pitch({64, 14, 14, 64, square(3, 2, 1)}), 8);
}

// Winograd takes 2.25 to 4 times fewer products than VNNI's direct way, tiles do 8 times as many at once.
TEST(AmxConvolution, Costs3x3LayersLessThanAnyWinogradOnVectors) {
  for (const auto& [channels, size] :
       {std::pair(64, 224), {128, 112}, {256, 56}, {512, 28}, {64, 56}, {128, 28}, {256, 14}, {512, 7}})
    for (int images : {1, 8}) {
      const ConvDesc desc = Case{channels, size, size, channels, square(3, 1, 1)}.desc();
      const double winograd = conv_dot::microseconds(conv_dot::macs(desc), 1.8 * conv_dot::kAvx512VnniGops);
      EXPECT_LT(conv_dot::amx_cost(desc, images), winograd)
          << channels << " channels, " << images << " images";
    }
}

// Measured on one thread, its data in the second-level cache; a cycle is what 1024 multiply-adds take at the
// peak of tiles that was measured beside it.
TEST(AmxConvolution, CostsNearlyWhatWasMeasured) {
  struct Measured {
    Case c;
    bool residual;
    double cycles_of_16_outputs;
  };
  Case stem{3, 224, 224, 64, square(7, 2, 3)};
  stem.picture = 4;
  const Measured layers[] = {{stem, false, 9.8},
                             {{64, 56, 56, 64, square(3, 1, 1)}, false, 15.2},
                             {{64, 56, 56, 256, square(1)}, false, 5.0},
                             {{64, 56, 56, 256, square(1)}, true, 7.6},
                             {{256, 56, 56, 64, square(1)}, false, 9.0},
                             {{256, 56, 56, 512, square(1, 2)}, false, 8.3},
                             {{128, 28, 28, 128, square(3, 1, 1)}, false, 25.1},
                             {{128, 28, 28, 512, square(1)}, true, 7.0},
                             {{256, 14, 14, 1024, square(1)}, true, 9.1},
                             {{1024, 14, 14, 2048, square(1, 2)}, false, 32.9},
                             {{512, 7, 7, 2048, square(1)}, true, 13.9}};
  for (Measured layer : layers) {
    layer.c.residual = layer.residual;
    const ConvDesc desc = layer.c.desc();
    const double sixteens = static_cast<double>(desc.output.pixels() * desc.output.blocks());
    const double measured = layer.cycles_of_16_outputs * sixteens, model = conv_dot::amx_cycles(desc, 4);
    EXPECT_LT(model, 1.05 * measured) << conv_dot::describe(desc);
    EXPECT_GT(model, 0.75 * measured) << conv_dot::describe(desc);
  }
}

#ifdef OCTET_X86

TEST(AmxConvolution, IsChosenBeforeVectorInstructionsWhereItIsFaster) {
  const auto chosen = [](const Case& c, int images) {
    return conv_i8_tiles_amx_cost(c.desc(), images) < conv_i8_direct_avx512vnni_cost(c.desc(), images);
  };
  EXPECT_TRUE(chosen({256, 14, 14, 256, square(3, 1, 1)}, 1));
  EXPECT_TRUE(chosen({64, 56, 56, 64, square(1)}, 1));
  EXPECT_TRUE(chosen({512, 7, 7, 2048, square(1)}, 16));
  Case stem{3, 224, 224, 64, square(7, 2, 3)};
  stem.picture = 4;
  EXPECT_TRUE(chosen(stem, 1));
  EXPECT_TRUE(chosen({9216, 1, 1, 4096, square(1)}, 128));
  EXPECT_FALSE(chosen({9216, 1, 1, 4096, square(1)}, 1)) << "one row";
  EXPECT_LT(conv_i8_tiles_amx_cost(OpDesc(PoolDesc{}), 1), 0);
  EXPECT_LT(conv_i8_tiles_amx_cost(bf16({16, 8, 8, 16, square(1)}).desc(), 1), 0) << "another type";
}

#endif

// BF16.

TEST(AmxBf16, IsCloseToTheReference) { conv_dot::check_bf16(model_bf16, "model"); }

TEST(AmxBf16, NotANumberBehindTheMapDoesNoHarm) {
  // 16 channels are 32 bytes of a step of 64; behind the map lie NaN.
  const Case c = bf16({16, 3, 3, 16, square(1)});
  conv_dot::Problem problem(c.desc(), 1, 1);
  std::memset(problem.input.operand().data + c.desc().input.bytes(), 0xff, 64);
  conv_dot::Outcome got = conv_dot::compute(model_bf16, problem, {});
  for (float x : conv_dot::outputs(got)) ASSERT_FALSE(std::isnan(x));
}

}  // namespace
}  // namespace octet::kernels
