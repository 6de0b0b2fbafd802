// A plan of device kernels on the pretended driver gives the CPU kernels' bytes, and whichever call of the
// driver's fails, there is an Error and nothing is left behind.
#include "cuda/execute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>

#include "cuda/driver/test_driver.h"
#include "cuda/registry.h"
#include "octet/error.h"
#include "tests/support/message_of.h"

namespace octet::cuda {
namespace {

using driver::Device;
using driver::DeviceMemory;
using driver::Library;
using driver::Status;
using driver::test::pretended_compiler;
using driver::test::pretended_image;
using driver::test::PretendedDriver;
using kernels::FeatureMap;
using kernels::Layout;
using kernels::PoolDesc;
using kernels::PoolKind;
using plan::OperandRef;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kMaxBatch = 3;
constexpr std::int64_t kChannels = 32, kSide = 9;
constexpr std::size_t kInputBytes = kChannels * kSide * kSide;

FeatureMap bytes_map(std::int64_t side) {
  return {kChannels, side, side, Layout::kNhwc, DataType::kUInt8, {0.02f, 37}};
}

OperandRef reference(OperandRef::Kind kind, int index, const FeatureMap& map) {
  return {kind, index, 0, map.elements(), static_cast<int>(size_of(map.type))};
}

/// Bytes of 9 x 9 -> maximum, 4 x 4 -> average, 3 x 3 -> average of all in FP32. The first buffer lies in the
/// chunk arena, the second in the shared one.
plan::Plan pooling_plan(std::span<const kernels::Entry> entries) {
  plan::Plan plan;
  plan.max_batch = kMaxBatch;
  plan.inputs = {{"data", {1, kChannels, kSide, kSide}}};
  plan.outputs = {{"prob", {1, kChannels}}};
  kernels::SelectionOptions selection;
  selection.entries = entries;
  selection.sm = 90;
  const auto add = [&](const char* layer, std::int64_t from, std::int64_t to, PoolKind kind,
                       std::int64_t kernel, std::int64_t stride) {
    PoolDesc desc;
    desc.input = bytes_map(from);
    desc.output = bytes_map(to);
    if (to == 1) desc.output = {kChannels, 1, 1, Layout::kNchw16c, DataType::kFloat32};
    desc.window = {kernel, kernel, stride, stride};
    desc.kind = kind;
    plan::Step step;
    step.layer = layer;
    step.op = "pool";
    step.origin.layer = layer;
    step.desc = desc;
    step.output_map = desc.output;
    step.entry = &kernels::select(step.desc, selection);
    step.kernel = step.entry->create(step.desc);
    plan.steps.push_back(std::move(step));
  };
  add("first", 9, 4, PoolKind::kMax, 3, 2);
  add("second", 4, 3, PoolKind::kAverage, 2, 1);
  add("third", 3, 1, PoolKind::kAverage, 3, 1);
  const auto buffer = [&](const char* tensor, std::int64_t side, bool shared, std::int64_t offset) {
    plan::Buffer b;
    b.tensor = tensor;
    b.map = bytes_map(side);
    b.images = kMaxBatch;
    b.shared = shared;
    b.offset = offset;
    plan.buffers.push_back(b);
  };
  buffer("a", 4, false, 64);
  buffer("b", 3, true, 128);
  plan.chunk_arena_bytes = 64 + plan.buffers[0].bytes();
  plan.shared_arena_bytes = 128 + (plan.buffers[1].bytes() + 63) / 64 * 64;
  plan.scratch_bytes = 64;
  const OperandRef in = reference(OperandRef::Kind::kInput, 0, bytes_map(9));
  const OperandRef a = reference(OperandRef::Kind::kBuffer, 0, bytes_map(4));
  const OperandRef b = reference(OperandRef::Kind::kBuffer, 1, bytes_map(3));
  const OperandRef out = reference(OperandRef::Kind::kOutput, 0, plan.steps[2].output_map);
  plan.steps[0].inputs = {in}, plan.steps[0].output = a;
  plan.steps[1].inputs = {a}, plan.steps[1].output = b;
  plan.steps[2].inputs = {b}, plan.steps[2].output = out;
  return plan;
}

std::vector<std::uint8_t> random_input(std::uint32_t seed, int batch) {
  std::mt19937 engine(seed);
  std::vector<std::uint8_t> bytes(kInputBytes * static_cast<std::size_t>(batch));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(engine() % 256);
  return bytes;
}

/// By the CPU's generic kernels.
std::vector<float> expected_output(std::vector<std::uint8_t> input, int batch) {
  const plan::Plan plan = pooling_plan(kernels::all_kernels());
  std::byte* from = reinterpret_cast<std::byte*>(input.data());
  base::AlignedBuffer memory[3];
  for (std::size_t s = 0; s < 3; ++s) {
    const plan::Step& step = plan.steps[s];
    memory[s] = base::AlignedBuffer(static_cast<std::size_t>(step.output_map.bytes() * kMaxBatch + 64));
    const kernels::Operand operand{from, step.inputs[0].image_stride};
    kernels::Call call;
    call.images = batch;
    call.inputs = {&operand, 1};
    call.output = {memory[s].data(), step.output_map.elements()};
    step.kernel->run(call);
    from = memory[s].data();
  }
  const float* floats = memory[2].floats();
  return {floats, floats + kChannels * batch};
}

/// What an engine and a context are, on one pretended driver.
struct Engine {
  explicit Engine(PretendedDriver& driver, int largest_graph = 0)
      : library(driver.library()),
        plan(pooling_plan(all_kernels())),
        device(std::make_shared<Device>(library, 0, pretended_image(), pretended_compiler)),
        weights(std::make_shared<DeviceMemory>(driver::upload(*device, std::span(some_weights), "weights"))),
        executor(device, plan, weights, {largest_graph}) {}

