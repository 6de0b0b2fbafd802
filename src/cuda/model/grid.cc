#include "cuda/model/grid.h"

#include <fmt/format.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <deque>
#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace octet::cuda::model {
namespace {

/// AddressSanitizer must know on which stack the thread is, or exceptions seem to leave it.
struct StackSwitch {
  void* fake = nullptr;
  const void* bottom = nullptr;
  std::size_t bytes = 0;

  void leave_for(const void* to_bottom, std::size_t to_bytes) {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&fake, to_bottom, to_bytes);
#else
    (void)to_bottom, (void)to_bytes;
#endif
  }
  /// `from`: filled in with the stack that was left.
  void arrive(StackSwitch* from) {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, &from->bottom, &from->bytes);
#else
    (void)from;
#endif
  }
};

constexpr std::size_t kStackBytes = 128 << 10;
constexpr int kMostThreads = 1024;

[[noreturn]] void undefined(const std::string& what) { throw std::logic_error("device function: " + what); }

struct PendingCopy {
  void* to;
  const void* from;
  int bytes;
};

/// What all lanes of a warp do together; `arguments[lane]` are each lane's own.
using Collective = void (*)(void* const* arguments, int detail);

enum class State { kReady, kAtBarrier, kInCollective, kEnded };

struct Fiber {
  ucontext_t context = {};
  StackSwitch stack_switch;
  std::unique_ptr<std::byte[]> stack = std::make_unique_for_overwrite<std::byte[]>(kStackBytes);
  Block* block = nullptr;  // which it runs in: makecontext hands on integers only
  State state = State::kEnded;
  Collective collective = nullptr;
  int detail = 0;
  void* argument = nullptr;
  std::vector<PendingCopy> open;                // not committed yet
  std::deque<std::vector<PendingCopy>> groups;  // committed, oldest first
  std::exception_ptr failure;
};

/// Kept from block to block and from grid to grid: stacks are the dear part.
std::vector<Fiber>& fibers() {
  static thread_local std::vector<Fiber> all(kMostThreads);
  return all;
}

}  // namespace

class Block {
 public:
  Block(int threads, int shared_bytes, const Body& body, Order order)
      : body_(body),
        threads_(threads),
        order_(order),
        shared_(static_cast<std::size_t>(shared_bytes) / 16 + 1) {}

  void run(const device::Thread::Place& place) {
    std::fill(shared_.begin(), shared_.end(), device::Bytes16{{kPoison, kPoison, kPoison, kPoison}});
    place_ = place;
    for (int t = 0; t < threads_; ++t) start(t);
    while (true) {
      bool all_ended = true;
      for (int i = 0; i < threads_; i += device::kWarp) {
        const int first = order_ == Order::kRising ? i : threads_ - device::kWarp - i;
        run_warp(first);
      }
      int waiting = 0;
      for (int t = 0; t < threads_; ++t) {
        all_ended = all_ended && fiber(t).state == State::kEnded;
        waiting += fiber(t).state == State::kAtBarrier;
      }
      if (all_ended) break;
      if (waiting != threads_)
        undefined(fmt::format("{} of {} threads wait at a barrier", waiting, threads_));
      for (int t = 0; t < threads_; ++t) fiber(t).state = State::kReady;
    }
    for (int t = 0; t < threads_; ++t) {
      if (!fiber(t).open.empty()) undefined("copies that belong to no group when the thread ends");
      for (const auto& group : fiber(t).groups)
        if (!group.empty()) undefined("copies that nothing has waited for");
      fiber(t).groups.clear();
    }
  }

  // What threads call.
  device::u8* shared() { return reinterpret_cast<device::u8*>(shared_.data()); }
  void barrier(int thread) { leave(thread, State::kAtBarrier); }
  void copy(int thread, const PendingCopy& copy) { fiber(thread).open.push_back(copy); }
  void commit(int thread) {
    fiber(thread).groups.push_back(std::move(fiber(thread).open));
    fiber(thread).open.clear();
  }
  void wait(int thread, int pending) {
    auto& groups = fiber(thread).groups;
    while (static_cast<int>(groups.size()) > pending) {
      for (const PendingCopy& copy : groups.front())
        std::memcpy(copy.to, copy.from, static_cast<std::size_t>(copy.bytes));
      groups.pop_front();
    }
  }
  void together(int thread, Collective collective, int detail, void* argument) {
    Fiber& own = fiber(thread);
    own.collective = collective, own.detail = detail, own.argument = argument;
    leave(thread, State::kInCollective);
  }

