// What the engine promises about memory, counted at the allocator: nothing is allocated while running, and
// the peak is the plan's own figure. The program replaces malloc and friends to count, and mmap, by which
// large buffers are allocated.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "octet/octet.h"
#include "tests/support/sanitizer.h"
#include "tests/support/tensors.h"

#if !OCTET_TEST_SANITIZER
extern "C" {
void* __libc_malloc(std::size_t);  // NOLINT: glibc's own names, to call past the replacements below
void* __libc_calloc(std::size_t, std::size_t);    // NOLINT
void* __libc_realloc(void*, std::size_t);         // NOLINT
void* __libc_memalign(std::size_t, std::size_t);  // NOLINT
void __libc_free(void*);                          // NOLINT
}
#endif

namespace {
std::atomic<std::int64_t> g_allocations{0};
std::atomic<std::int64_t> g_live{0};
std::atomic<std::int64_t> g_peak{0};

[[maybe_unused]] void count_bytes(std::int64_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  const std::int64_t live = g_live.fetch_add(bytes) + bytes;
  std::int64_t peak = g_peak.load();
  while (live > peak && !g_peak.compare_exchange_weak(peak, live)) {
  }
}
[[maybe_unused]] void* count(void* p) {
  if (p != nullptr) count_bytes(static_cast<std::int64_t>(malloc_usable_size(p)));
  return p;
}
[[maybe_unused]] void uncount(void* p) {
  if (p != nullptr) g_live.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(p)));
}
}  // namespace

#if !OCTET_TEST_SANITIZER
extern "C" {
void* malloc(std::size_t n) { return count(__libc_malloc(n)); }
void* calloc(std::size_t a, std::size_t b) { return count(__libc_calloc(a, b)); }
void* realloc(void* p, std::size_t n) {
  uncount(p);
  return count(__libc_realloc(p, n));
}
void* memalign(std::size_t alignment, std::size_t n) { return count(__libc_memalign(alignment, n)); }
void* aligned_alloc(std::size_t alignment, std::size_t n) { return count(__libc_memalign(alignment, n)); }
int posix_memalign(void** p, std::size_t alignment, std::size_t n) {
  *p = count(__libc_memalign(alignment, n));
  return *p == nullptr ? ENOMEM : 0;
}
void free(void* p) {
  uncount(p);
  __libc_free(p);
}
void* mmap(void* at, std::size_t n, int protection, int flags, int file, off_t offset) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): how the system call returns an address
  void* const p = reinterpret_cast<void*>(syscall(SYS_mmap, at, n, protection, flags, file, offset));
  if (p != MAP_FAILED) count_bytes(static_cast<std::int64_t>(n));
  return p;
}
int munmap(void* p, std::size_t n) {
  g_live.fetch_sub(static_cast<std::int64_t>(n));
  return static_cast<int>(syscall(SYS_munmap, p, n));
}
}
#endif

namespace octet {
namespace {

class Allocations : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
#if OCTET_TEST_SANITIZER
    GTEST_SKIP() << "a sanitizer has replaced the allocator";
#endif
  }
};

TEST_P(Allocations, RunningAllocatesNothingAfterTheFirstRun) {
  const int batch = GetParam();
  BuildOptions options;
  options.max_batch = batch;
  options.threads = 2;
  const Engine engine = Engine::build(Network::zoo("resnet-50", 1), options);
  Context context = engine.create_context();
  const auto input = test::random_floats(static_cast<std::size_t>(batch) * 3 * 224 * 224, 1);
  std::vector<float> output(static_cast<std::size_t>(batch) * 1000);
  context.run(batch, input, output);
  const std::int64_t before = g_allocations.load();
  for (int i = 0; i < 5; ++i) context.run(batch, input, output);
  EXPECT_EQ(g_allocations.load() - before, 0);
}

TEST_P(Allocations, ANetworkGivenAwayIsFreedWhileTheEngineIsBuilt) {
  BuildOptions options;
  options.max_batch = GetParam();
  options.threads = 2;
  Network network = Network::zoo("resnet-50", 1);
  const std::int64_t with_network = g_live.load();
  g_peak = with_network;
  const Engine engine = Engine::build(std::move(network), options);
  const auto packed = static_cast<double>(engine.memory().weight_bytes);
  // FP32 weights are replaced one by one, so that no second copy is ever there beside the packed ones.
  EXPECT_LE(static_cast<double>(g_peak.load() - with_network), 1.2 * packed);
  EXPECT_LE(static_cast<double>(g_live.load()), 0.1 * packed + packed);
}

TEST_P(Allocations, PeakIsThePlansFigure) {
  const int batch = GetParam();
  const auto input = test::random_floats(static_cast<std::size_t>(batch) * 3 * 224 * 224, 1);
  std::vector<float> output(static_cast<std::size_t>(batch) * 1000);
  BuildOptions options;
  options.max_batch = batch;
  options.threads = 2;
  std::optional<Network> network = Network::zoo("resnet-50", 1);
  const MemoryInfo estimate = Engine::estimate_memory(*network, options);
  const std::int64_t with_network = g_live.load();
  g_peak = with_network;
  {
    const Engine engine = Engine::build(*network, options);
    // What building needs beside the result: one folded copy of the weights at most.
    EXPECT_LE(g_peak.load() - with_network, static_cast<std::int64_t>(2 * engine.memory().weight_bytes));
    network.reset();
    const std::int64_t before = g_live.load() - static_cast<std::int64_t>(engine.memory().weight_bytes);
    g_peak = g_live.load();
    Context context = engine.create_context();
    context.run(batch, input, output);
    EXPECT_EQ(estimate.total(), engine.memory().total());
    const double peak = static_cast<double>(g_peak.load() - before);
    const double planned = static_cast<double>(engine.memory().total());
    EXPECT_NEAR(peak / planned, 1.0, 0.1) << "peak " << peak << " bytes, planned " << planned;
  }
}

INSTANTIATE_TEST_SUITE_P(Batches, Allocations, testing::Values(1, 6));

}  // namespace
}  // namespace octet