  std::vector<float> run(const std::vector<std::uint8_t>& input, int batch, RunSeconds* seconds = nullptr,
                         std::span<double> step_seconds = {}) {
    std::vector<float> output(static_cast<std::size_t>(kChannels * batch), -1);
    const void* const inputs[] = {input.data()};
    float* const outputs[] = {output.data()};
    executor.run(batch, {inputs, outputs}, seconds, step_seconds);
    return output;
  }

  static constexpr std::byte some_weights[256] = {};
  const Library library;
  const plan::Plan plan;
  const std::shared_ptr<Device> device;
  const std::shared_ptr<const DeviceMemory> weights;
  Executor executor;
};

TEST(CudaExecutor, GivesTheBytesOfTheCpusKernels) {
  PretendedDriver driver;
  {
    Engine engine(driver);
    for (const int batch : {1, 2, 3, 1}) {
      const std::vector<std::uint8_t> input = random_input(static_cast<std::uint32_t>(batch), batch);
      EXPECT_EQ(engine.run(input, batch), expected_output(input, batch)) << batch;
    }
    EXPECT_EQ(driver.current_contexts(), 0u);
    EXPECT_EQ(driver.count["cuGraphLaunch"], 0);
  }
  EXPECT_EQ(driver.live(), 0u);
  EXPECT_THAT(driver.faults(), IsEmpty());
}

TEST(CudaExecutor, GraphsReplayWhatWasCaptured) {
  PretendedDriver driver;
  {
    Engine engine(driver, 2);
    for (const int batch : {1, 2, 1, 2, 3, 1}) {
      const int launched = driver.launches;
      const std::vector<std::uint8_t> input = random_input(static_cast<std::uint32_t>(launched), batch);
      EXPECT_EQ(engine.run(input, batch), expected_output(input, batch)) << batch;
      EXPECT_EQ(driver.launches - launched, 3);
    }
    EXPECT_EQ(driver.count["cuGraphInstantiateWithFlags"], 2);  // one a batch size
    EXPECT_EQ(driver.count["cuGraphLaunch"], 5);                // 3 images are too many
    EXPECT_EQ(driver.count["cuLaunchKernel"], 3 * 3);
  }
  EXPECT_EQ(driver.live(), 0u);
  EXPECT_THAT(driver.faults(), IsEmpty());
}

/// The pretended clock goes on by one second a thousand events; each run has one at each end of its parts.
TEST(CudaExecutor, TimesPartsAndSteps) {
  PretendedDriver driver;
  Engine engine(driver, 3);
  const std::vector<std::uint8_t> input = random_input(1, 2);
  RunSeconds seconds;
  engine.run(input, 2, &seconds);
  engine.run(input, 2, &seconds);
  EXPECT_NEAR(seconds.to_device, 2e-3, 1e-9);
  EXPECT_NEAR(seconds.compute, 2e-3, 1e-9);
  EXPECT_NEAR(seconds.to_host, 2e-3, 1e-9);
  EXPECT_EQ(driver.count["cuGraphLaunch"], 2);

  std::vector<double> steps(3);
  seconds = {};
  EXPECT_EQ(engine.run(input, 2, &seconds, steps), expected_output(input, 2));
  engine.run(input, 2, nullptr, steps);
  for (const double step : steps) EXPECT_NEAR(step, 2e-3, 1e-9);
  EXPECT_NEAR(seconds.compute, 4e-3, 1e-9);  // an event behind each step, and the mark
  EXPECT_EQ(driver.count["cuGraphLaunch"], 2);
  EXPECT_THAT(driver.faults(), IsEmpty());
}

TEST(CudaExecutor, AllocatesOnlyWhenABatchIsFirstRun) {
  PretendedDriver driver;
  Engine engine(driver, 2);
  std::vector<double> steps(3);
  const auto run_all = [&] {
    for (int batch = 1; batch <= kMaxBatch; ++batch) {
      engine.run(random_input(1, batch), batch);
      engine.run(random_input(1, batch), batch, nullptr, steps);
    }
  };
  run_all();
  const std::size_t live = driver.live();
  const std::map<std::string, int> before = driver.count;
  run_all();
  EXPECT_EQ(driver.live(), live);
  for (const auto& [name, count] : before) {
    for (const char* word : {"Alloc", "Create", "Instantiate", "Capture"})
      if (name.find(word) != std::string::npos) {
        EXPECT_EQ(driver.count[name], count) << name;
      }
  }
}

TEST(CudaExecutor, NeedsTheMemoryThatItSays) {
  PretendedDriver driver;
  const Library library = driver.library();
  const plan::Plan plan = pooling_plan(all_kernels());
  const auto device = std::make_shared<Device>(library, 0, pretended_image(), pretended_compiler);
  const auto weights = std::make_shared<const DeviceMemory>();
  const std::size_t before = driver::device_memory(device->context()).free;
  const Executor executor(device, plan, weights);
  EXPECT_EQ(before - driver::device_memory(device->context()).free, Executor::device_bytes(plan));
}

TEST(CudaExecutor, TwoOfOneEngineShareWeights) {
  PretendedDriver driver;
  Engine engine(driver);
  Executor second(engine.device, engine.plan, engine.weights);
  const std::vector<std::uint8_t> a = random_input(1, 1), b = random_input(2, 1);
  std::vector<float> output(kChannels);
  const void* const inputs[] = {b.data()};
  float* const outputs[] = {output.data()};
  second.run(1, {inputs, outputs});
  EXPECT_EQ(engine.run(a, 1), expected_output(a, 1));
  EXPECT_EQ(output, expected_output(b, 1));
  EXPECT_EQ(driver.count["cuModuleLoadData"], 1);
}

TEST(CudaExecutor, RefusesWhatItCannotRun) {
  PretendedDriver driver;
  Engine engine(driver);
  const auto message = [&](const plan::Plan& plan) {
    return octet::test::message_of([&] { Executor(engine.device, plan, engine.weights); });
  };
  EXPECT_THAT(message(pooling_plan(kernels::all_kernels())), HasSubstr("has no kernel for a device"));
  plan::Plan small = pooling_plan(all_kernels());
  small.buffers[1].images = 2;
  EXPECT_THAT(message(small), HasSubstr("buffer of 'b' holds 2 images"));
  EXPECT_EQ(octet::test::message_of([&] { engine.run(random_input(1, 4), 4); }), "batch 4: expected 1 to 3");
  EXPECT_THAT(driver.faults(), IsEmpty());
}

/// All that an engine does in its life.
void live_once(PretendedDriver& driver, const std::vector<std::uint8_t>& input) {
  Engine engine(driver, 1);
  RunSeconds seconds;
  std::vector<double> steps(3);
  engine.run(input, 1, &seconds);
  engine.run(input, 1);
  engine.run(input, 2);
  engine.run(input, 2, &seconds, steps);
}

TEST(CudaExecutor, WhicheverCallFailsThereIsAnErrorAndNothingIsLeft) {
  const std::vector<std::uint8_t> input = random_input(1, 2);
  int calls = 0;
  {
    PretendedDriver driver;
    live_once(driver, input);
    calls = driver.calls;
    ASSERT_GT(driver.count.size(), 30u);  // of every kind
  }
  for (const Status failure : {Status::kInvalidValue, Status::kOutOfMemory, Status::kIllegalAddress}) {
    for (const bool for_good : {false, true}) {
      for (int n = 1; n <= calls; ++n) {
        PretendedDriver driver;
        driver.failing_call = n;
        driver.failure = failure;
        driver.fails_from_then_on = for_good;
        const std::string message = octet::test::message_of([&] { live_once(driver, input); });
        bool gives_back = false;  // and has nobody to tell
        for (const char* word : {"Destroy", "Free", "Unload", "Release", "Pop", "Push"})
          gives_back |= driver.failed.find(word) != std::string::npos;
        const auto where = testing::Message() << "call " << n << ", " << driver.failed << ": " << message;
        if (!gives_back) {
          EXPECT_THAT(message, HasSubstr("CUDA device 0")) << where;
        }
        EXPECT_EQ(driver.live(), 0u) << where;
        EXPECT_EQ(driver.current_contexts(), 0u) << where;
        if (!for_good) {
          EXPECT_THAT(driver.faults(), IsEmpty()) << where;
        }
      }
    }
  }
}

TEST(CudaExecutor, RunsAgainAfterAFailureThatIsNotTheDevicesEnd) {
  const std::vector<std::uint8_t> input = random_input(1, 1);
  const std::vector<float> expected = expected_output(input, 1);
  int before = 0, after = 0;
  {
    PretendedDriver driver;
    Engine engine(driver, 1);
    before = driver.calls;
    engine.run(input, 1);
    after = driver.calls;
  }
  for (int n = before + 1; n <= after; ++n) {
    PretendedDriver driver;
    Engine engine(driver, 1);
    driver.failing_call = n;
    driver.failure = Status::kInvalidValue;
    octet::test::message_of([&] { engine.run(input, 1); });
    ASSERT_FALSE(driver.failed.empty());
    EXPECT_EQ(engine.run(input, 1), expected) << driver.failed;
    EXPECT_THAT(driver.faults(), IsEmpty()) << driver.failed;
  }
}

TEST(CudaExecutor, NamesTheLayerThatCannotBeLaunched) {
  PretendedDriver driver;
  Engine engine(driver);
  // In a run: the context, a copy, the first launch, the second one.
  driver.failing_call = driver.calls + 4;
  driver.failure = Status::kIllegalAddress;
  EXPECT_THAT(
      octet::test::message_of([&] { engine.run(random_input(1, 1), 1); }),
      AllOf(HasSubstr("second"), HasSubstr("CUDA device 0 (Pretended H200): launching pool_average_u8"),
            HasSubstr("does no more work")));
}

}  // namespace
}  // namespace octet::cuda
