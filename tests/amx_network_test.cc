// Whole networks in integers by tile instructions, emulated where the CPU has none: the plan that a CPU with
// AMX gets, and the very bytes that every other instruction set gives.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "kernels/conv_dot/test_amx_emulator.h"
#include "octet/octet.h"
#include "plan/plan.h"
#include "tests/support/engines.h"
#include "tests/support/plans.h"
#include "tests/support/simple_calibration.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

constexpr int kThreads = 2;

/// What Engine::build makes on a CPU with all instruction sets.
plan::Plan plan_with_tiles(const Network& network, const Calibration& calibration, int batch) {
  plan::PlanOptions options;
  options.max_batch = batch;
  options.threads = kThreads;
  options.isas.assign(std::begin(kAllIsas), std::end(kAllIsas));
  options.precision = Precision::kInt8;
  options.calibration = &calibration;
  options.cache_bytes = 2 << 20;
  return test::build_plan(network, options);
}

struct Case {
  const char* network;
  int batch;
};

class AmxNetworks : public testing::TestWithParam<Case> {};

TEST_P(AmxNetworks, GiveTheBytesOfOtherInstructionSets) {
  const std::string executor = kernels::conv_dot::tile_instructions();
  if (executor.empty()) GTEST_SKIP() << "neither AMX on this machine nor AVX-512 with BF16 to emulate it";
  const auto& [name, batch] = GetParam();
  const Network network = Network::zoo(name, 1);
  const auto count = static_cast<std::size_t>(network.inputs()[0].shape.elements_per_image());
  const std::vector<float> input = test::random_floats(count * static_cast<std::size_t>(batch), 3);
  const std::span<const float> in(input);
  const auto calibration = test::simple_calibration(network, batch, std::span(&in, 1));

  plan::Plan plan = plan_with_tiles(network, *calibration, batch);
  const auto by_tiles = std::count_if(plan.steps.begin(), plan.steps.end(), [](const plan::Step& step) {
    return std::string_view(step.entry->algorithm) == "tiles";
  });
  const auto convolutions = std::count_if(plan.steps.begin(), plan.steps.end(), [](const plan::Step& step) {
    return std::holds_alternative<kernels::ConvDesc>(step.desc);
  });
  EXPECT_GT(by_tiles, convolutions * 3 / 4) << "of " << convolutions << " convolutions";

  BuildOptions options;
  options.precision = Precision::kInt8;
  options.calibration = calibration;
  options.isa = Isa::kAvx512Vnni;
  options.max_batch = batch;
  const Engine engine = Engine::build(network, options);
  EXPECT_EQ(test::run_plan(plan, batch, input), test::run_engine(engine, batch, input)) << executor;
}

INSTANTIATE_TEST_SUITE_P(Zoo, AmxNetworks,
                         testing::Values(Case{"squeezenet-1.0", 2}, Case{"alexnet", 1}, Case{"resnet-50", 1}),
                         [](const auto& instance) {
                           std::string name = instance.param.network;
                           std::erase_if(name, [](char c) { return c == '-' || c == '.'; });
                           return name;
                         });

}  // namespace
}  // namespace octet