 private:
  static constexpr device::u32 kPoison = 0xa5a5a5a5;

  static Fiber& fiber(int thread) { return fibers()[static_cast<std::size_t>(thread)]; }

  void leave(int thread, State state) {
    Fiber& own = fiber(thread);
    own.state = state;
    own.stack_switch.leave_for(scheduler_switch_.bottom, scheduler_switch_.bytes);
    swapcontext(&own.context, &scheduler_);
    own.stack_switch.arrive(&scheduler_switch_);
  }

  void start(int thread) {
    Fiber& own = fiber(thread);
    getcontext(&own.context);
    own.context.uc_stack.ss_sp = own.stack.get();
    own.context.uc_stack.ss_size = kStackBytes;
    own.context.uc_link = nullptr;
    own.state = State::kReady;
    own.open.clear(), own.groups.clear();
    own.failure = nullptr;
    own.block = this;
    makecontext(&own.context, reinterpret_cast<void (*)()>(&Block::enter), 1, thread);
  }
  static void enter(int thread) {
    Block& block = *fiber(thread).block;
    device::Thread::Place place = block.place_;
    place.index = thread;
    device::Thread self(block, place);
    fiber(thread).stack_switch.fake = nullptr;  // a new stack
    fiber(thread).stack_switch.arrive(&block.scheduler_switch_);
    try {
      block.body_(self);
    } catch (...) {
      fiber(thread).failure = std::current_exception();
    }
    block.leave(thread, State::kEnded);
  }

  /// Until each of its lanes waits at a barrier or has ended.
  void run_warp(int first) {
    while (true) {
      for (int i = 0; i < device::kWarp; ++i) {
        const int thread = first + (order_ == Order::kRising ? i : device::kWarp - 1 - i);
        Fiber& own = fiber(thread);
        if (own.state != State::kReady) continue;
        scheduler_switch_.leave_for(own.stack.get(), kStackBytes);
        swapcontext(&scheduler_, &own.context);
        StackSwitch left;
        scheduler_switch_.arrive(&left);
        if (own.failure) std::rethrow_exception(own.failure);
      }
      int together = 0;
      for (int i = 0; i < device::kWarp; ++i) together += fiber(first + i).state == State::kInCollective;
      if (together == 0) return;
      run_collective(first, together);
    }
  }

  void run_collective(int first, int lanes) {
    if (lanes != device::kWarp)
      undefined(fmt::format("{} of a warp's lanes in a collective operation", lanes));
    std::array<void*, device::kWarp> arguments;
    const Fiber& lead = fiber(first);
    for (int i = 0; i < device::kWarp; ++i) {
      Fiber& lane = fiber(first + i);
      if (lane.collective != lead.collective || lane.detail != lead.detail)
        undefined("lanes of a warp in different collective operations");
      arguments[static_cast<std::size_t>(i)] = lane.argument;
    }
    lead.collective(arguments.data(), lead.detail);
    for (int i = 0; i < device::kWarp; ++i) fiber(first + i).state = State::kReady;
  }

  const Body& body_;
  int threads_;
  Order order_;
  std::vector<device::Bytes16> shared_;
  device::Thread::Place place_ = {};
  ucontext_t scheduler_ = {};
  StackSwitch scheduler_switch_;
};

