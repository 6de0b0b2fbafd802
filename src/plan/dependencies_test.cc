#include "plan/dependencies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/graph_builder.h"

namespace octet::plan {
namespace {

using graph::TensorId;
using test::GraphBuilder;
using test::square_window;
using ::testing::ElementsAre;

PlanOptions generic_kernels() {
  PlanOptions options;
  options.isas = {Isa::kGeneric};
  options.cache_bytes = 1 << 20;
  return options;
}

TensorId add_convolution(GraphBuilder& b, TensorId in, std::int64_t channels, const char* name = "") {
  return b.convolution(in, {square_window(3, 1, 1), channels, 1, {}}, true, name);
}

std::vector<std::string> layers(const Plan& plan) {
  std::vector<std::string> names;
  for (const Step& step : plan.steps) names.push_back(step.layer);
  return names;
}

std::vector<std::string> waiting(const Plan& plan) {
  std::vector<std::string> names;
  for (const Step& step : plan.steps)
    if (step.waits) names.push_back(step.layer);
  return names;
}

TEST(Dependencies, BranchesOfAModuleCostABarrierALevel) {
  GraphBuilder b;
  const TensorId x = add_convolution(b, b.input({1, 3, 8, 8}), 16, "stem");
  const TensorId a = add_convolution(b, x, 16, "a");
  const TensorId c = add_convolution(b, add_convolution(b, x, 16, "c1"), 32, "c2");
  const TensorId d = add_convolution(b, add_convolution(b, x, 16, "d1"), 16, "d2");
  const TensorId parts = b.node(graph::Concat{}, {a, c, d}, {}, "concat");
  const Plan plan = build_plan(b.finish({add_convolution(b, parts, 16, "end")}), generic_kernels());
  EXPECT_THAT(layers(plan), ElementsAre("stem", "a", "c1", "d1", "c2", "d2", "end", testing::_));
  EXPECT_THAT(waiting(plan), ElementsAre("stem", "a", "c2", "end", testing::_));
}

TEST(Dependencies, AChainWaitsAtEveryStep) {
  GraphBuilder b;
  TensorId t = b.input({1, 3, 8, 8});
  for (const char* name : {"a", "b", "c"}) t = add_convolution(b, t, 16, name);
  for (const Step& step : build_plan(b.finish({t}), generic_kernels()).steps)
    EXPECT_TRUE(step.waits) << step.layer;
}

TEST(Dependencies, PartsThatShareABlockOfChannelsWait) {
  GraphBuilder b;
  const TensorId x = add_convolution(b, b.input({1, 3, 8, 8}), 16, "stem");
  // The 20 channels end inside the block that the copy of the 32 begins in.
  const TensorId parts =
      b.node(graph::Concat{}, {add_convolution(b, x, 20, "a"), add_convolution(b, x, 32, "b")}, {}, "concat");
  const Plan plan = build_plan(b.finish({add_convolution(b, parts, 16, "end")}), generic_kernels());
  std::vector<const Step*> copies;
  for (const Step& step : plan.steps)
    if (step.layer == "concat") copies.push_back(&step);
  ASSERT_EQ(copies.size(), 2u);
  for (const Step* copy : copies) EXPECT_TRUE(copy->waits);
}

bool overlap(const Plan& plan, const OperandRef& a, const OperandRef& b) {
  if (a.kind != OperandRef::Kind::kBuffer || b.kind != OperandRef::Kind::kBuffer) return false;
  const Buffer &x = plan.buffers[static_cast<std::size_t>(a.index)],
               &y = plan.buffers[static_cast<std::size_t>(b.index)];
  return x.shared == y.shared && x.offset < y.offset + y.bytes() && y.offset < x.offset + x.bytes();
}

// By the placed bytes alone, whatever the buffers are called: nothing is written that a step since the last
// wait reads, or the other way round.
TEST(Dependencies, NoStepTouchesWhatAnotherSinceTheLastWaitWrites) {
  GraphBuilder b;
  TensorId t = b.input({1, 3, 32, 32});
  for (int module = 0; module < 4; ++module) {
    const TensorId a = add_convolution(b, t, 16), c = add_convolution(b, add_convolution(b, t, 32), 16);
    const TensorId d = b.relu(add_convolution(b, t, 16), 0.1f);
    t = b.node(graph::Concat{}, {a, b.sum({c, d}), add_convolution(b, t, 20)});
  }
  PlanOptions options = generic_kernels();
  options.max_batch = 8;
  options.threads = 2;
  const Plan plan = build_plan(b.finish({b.inner_product(t, 10)}), options);
  int together = 0;
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const Step& step = plan.steps[s];
    for (std::size_t before = s; before-- > 0 && !plan.steps[before + 1].waits;) {
      const Step& other = plan.steps[before];
      ++together;
      for (const OperandRef& input : step.inputs)
        EXPECT_FALSE(overlap(plan, other.output, input)) << step.layer;
      for (const OperandRef& input : other.inputs)
        EXPECT_FALSE(overlap(plan, step.output, input)) << step.layer;
      if (step.output.index != other.output.index) {
        EXPECT_FALSE(overlap(plan, step.output, other.output)) << step.layer;
      }
    }
  }
  EXPECT_GT(together, 4);
}

}  // namespace
}  // namespace octet::plan
