// What the plan promises about calls and memory, on small graphs and pretended machines.
#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "octet/error.h"
#include "plan/memory_planner.h"
#include "plan/schedule.h"
#include "tests/support/graph_builder.h"

namespace octet::plan {
namespace {

using graph::TensorId;
using test::GraphBuilder;
using test::square_window;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

PlanOptions generic(int batch = 1, int threads = 1) {
  PlanOptions options;
  options.max_batch = batch;
  options.threads = threads;
  options.isas = {Isa::kGeneric};
  options.cache_bytes = 1 << 20;
  return options;
}

int count(const Plan& plan, const std::string& op) {
  return static_cast<int>(
      std::count_if(plan.steps.begin(), plan.steps.end(), [&](const Step& s) { return s.op == op; }));
}

TensorId convolution(GraphBuilder& b, TensorId in, std::int64_t channels) {
  return b.convolution(in, {square_window(3, 1, 1), channels, 1, {}});
}

TEST(Plan, ConcatenationOfWholeBlocksCostsNoStep) {
  GraphBuilder b;
  const TensorId x = b.input({1, 3, 8, 8});
  const TensorId parts =
      b.node(graph::Concat{}, {convolution(b, x, 16), convolution(b, x, 32), convolution(b, x, 20)});
  const Plan plan = build_plan(b.finish({b.node(graph::Pooling{.global = true}, {parts})}), generic());
  EXPECT_EQ(count(plan, "Concat"), 0);
  EXPECT_EQ(count(plan, "Reformat"), 0);
  EXPECT_EQ(plan.steps.size(), 5u);  // three convolutions, the pool, the output
}

TEST(Plan, ConcatenationCopiesOnlyWhatBeginsInsideABlock) {
  GraphBuilder b;
  const TensorId x = b.input({1, 3, 8, 8});
  const TensorId parts =
      b.node(graph::Concat{}, {convolution(b, x, 16), convolution(b, x, 20), convolution(b, x, 32)});
  const Plan plan = build_plan(b.finish({b.node(graph::Pooling{.global = true}, {parts})}), generic());
  EXPECT_EQ(count(plan, "Concat"), 2);  // the 20 channels end inside a block that the 32 begin in
}

TEST(Plan, ASliceOfWholeBlocksCostsNoStepAndAnyOtherOne) {
  const auto slices = [](std::int64_t first, std::int64_t channels) {
    GraphBuilder b;
    const TensorId x = convolution(b, b.input({1, 3, 8, 8}), 50);
    return count(
        build_plan(b.finish({convolution(b, b.node(graph::Slice{first, channels}, {x}), 8)}), generic()),
        "Slice");
  };
  EXPECT_EQ(slices(16, 32), 0);
  EXPECT_EQ(slices(32, 18), 0) << "to the last channel";
  EXPECT_EQ(slices(16, 20), 1) << "ends inside a block";
  EXPECT_EQ(slices(8, 32), 1) << "begins inside a block";
}

TEST(Plan, ConcatenationsNest) {
  GraphBuilder b;
  const TensorId x = b.input({1, 3, 8, 8});
  const TensorId inner = b.node(graph::Concat{}, {convolution(b, x, 16), convolution(b, x, 16)});
  const TensorId outer = b.node(graph::Concat{}, {inner, convolution(b, inner, 16)});
  const Plan plan = build_plan(b.finish({b.node(graph::Pooling{.global = true}, {outer})}), generic());
  EXPECT_EQ(count(plan, "Concat"), 0);
}

TEST(Plan, FlatteningBeforeAFullyConnectedLayerCostsNoStep) {
  GraphBuilder b;
  const TensorId flat = b.node(graph::Flatten{}, {convolution(b, b.input({1, 3, 8, 8}), 20)});
  const Plan plan = build_plan(b.finish({b.inner_product(flat, 10)}), generic());
  EXPECT_EQ(plan.steps.size(), 3u);
}

TEST(Plan, ElementWiseStepsWriteInPlaceUnlessTheirInputIsNeededAgain) {
  GraphBuilder chain;
  const TensorId c = convolution(chain, chain.input({1, 3, 8, 8}), 16);
  const Plan in_place = build_plan(chain.finish({chain.relu(chain.relu(c, 0.1f), 0.2f)}), generic());
  std::set<int> buffers;
  for (const Step& step : in_place.steps) {
    if (step.output.kind == OperandRef::Kind::kBuffer) buffers.insert(step.output.index);
  }
  EXPECT_EQ(buffers.size(), 1u);

  GraphBuilder shared;
  const TensorId d = convolution(shared, shared.input({1, 3, 8, 8}), 16);
  const TensorId r = shared.relu(d, 0.1f);
  const Plan apart = build_plan(shared.finish({shared.sum({r, d})}), generic());
  EXPECT_NE(apart.steps[0].output.index, apart.steps[1].output.index);
}

TEST(Plan, BatchNormThatNoPassFoldedBecomesAScaleAndAShift) {
  GraphBuilder b;
  const TensorId in = b.input({1, 2, 5, 5});
  const std::vector<float> mean = {1, -3}, variance = {4, 0.25f};
  const auto norm =
      b.node(graph::BatchNorm{0}, {in}, {graph::Weights({2}, mean), graph::Weights({2}, variance)});
  const Plan plan = build_plan(b.finish({norm}), generic());
  const auto step =
      std::find_if(plan.steps.begin(), plan.steps.end(), [](const Step& s) { return s.op == "BatchNorm"; });
  ASSERT_NE(step, plan.steps.end());
  EXPECT_THAT(step->weights[0].values(), ElementsAre(0.5f, 2.0f));
  EXPECT_THAT(step->weights[1].values(), ElementsAre(-0.5f, 6.0f));
}

TEST(Plan, ABatchNormWhoseVarianceHasNoRootIsRefusedByLayerAndChannel) {
  for (const float bad : {-1.0f, -1e-5f, std::numeric_limits<float>::quiet_NaN()}) {
    GraphBuilder b;
    const TensorId in = b.input({1, 3, 5, 5});
    const std::vector<float> mean = {0, 0, 0}, variance = {1, bad, 1};
    const auto norm =
        b.node(graph::BatchNorm{1e-5f}, {in}, {graph::Weights({3}, mean), graph::Weights({3}, variance)});
    const graph::Graph graph = b.finish({norm});
    try {
      build_plan(graph, generic());
      FAIL() << "variance " << bad << " was taken";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidNetwork);
      EXPECT_THAT(e.what(), AllOf(HasSubstr("layer 'layer1'"), HasSubstr("channel 1 is not above 0")));
    }
  }
}

TEST(Plan, FullyConnectedLayersTakeTheWholeBatch) {
  GraphBuilder b;
  const TensorId c = convolution(b, b.input({1, 3, 8, 8}), 16);
  const auto graph = b.finish({b.inner_product(b.relu(b.inner_product(c, 32)), 10)});
  const Plan batch = build_plan(graph, generic(32, 2));
  ASSERT_EQ(batch.phases.size(), 2u);
  EXPECT_FALSE(batch.phases[0].shared);
  EXPECT_TRUE(batch.phases[1].shared);
  EXPECT_EQ(batch.phases[1].chunk, 32);
  EXPECT_EQ(build_plan(graph, generic(1, 2)).phases.size(), 1u);
}

TEST(Plan, MemoryGrowsWithTheGroupNotWithTheBatch) {
  GraphBuilder b;
  TensorId t = b.input({1, 3, 32, 32});
  for (int i = 0; i < 4; ++i) t = convolution(b, t, 32);
  const auto graph = b.finish({b.node(graph::Pooling{.global = true}, {t})});
  const Plan at_64 = build_plan(graph, generic(64, 2));
  const Plan at_1024 = build_plan(graph, generic(1024, 2));
  EXPECT_EQ(at_64.context_bytes(), at_1024.context_bytes());
}

/// The last step before groups grow, of a convolution, `shrink` and a convolution, with a cache for two
/// images of the large maps or eight of the small ones; nothing if they do not grow.
std::string last_of_small_groups(TensorId (*shrink)(GraphBuilder& b, TensorId large)) {
  GraphBuilder b;
  const TensorId large = convolution(b, b.input({1, 16, 64, 64}), 16);
  PlanOptions options = generic(8);
  options.cache_bytes = 1 << 19;
  const Plan plan = build_plan(b.finish({convolution(b, shrink(b, large), 16)}), options);

  EXPECT_EQ(plan.phases.size(), 1u);
  const std::vector<Segment>& segments = plan.phases[0].segments;
  if (segments.front().group >= segments.back().group) return "";
  return plan.steps[static_cast<std::size_t>(segments.front().last_step)].layer;
}

TEST(Plan, ALargeMapIsPooledWhileItIsInCache) {
  EXPECT_EQ(last_of_small_groups([](GraphBuilder& b, TensorId large) {
              return b.node(graph::Pooling{.window = square_window(4, 4)}, {large}, {}, "shrink");
            }),
            "shrink");
}

TEST(Plan, ALargeMapIsConvolvedDepthwiseWhileItIsInCache) {
  EXPECT_EQ(last_of_small_groups([](GraphBuilder& b, TensorId large) {
              return b.convolution(large, {square_window(4, 4), 16, 16, {}}, true, "shrink");
            }),
            "shrink");
  // Others have weights, which are better read for more images.
  EXPECT_NE(last_of_small_groups([](GraphBuilder& b, TensorId large) {
              return b.convolution(large, {square_window(4, 4), 16, 1, {}}, true, "shrink");
            }),
            "shrink");
}

TEST(Plan, BuffersThatLiveTogetherNeverOverlap) {
  for (const std::int64_t cache : {std::int64_t{1} << 12, std::int64_t{1} << 16, std::int64_t{1} << 30}) {
    GraphBuilder b;
    TensorId t = b.input({1, 3, 32, 32});
    for (int i = 0; i < 3; ++i) {
      const TensorId parts =
          b.node(graph::Concat{}, {convolution(b, t, 16), convolution(b, t, 24), convolution(b, t, 16)});
      t = b.node(graph::Pooling{.window = square_window(2, 2)}, {parts});
    }
    PlanOptions options = generic(16, 2);
    options.cache_bytes = cache;
    const Plan plan = build_plan(b.finish({b.inner_product(t, 10)}), options);
    for (const bool shared : {false, true}) {
      std::vector<Lifetime> lifetimes;
      Placement placement{{}, shared ? plan.shared_arena_bytes : plan.chunk_arena_bytes};
      for (const Buffer& buffer : plan.buffers) {
        if (buffer.shared != shared || buffer.images == 0) continue;
        lifetimes.push_back({buffer.bytes(), buffer.first_step, buffer.last_step});
        placement.offsets.push_back(buffer.offset);
      }
      EXPECT_TRUE(placement_is_valid(lifetimes, placement)) << "cache " << cache << " shared " << shared;
    }
  }
}

TEST(Plan, WhatCannotBeLoweredNamesTheLayer) {
  GraphBuilder b;
  const TensorId x = b.input({1, 16, 8, 8});
  const auto graph = b.finish({b.node(graph::Concat{.axis = 2}, {x, x}, {}, "sideways")});
  try {
    build_plan(graph, generic());
    FAIL() << "planned";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("sideways"), std::string::npos) << error.what();
  }
}