void run_grid(const Grid& grid, int threads, int shared_bytes, const Body& body, Order order) {
  if (threads < 1 || threads > kMostThreads || threads % device::kWarp != 0)
    undefined(fmt::format("{} threads a block; the model takes whole warps, {} threads at most", threads,
                          kMostThreads));
  Block block(threads, shared_bytes, body, order);
  for (std::int64_t z = 0; z < grid.z; ++z)
    for (std::int64_t y = 0; y < grid.y; ++y)
      for (std::int64_t x = 0; x < grid.x; ++x)
        block.run({0, threads, static_cast<int>(x), static_cast<int>(y), static_cast<int>(z),
                   static_cast<int>(grid.x)});
}

// ---- collective operations

namespace {

struct MatrixRow {
  const void* row;
  device::u32* words;
};
void load_matrices(void* const* arguments, int) {
  for (int lane = 0; lane < device::kWarp; ++lane) {
    const auto* own = static_cast<const MatrixRow*>(arguments[lane]);
    for (int matrix = 0; matrix < 4; ++matrix) {
      const auto* from = static_cast<const MatrixRow*>(arguments[8 * matrix + lane / 4]);
      std::memcpy(&own->words[matrix], static_cast<const std::byte*>(from->row) + 4 * (lane % 4), 4);
    }
  }
}

struct Fragments {
  device::s32* sums;
  const device::u32 *a, *b;
};
/// One 16 x 8 tile: fragments of all lanes to matrices, the products, and back.
void multiply_tile(void* const* arguments, int row_tile, int column_tile, int column_tiles) {
  device::u8 a[16][32];
  device::s8 b[8][32];
  for (int lane = 0; lane < device::kWarp; ++lane) {
    const auto& own = *static_cast<const Fragments*>(arguments[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int w = 0; w < 4; ++w)
      std::memcpy(&a[g + 8 * (w % 2)][16 * (w / 2) + 4 * t], &own.a[4 * row_tile + w], 4);
    for (int w = 0; w < 2; ++w) std::memcpy(&b[g][16 * w + 4 * t], &own.b[2 * column_tile + w], 4);
  }
  device::s32 products[16][8];
  for (int r = 0; r < 16; ++r) {
    for (int c = 0; c < 8; ++c) {
      device::s32 sum = 0;
      for (int k = 0; k < 32; ++k) sum += a[r][k] * b[c][k];
      products[r][c] = sum;
    }
  }
  for (int lane = 0; lane < device::kWarp; ++lane) {
    const auto& own = *static_cast<const Fragments*>(arguments[lane]);
    device::s32* sums = own.sums + 4 * (row_tile * column_tiles + column_tile);
    for (int i = 0; i < 4; ++i) {
      const auto sum = static_cast<device::u32>(sums[i]);
      const auto product = static_cast<device::u32>(products[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2]);
      sums[i] = static_cast<device::s32>(sum + product);
    }
  }
}
void multiply_tiles(void* const* arguments, int detail) {
  const int rows = detail / 256, columns = detail % 256;
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) multiply_tile(arguments, r, c, columns);
}

}  // namespace
}  // namespace octet::cuda::model

namespace octet::cuda::device {

void Thread::sync() const { block_->barrier(place_.index); }
u8* Thread::shared() const { return block_->shared(); }
void Thread::copy(void* shared, const void* global, int bytes) const {
  if (reinterpret_cast<std::uintptr_t>(shared) % static_cast<unsigned>(bytes) != 0 ||
      reinterpret_cast<std::uintptr_t>(global) % static_cast<unsigned>(bytes) != 0)
    model::undefined(fmt::format("an asynchronous copy of {} bytes that is not aligned to them", bytes));
  block_->copy(place_.index, {shared, global, bytes});
}
void Thread::commit() const { block_->commit(place_.index); }
void Thread::wait_for_all_but(int pending) const { block_->wait(place_.index, pending); }
void Thread::load_matrices(u32 (&words)[4], const void* row) const {
  model::MatrixRow argument{row, words};
  block_->together(place_.index, model::load_matrices, 0, &argument);
}
void Thread::multiply(s32* sums, const u32* a, const u32* b, int rows, int columns) const {
  model::Fragments argument{sums, a, b};
  block_->together(place_.index, model::multiply_tiles, rows * 256 + columns, &argument);
}

}  // namespace octet::cuda::device
