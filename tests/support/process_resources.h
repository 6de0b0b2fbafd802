// What this process holds at a moment: threads, file descriptors, memory. Linux only, as the tests are.
#pragma once

#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "tests/support/sanitizer.h"

namespace octet::test {

inline std::size_t count_entries(const char* folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}
inline std::size_t count_threads() { return count_entries("/proc/self/task"); }
/// The one that reads the folder is among them, always.
inline std::size_t count_descriptors() { return count_entries("/proc/self/fd"); }

/// A thread that has been joined leaves /proc a moment later.
inline std::size_t count_threads_once(const std::function<bool(std::size_t)>& settled) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  std::size_t threads = count_threads();
  while (!settled(threads) && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    threads = count_threads();
  }
  return threads;
}

/// Resident, after the C library has given back what it keeps for the next allocation.
inline std::int64_t resident_bytes() {
  malloc_trim(0);
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

/// Allocated and not freed, in all arenas.
inline std::int64_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

}  // namespace octet::test
