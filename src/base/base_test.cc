#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
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
#include "base/barrier.h"
#include "base/hash.h"
#include "base/thread_pool.h"
#include "octet/error.h"
#include "octet/types.h"
#include "tests/support/temporary_directory.h"

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
  const test::TemporaryDirectory directory;
  const std::filesystem::path& folder = directory.path();
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
}

TEST(AtomicFile, ReplacesRegularFilesOnlyAndKeepsLinks) {
  EXPECT_THROW(base::AtomicFile("/dev/null"), Error);
  const test::TemporaryDirectory directory;
  const std::filesystem::path& folder = directory.path();
  EXPECT_THROW(base::AtomicFile{folder}, Error);
  std::ofstream(folder / "file") << "old";
  std::filesystem::create_symlink("file", folder / "link");
  base::AtomicFile file(folder / "link");
  file.write("new");
  file.commit();
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  std::string text;
  std::ifstream(folder / "file") >> text;
  EXPECT_EQ(text, "new");
}

TEST(AtomicFile, FollowsNoLinkThatWasLaidForItAndHonoursTheUmask) {
  const test::TemporaryDirectory directory;
  const std::filesystem::path& folder = directory.path();
  std::ofstream(folder / "victim") << "kept";
  for (int i = 0; i < 100; ++i)
    std::filesystem::create_symlink("victim", folder / fmt::format("file.{}-{}.tmp", getpid(), i));
  const mode_t before = umask(027);
  {
    base::AtomicFile file(folder / "file");
    file.write("new");
    file.commit();
  }
  umask(before);
  std::string text;
  std::ifstream(folder / "victim") >> text;
  EXPECT_EQ(text, "kept");
  EXPECT_EQ(std::filesystem::status(folder / "file").permissions(), std::filesystem::perms(0640));
}

TEST(Errors, ShowWhatATerminalWouldObey) {
  EXPECT_STREQ(Error(ErrorCode::kParse, "layer '\x1b[2J\x07'\n\tnext").what(),
               "layer '\\x1b[2J\\x07'\n\tnext");
  EXPECT_EQ(printable("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(printable("\x7f\xc2\x9b"), "\\x7f\\xc2\\x9b") << "DEL and, as UTF-8, C1";
  EXPECT_EQ(printable("\x9b\xff\xc3"), "\\x9b\\xff\\xc3") << "no UTF-8";
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe0\x80\x80"),
            "\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe0\\x80\\x80")
      << "overlong, surrogates, beyond Unicode";
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
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

int first_cpu() {
  cpu_set_t mask;
  EXPECT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  int first = 0;
  while (!CPU_ISSET(static_cast<std::size_t>(first), &mask)) ++first;
  return first;
}

TEST(ThreadPool, PutsTheCallersAffinityBack) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  const int first = first_cpu();
  const int cpus[] = {first};
  base::ThreadPool pool(2, cpus);
  std::atomic<int> on_cpu{0};
  pool.run([&](int) { on_cpu += sched_getcpu() == first; });
  EXPECT_EQ(on_cpu, 2);
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(Barrier, NobodyRunsAhead) {
  // One thread, one group, several groups of which the last is not full.
  for (const int threads : {1, 3, base::Barrier::kGroup + 1, 2 * base::Barrier::kGroup + 3}) {
    SCOPED_TRACE(threads);
    base::ThreadPool pool(threads);
    base::Barrier barrier(threads, pool.looks_before_yield());
    std::atomic<int> arrived{0};
    std::atomic<int> wrong{0};
    pool.run([&](int thread) {
      for (int round = 1; round <= 500; ++round) {
        ++arrived;
        barrier.arrive_and_wait(thread);
        if (arrived.load() < round * threads) ++wrong;
        barrier.arrive_and_wait(thread);
      }
    });
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(arrived, 500 * threads);
  }
}

TEST(Barrier, ThreadsThatOutnumberTheCpusYieldAtOnce) {
  EXPECT_EQ(base::looks_before_yield(2, 2), base::kLooksBeforeYield);
  EXPECT_EQ(base::looks_before_yield(3, 2), 0);
  EXPECT_EQ(base::looks_before_yield(64, 1), 0);
  const std::vector<int> one = {first_cpu()};
  EXPECT_EQ(base::ThreadPool(2, one).looks_before_yield(), 0);
  const std::vector<int> one_twice = {first_cpu(), first_cpu()};
  EXPECT_EQ(base::ThreadPool(2, one_twice).looks_before_yield(), 0);
  EXPECT_EQ(base::ThreadPool(1, one).looks_before_yield(), base::kLooksBeforeYield);
}

// Each look of a thread that waits for its own CPU is one at which the others may run. If it looked on
// instead, it would look kLooksBeforeYield times before any of them came.
TEST(Barrier, OversubscribedThreadsHandTheCpuOnInsteadOfLookingOn) {
  constexpr int kThreads = 12, kRounds = 300;
  const std::vector<int> one = {first_cpu()};
  base::ThreadPool pool(kThreads, one);
  base::Barrier barrier(kThreads, pool.looks_before_yield());
  std::atomic<std::int64_t> looks{0};
  pool.run([&](int thread) {
    for (int round = 0; round < kRounds; ++round) looks += barrier.arrive_and_wait(thread);
  });
  EXPECT_LT(looks / (kThreads * kRounds), base::kLooksBeforeYield / 10);
}

}  // namespace
}  // namespace octet
