// The model keeps the rules that a GPU has, and says where a device function breaks them.
#include "cuda/model/grid.h"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>
#include <vector>

namespace octet::cuda::model {
namespace {

using device::Thread;

constexpr Order kOrders[] = {Order::kRising, Order::kFalling};

TEST(Model, BarriersOrderWhatThreadsWriteAndRead) {
  for (const Order order : kOrders) {
    std::vector<int> result(3 * 64);
    run_grid(
        {3}, 64, 64 * 4,
        [&](Thread& thread) {
          auto* shared = reinterpret_cast<int*>(thread.shared());
          for (int round = 0; round < 3; ++round) {
            shared[thread.index()] = 100 * round + thread.index();
            thread.sync();
            const auto block = static_cast<std::size_t>(thread.block_x());
            result[block * 64 + static_cast<std::size_t>(thread.index())] += shared[63 - thread.index()];
            thread.sync();
          }
        },
        order);
    for (int i = 0; i < 3 * 64; ++i) EXPECT_EQ(result[static_cast<std::size_t>(i)], 300 + 3 * (63 - i % 64));
  }
}

TEST(Model, AMissingBarrierShowsInOneOfTheOrders) {
  const auto run = [](Order order) {
    int seen = 0;
    run_grid(
        {1}, 32, 4,
        [&](Thread& thread) {
          auto* shared = reinterpret_cast<int*>(thread.shared());
          if (thread.index() == 31) *shared = 7;
          if (thread.index() == 0) seen = *shared;
        },
        order);
    return seen;
  };
  EXPECT_NE(run(Order::kRising), run(Order::kFalling));
}

TEST(Model, CopiesArriveWhenTheyAreWaitedFor) {
  alignas(16) int from[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<int> before, after_first, after_all;
  run_grid({1}, 32, 32, [&](Thread& thread) {
    auto* shared = reinterpret_cast<int*>(thread.shared());
    if (thread.index() == 0) {
      shared[0] = shared[4] = -1;
      thread.copy16(shared, from);
      thread.commit();
      thread.copy16(shared + 4, from + 4);
      thread.commit();
      before = {shared[0], shared[4]};
      thread.wait<1>();
      after_first = {shared[0], shared[4]};
      thread.wait<0>();
      after_all = {shared[0], shared[4]};
    }
  });
  EXPECT_EQ(before, (std::vector{-1, -1}));
  EXPECT_EQ(after_first, (std::vector{1, -1}));
  EXPECT_EQ(after_all, (std::vector{1, 5}));
}

/// Through load_matrices, as device functions do it: a tile of 16 x 8 sums of 32 products.
TEST(Model, TensorCoresMultiplyMatrices) {
  std::mt19937 engine(1);
  alignas(16) device::u8 a[16][32];
  alignas(16) device::s8 b[8][32];
  for (auto& row : a)
    for (auto& value : row) value = static_cast<device::u8>(engine() % 256);
  for (auto& row : b)
    for (auto& value : row) value = static_cast<device::s8>(engine() % 256);
  int sums[16][8] = {};
  run_grid({1}, 32, 0, [&](Thread& thread) {
    const int lane = thread.index();
    device::u32 words[1][4], columns[4];
    thread.load_matrices(words[0], &a[lane % 16][lane / 16 * 16]);
    thread.load_matrices(columns, &b[lane % 8][lane / 8 % 2 * 16]);
    device::s32 tile[1][1][4] = {{{5, 5, 5, 5}}};
    const device::u32 column_words[1][2] = {{columns[0], columns[1]}};
    thread.multiply(tile, words, column_words);
    for (int i = 0; i < 4; ++i) sums[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2] = tile[0][0][i];
  });
  for (int r = 0; r < 16; ++r)
    for (int c = 0; c < 8; ++c) {
      int expected = 5;
      for (int k = 0; k < 32; ++k) expected += a[r][k] * b[c][k];
      EXPECT_EQ(sums[r][c], expected) << r << ", " << c;
    }
}

TEST(Model, DotProductsAreThoseOfTheInstructions) {
  EXPECT_EQ(device::dot4(0xff010203, 0x80ff7f01, 10), 10 + 3 * 1 + 2 * 127 - 1 - 255 * 128);
  EXPECT_EQ(device::dot2_low(0x8000'7fff, 0x0000'807f, 1), 1 + 32767 * 127 + 32768 * 128);
  EXPECT_EQ(device::dot2_high(0x8000'7fff, 0x807f'0000, 1), 1 + 32767 * 127 + 32768 * 128);
  EXPECT_EQ(device::dot4(0x01010101, 0x01010101, 2147483647), -2147483645);
}

TEST(Model, SaysWhereAFunctionIsNotDefined) {
  const auto fails = [](const Body& body, int threads = 32) {
    EXPECT_THROW(run_grid({1}, threads, 64, body), std::logic_error);
  };
  fails([](Thread& t) {
    if (t.index() < 7) t.sync();
  });
  fails([](Thread& t) {
    device::u32 words[4];
    if (t.index() != 3) t.load_matrices(words, t.shared());
  });
  fails([](Thread& t) {
    alignas(16) static const device::u32 from[4] = {};
    t.copy16(t.shared(), from);
    t.commit();
  });
  fails([](Thread& t) {
    alignas(16) static const device::u32 from[8] = {};
    t.copy16(t.shared(), from + 1);
  });
  fails([](Thread&) {}, 33);
}

}  // namespace
}  // namespace octet::cuda::model
