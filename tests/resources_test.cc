// What engines and contexts hold of the system, and that they let go of it: threads, file descriptors,
// memory; and that many contexts share an engine without getting into each other's way.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include "octet/octet.h"
#include "tests/support/process_resources.h"
#include "tests/support/repeated_images.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tensors.h"

namespace octet::test {
namespace {

constexpr std::size_t kImage = 3 * 40 * 40;  // of octet-20
constexpr std::size_t kClasses = 20;
constexpr Precision kPrecisions[] = {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8};

const Network& network() {
  static const Network octet_20 = Network::zoo("octet-20");
  return octet_20;
}

std::shared_ptr<const Calibration> calibration() {
  static const auto made = [] {
    RepeatedImages images(random_floats(4 * kImage, 1, -128, 127), 4);
    return std::make_shared<const Calibration>(calibrate(network(), images, {.threads = 1}));
  }();
  return made;
}

Engine build(Precision precision, int threads, int batch) {
  BuildOptions options;
  options.precision = precision;
  options.threads = threads;
  options.max_batch = batch;
  if (precision == Precision::kInt8) options.calibration = calibration();
  return Engine::build(network(), options);
}

std::string run(Context& context, int batch, std::span<const float> images) {
  std::vector<float> output(kClasses * static_cast<std::size_t>(batch));
  context.run(batch, images.first(kImage * static_cast<std::size_t>(batch)), output);
  return hash_bytes(std::as_bytes(std::span(output)));
}

TEST(Resources, AContextHasItsThreadsLessOneAndAnEngineNone) {
  std::thread([] {}).join();  // with the first thread ThreadSanitizer starts one of its own, which stays
  const std::size_t threads = count_threads(), descriptors = count_descriptors();
  const auto expect_threads = [&](std::size_t more) {
    EXPECT_EQ(count_threads_once([&](std::size_t now) { return now == threads + more; }), threads + more);
    EXPECT_EQ(count_descriptors(), descriptors);
  };
  const std::vector<float> images = random_floats(2 * kImage, 2);
  for (const Precision precision : kPrecisions) {
    std::vector<Engine> engines;
    std::vector<Context> contexts;
    std::size_t workers = 0;
    for (int i = 0; i < 6; ++i) {
      engines.push_back(build(precision, 1 + i % 3, 2));
      expect_threads(workers);
      for (int c = 0; c < 4; ++c) {
        contexts.push_back(engines.back().create_context());
        workers += static_cast<std::size_t>(engines.back().threads() - 1);
        expect_threads(workers);
      }
      if (HasFailure()) return;  // each wait for threads that never come is five seconds
    }
    EXPECT_EQ(workers, 2u * 4 * (0 + 1 + 2));
    for (Context& context : contexts) run(context, 2, images);
    expect_threads(workers);
    engines.clear();  // contexts keep what they need of their engine
    for (Context& context : contexts) run(context, 2, images);
    contexts.clear();
    expect_threads(0);
  }
}

TEST(Resources, ASavedEngineKeepsNoDescriptorOfItsFile) {
  TemporaryDirectory directory;
  const std::size_t descriptors = count_descriptors();
  build(Precision::kFloat32, 1, 1).save(directory.path() / "e.octet");
  std::vector<Engine> loaded;
  for (int i = 0; i < 20; ++i) loaded.push_back(Engine::load(directory.path() / "e.octet", {.threads = 1}));
  EXPECT_EQ(count_descriptors(), descriptors);
}

class ManyContexts : public testing::TestWithParam<Precision> {};

TEST_P(ManyContexts, OnOneEngineGiveTheSameBitsInEveryRun) {
  constexpr int kThreads = 8, kRuns = kSanitizer ? 1'000 : 10'000, kMaxBatch = 3,
                kRunsOfAContext = kRuns / 40;
  const Engine engine = build(GetParam(), 1, kMaxBatch);
  const std::vector<float> images = random_floats(kMaxBatch * kImage, 3, -128, 127);
  std::vector<std::string> expected(1);
  for (Context alone = engine.create_context(); const int batch : {1, 2, 3})
    expected.push_back(run(alone, batch, images));

  std::atomic<int> next{0}, wrong{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < kThreads; ++t) {
    callers.emplace_back([&] {
      std::optional<Context> context;
      for (int mine = 0, i; (i = next.fetch_add(1)) < kRuns; ++mine) {
        if (mine % kRunsOfAContext == 0) context.emplace(engine.create_context());
        const int batch = 1 + i % kMaxBatch;
        if (run(*context, batch, images) != expected[static_cast<std::size_t>(batch)]) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0) << "of " << kRuns;
}

INSTANTIATE_TEST_SUITE_P(Precisions, ManyContexts, testing::ValuesIn(kPrecisions),
                         [](const auto& precision) { return to_string(precision.param); });

/// What is thrown to where there is no memory for the stacks of so many threads; "" where it is nothing.
std::string refusal_without_threads(const Engine& engine) {
  rlimit limit = {};
  getrlimit(RLIMIT_AS, &limit);
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  limit.rlim_cur = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE)) + (64 << 20);  // eight stacks
  setrlimit(RLIMIT_AS, &limit);
  try {
    engine.create_context();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Resources, ThreadsThatCannotBeStartedAreAnErrorAndNotTheEnd) {
  if (!kMemoryIsCounted) GTEST_SKIP() << "a sanitizer takes more addresses than any limit";
  const Engine engine = build(Precision::kFloat32, 64, 1);
  EXPECT_EXIT(
      {
        std::cerr << refusal_without_threads(engine);
        std::exit(count_threads_once([](std::size_t n) { return n == 1; }) == 1 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "thread [0-9]+ of 64 cannot be started");
}

TEST(Resources, EnginesMadeAndDestroyedAThousandTimesLeaveNothing) {
  if (!kMemoryIsCounted) GTEST_SKIP() << "a sanitizer has replaced the allocator";
  constexpr int kEngines = 1000, kWarmUp = 100;
  // Caches of the C library's threads, which count as allocated, and fragments.
  constexpr std::int64_t kMostAllocated = 16 << 10, kMostResident = 2 << 20;
  TemporaryDirectory directory;
  const std::vector<float> images = random_floats(kImage, 4, -128, 127);
  const auto once = [&](int i) {
    const Engine engine = build(kPrecisions[i % 3], 1 + i % 2, 1 + i % 4);
    Context context = engine.create_context();
    run(context, 1, images);
    if (i % 10 != 0) return;
    engine.save(directory.path() / "e.octet");
    Context loaded = Engine::load(directory.path() / "e.octet").create_context();
    run(loaded, 1, images);
  };
  std::int64_t allocated = 0, resident = 0;
  for (int i = 0; i < kEngines; ++i) {
    if (i == kWarmUp) allocated = allocated_bytes(), resident = resident_bytes();
    once(i);
  }
  EXPECT_LE(allocated_bytes(), allocated + kMostAllocated);
  EXPECT_LE(resident_bytes(), resident + kMostResident);
}

}  // namespace
}  // namespace octet::test