TEST(Selection, IsAPureFunctionOfWhatIsAsked) {
  kernels::ConvDesc desc;
  desc.input = desc.output = {64, 56, 56, kernels::Layout::kNchw16c};
  desc.window = {.kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  kernels::SelectionOptions options;
  EXPECT_EQ(kernels::select(desc, options).name(), "conv_f32/direct/generic");
#ifdef OCTET_X86
  options.isas = {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512};  // a pretended machine
  EXPECT_EQ(kernels::select(desc, options).name(), "conv_f32/winograd/avx512");
  options.winograd = false;
  EXPECT_EQ(kernels::select(desc, options).name(), "conv_f32/direct/avx512");
  options.isas = {Isa::kGeneric, Isa::kAvx2};
  EXPECT_EQ(kernels::select(desc, options).name(), "conv_f32/direct/avx2");
#endif
}

#ifdef OCTET_X86
// For a 3x3 convolution of this type on a machine with all instruction sets up to `best`.
std::string chosen(DataType type, std::int64_t channels, std::int64_t size, int images, Isa best,
                   bool winograd = true) {
  kernels::ConvDesc desc;
  desc.input = {
      .channels = channels, .height = size, .width = size, .layout = kernels::Layout::kNhwc, .type = type};
  desc.output = desc.input;
  desc.window = {.kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  kernels::SelectionOptions options;
  options.winograd = winograd;
  options.images = images;
  options.isas.clear();
  for (Isa isa : {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAvx512Bf16, Isa::kAmx})
    if (isa <= best) options.isas.push_back(isa);
  return kernels::select(desc, options).name();
}

TEST(Selection, TakesIntegerWinogradWhereItIsFaster) {
  EXPECT_EQ(chosen(DataType::kUInt8, 64, 56, 1, Isa::kAvx512Vnni), "conv_i8/winograd_f4/avx512vnni");
  EXPECT_EQ(chosen(DataType::kUInt8, 64, 56, 1, Isa::kAvx512Vnni, false), "conv_i8/direct/avx512vnni");
  EXPECT_EQ(chosen(DataType::kUInt8, 64, 56, 1, Isa::kAvx512), "conv_i8/winograd_f4/avx512");
  EXPECT_EQ(chosen(DataType::kUInt8, 64, 56, 1, Isa::kAvx2), "conv_i8/winograd_f4/avx2");
  // Few channels: the transforms outweigh what they save. Few pixels a call: so does reading U.
  EXPECT_EQ(chosen(DataType::kUInt8, 16, 56, 4, Isa::kAvx512Vnni), "conv_i8/direct/avx512vnni");
  EXPECT_EQ(chosen(DataType::kUInt8, 512, 7, 1, Isa::kAvx512Vnni), "conv_i8/direct/avx512vnni");
  EXPECT_EQ(chosen(DataType::kUInt8, 512, 7, 8, Isa::kAvx512Vnni), "conv_i8/winograd_f4/avx512vnni");
  EXPECT_EQ(chosen(DataType::kUInt8, 512, 7, 1, Isa::kAvx2), "conv_i8/winograd_f4/avx2");
  // Tiles multiply faster still.
  for (std::int64_t size : {56, 28, 14, 7})
    EXPECT_EQ(chosen(DataType::kUInt8, 64 * 56 / size, size, 8, Isa::kAmx), "conv_i8/tiles/amx");
}

TEST(Selection, TakesWinogradForBf16WhereItIsFaster) {
  constexpr DataType kBf16 = DataType::kBFloat16;
  EXPECT_EQ(chosen(kBf16, 64, 56, 1, Isa::kAvx512Bf16), "conv_bf16/winograd/avx512");
  EXPECT_EQ(chosen(kBf16, 64, 56, 1, Isa::kAvx512Bf16, false), "conv_bf16/direct/avx512bf16");
  EXPECT_EQ(chosen(kBf16, 64, 56, 1, Isa::kAvx2), "conv_bf16/winograd/avx2");
  // Few pixels a call: reading U outweighs what it saves, unless products are slow.
  EXPECT_EQ(chosen(kBf16, 512, 7, 1, Isa::kAvx512Bf16), "conv_bf16/direct/avx512bf16");
  EXPECT_EQ(chosen(kBf16, 512, 7, 32, Isa::kAvx512Bf16), "conv_bf16/winograd/avx512");
  // Tiles multiply faster still.
  for (std::int64_t size : {56, 28, 14, 7})
    EXPECT_EQ(chosen(kBf16, 64 * 56 / size, size, 8, Isa::kAmx), "conv_bf16/tiles/amx");
}
#endif

TEST(Registry, EveryFamilyHasAReference) {
  std::set<std::string> families, references;
  for (const kernels::Entry& entry : kernels::all_kernels()) {
    families.insert(entry.family);
    if (entry.isa == Isa::kGeneric) references.insert(entry.family);
  }
  EXPECT_EQ(families, references);
  EXPECT_GE(families.size(), 8u);
}

}  // namespace
}  // namespace octet::plan
