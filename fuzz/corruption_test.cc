// The corruption matrix: every file format cut at 64 places and with flipped bits, each case in a process
// that is watched. None may crash, take more than 5 s, or more memory than stated.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fuzz/target.h"
#include "tests/support/sanitizer.h"

namespace octet::fuzz {
namespace {

// Sanitizers make each case several times as dear, and see what fuzzing shows them in far greater numbers.
constexpr int kShare = test::kSanitizer ? 5 : 1;
constexpr int kCuts = 64, kSingleFlips = 500 / kShare, kManyFlips = 250 / kShare;
constexpr int kCases = kCuts + kSingleFlips + kManyFlips;
constexpr std::int64_t kMostNanoseconds = 5'000'000'000;
/// Beyond what the process had before; files here are small, so it is what bad sizes in them may cost.
constexpr long kMostKilobytes = 128L << 10;

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string describe(int index) {
  if (index < kCuts) return "cut " + std::to_string(index) + " of " + std::to_string(kCuts);
  return (index < kCuts + kSingleFlips ? "one flipped bit, case " : "flipped bits, case ") +
         std::to_string(index);
}

/// The seed's bytes with the damage of this case, the same on every machine.
std::string damaged(const std::string& sound, int index) {
  if (index < kCuts) return sound.substr(0, sound.size() * static_cast<std::size_t>(index) / kCuts);
  std::string bytes = sound;
  std::mt19937 random(static_cast<std::uint32_t>(index));
  const int flips = index < kCuts + kSingleFlips ? 1 : 2 + static_cast<int>(random() % 15);
  for (int i = 0; i < flips; ++i) {
    const std::size_t bit = random() % (bytes.size() * 8);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
  }
  return bytes;
}

/// What the watched process tells while it works, in memory that both have.
struct Progress {
  std::atomic<int> index{0};
  std::atomic<std::int64_t> started{0};
  std::atomic<int> accepted{0};
  std::atomic<std::int64_t> slowest{0};
  std::atomic<long> kilobytes_before{0};
};

class SharedProgress {
 public:
  SharedProgress()
      : memory_(
            ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    new (memory_) Progress;
  }
  ~SharedProgress() { ::munmap(memory_, sizeof(Progress)); }
  SharedProgress(const SharedProgress&) = delete;
  SharedProgress& operator=(const SharedProgress&) = delete;
  Progress& operator*() const { return *static_cast<Progress*>(memory_); }
  Progress* operator->() const { return static_cast<Progress*>(memory_); }

 private:
  void* memory_;
};

long peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// All cases of one seed; in the watched process. Its exit status.
int run_cases(const Target& target, const std::string& sound, Progress& progress) {
  progress.kilobytes_before = peak_kilobytes();
  try {
    for (int i = 0; i < kCases; ++i) {
      const std::string bytes = damaged(sound, i);
      const std::int64_t start = now();
      progress.index = i;
      progress.started = start;
      if (target.run(std::as_bytes(std::span(bytes)))) ++progress.accepted;
      progress.slowest = std::max<std::int64_t>(progress.slowest, now() - start);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}

/// What became of it: empty if it ended well.
std::string watch(::pid_t child, const Progress& progress, long& kilobytes) {
  for (;;) {
    int status = 0;
    rusage usage{};
    if (::wait4(child, &status, WNOHANG, &usage) == child) {
      kilobytes = std::max(0L, usage.ru_maxrss - progress.kilobytes_before);
      if (WIFSIGNALED(status)) return std::string("ended by ") + ::strsignal(WTERMSIG(status));
      return WEXITSTATUS(status) == 0 ? "" : "let an exception out that is no octet::Error";
    }
    if (progress.started != 0 && now() - progress.started > kMostNanoseconds) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return "took more than 5 s";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

class CorruptionMatrix : public ::testing::TestWithParam<const Target*> {};

TEST_P(CorruptionMatrix, DamageIsRefusedOrRead) {
  const Target& target = *GetParam();
  int cases = 0, accepted = 0;
  std::int64_t slowest = 0;
  long most = 0;
  for (const Seed& seed : target.seeds()) {
    const SharedProgress progress;
    const ::pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(run_cases(target, seed.bytes, *progress));
    long kilobytes = 0;
    const std::string fault = watch(child, *progress, kilobytes);
    EXPECT_EQ(fault, "") << seed.name << ", " << describe(progress->index);
    cases += kCases;
    accepted += progress->accepted;
    slowest = std::max<std::int64_t>(slowest, progress->slowest);
    most = std::max(most, kilobytes);
  }
  std::cout << target.name << ": " << cases << " damaged files, " << accepted
            << " of them read, no crash, slowest " << slowest / 1'000'000 << " ms, memory at most "
            << most / 1024 << " MiB\n";
  EXPECT_GT(cases, accepted) << "the damage is expected to be noticed";
  if (test::kMemoryIsCounted) {
    EXPECT_LE(most, kMostKilobytes);
  }
}

std::vector<const Target*> formats() {
  std::vector<const Target*> found;
  for (const Target& target : targets())
    if (target.is_format) found.push_back(&target);
  return found;
}

INSTANTIATE_TEST_SUITE_P(Formats, CorruptionMatrix, ::testing::ValuesIn(formats()), [](const auto& instance) {
  std::string name = instance.param->name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace octet::fuzz
