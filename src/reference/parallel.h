// Independent pieces of work over the threads of a pool, handed out one by one. Which thread does a piece
// never changes its result.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/thread_pool.h"

namespace octet::reference {

class Parallel {
 public:
  explicit Parallel(int threads) : pool_(threads) {}

  int threads() const { return pool_.size(); }

  /// Calls f(piece, worker) once for each piece in [0, count). `f` must not throw.
  template <typename F>
  void for_each(std::int64_t count, const F& f) {
    std::atomic<std::int64_t> next{0};
    pool_.run([&](int worker) {
      for (std::int64_t piece = next++; piece < count; piece = next++) f(piece, worker);
    });
  }

 private:
  base::ThreadPool pool_;
};

}  // namespace octet::reference
