#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/atomic_file.h"
#include "base/hash.h"
#include "base/thread_pool.h"
#include "octet/error.h"
#include "octet/types.h"

namespace octet {
namespace {

TEST(AlignedBuffer, StartsOnACacheLineAndLargeOnesOnAHugePage) {
  base::AlignedBuffer small(100);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(small.data()) % 64, 0u);
  base::AlignedBuffer large(std::size_t{3} << 20);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.data()) % (2u << 20), 0u);
}

TEST(AlignedBuffer, RefusesWhatNoMachineHas) {
  EXPECT_THROW(base::AlignedBuffer(std::size_t{1} << 62), Error);
}

TEST(AtomicFile, AppearsWholeOrNotAtAll) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("octet-atomic-{}", getpid());
  std::filesystem::create_directory(folder);
  const auto path = folder / "file";
  { base::AtomicFile(path).write("abandoned"); }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  {
    base::AtomicFile file(path);
    file.write("whole");
    EXPECT_FALSE(std::filesystem::exists(path));
    file.commit();
  }
  std::ifstream in(path);
  std::string text;
  in >> text;
  EXPECT_EQ(text, "whole");
  EXPECT_THROW(base::AtomicFile(folder / "missing" / "file"), Error);
  std::filesystem::remove_all(folder);
}

TEST(Hasher, KeepsFieldsApart) {
  base::Hasher a, b;
  a.add(std::string_view("ab")), a.add(std::string_view("c"));
  b.add(std::string_view("a")), b.add(std::string_view("bc"));
  EXPECT_NE(a.hex(), b.hex());
  EXPECT_EQ(a.hex().size(), 16u);
}

TEST(Types, WordsRoundTrip) {
  for (Isa isa : kAllIsas) EXPECT_EQ(parse_isa(to_string(isa)), isa);
  EXPECT_EQ(parse_precision("bf16"), Precision::kBFloat16);
  EXPECT_THROW(parse_isa("sse9"), Error);
  EXPECT_THROW(parse_isa("auto"), Error);
}

TEST(Types, SizesAreParsedAndPrinted) {
  EXPECT_EQ(parse_size("4 KiB"), 4096u);
  EXPECT_EQ(parse_size("1.5GiB"), 1610612736u);
  EXPECT_EQ(parse_size("17"), 17u);
  for (const char* bad : {"", "GiB", "-1", "5 GB", "1e400", "nan", "9e30 GiB"})
    EXPECT_THROW(parse_size(bad), Error) << bad;
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
}

TEST(ThreadPool, EveryWorkerRunsOnceEachTime) {
  for (int threads : {1, 2, 5}) {
    base::ThreadPool pool(threads);
    std::vector<int> calls(static_cast<std::size_t>(threads), 0);
    for (int i = 0; i < 1000; ++i) pool.run([&](int worker) { ++calls[static_cast<std::size_t>(worker)]; });
    for (int c : calls) EXPECT_EQ(c, 1000);
  }
}

TEST(ThreadPool, SleepingWorkersWakeUp) {
  base::ThreadPool pool(2);
  std::atomic<int> sum{0};
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pool.run([&](int worker) { sum += worker; });
  }
  EXPECT_EQ(sum, 3);
}

TEST(ThreadPool, PutsTheCallersAffinityBack) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int first = 0;
  while (!CPU_ISSET(static_cast<std::size_t>(first), &before)) ++first;
  const int cpus[] = {first};
  base::ThreadPool pool(2, cpus);
  std::atomic<int> on_cpu{0};
  pool.run([&](int) { on_cpu += sched_getcpu() == first; });
  EXPECT_EQ(on_cpu, 2);
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(Barrier, NobodyRunsAhead) {
  constexpr int kThreads = 3;
  base::ThreadPool pool(kThreads);
  base::Barrier barrier(kThreads);
  std::atomic<int> arrived{0};
  std::atomic<int> wrong{0};
  pool.run([&](int) {
    for (int round = 1; round <= 2000; ++round) {
      ++arrived;
      barrier.arrive_and_wait();
      if (arrived.load() < round * kThreads) ++wrong;
      barrier.arrive_and_wait();
    }
  });
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace octet
