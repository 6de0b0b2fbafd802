// What a product of matrices can reach on tiles of 16 rows x 64 bytes: four of sums, and for each step two of
// u8 rows and two of s8 columns, loaded from the first-level cache and every pair multiplied. Products of
// registers alone would be faster than anything that also reads its operands. The tile unit slows down on
// dense ones, so that half of the u8 are zero, as a ReLU leaves them; with more zeros it would look faster
// than it is.
#include <immintrin.h>

#include "cpu/peak_loops.h"

namespace octet::cpu {
namespace {

/// The operand of ldtilecfg (Intel's manual, volume 1, section 18.2).
struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfiguration) == 64);

constexpr int kTileBytes = 16 * 64, kSteps = 4;

/// Rows and columns of all steps: 16 KiB.
struct alignas(64) Operands {
  std::uint8_t rows[kSteps][2][kTileBytes] = {};
  std::int8_t columns[kSteps][2][kTileBytes] = {};

  constexpr Operands() {
    std::uint32_t state = 1;
    const auto byte = [&state] {  // Numerical Recipes' generator
      state = state * 1664525 + 1013904223;
      return static_cast<int>(state >> 24);
    };
    for (auto& step : rows) {
      for (auto& tile : step) {
        for (std::uint8_t& x : tile) x = byte() < 128 ? 0 : static_cast<std::uint8_t>(byte());
      }
    }
    for (auto& step : columns) {
      for (auto& tile : step) {
        for (std::int8_t& x : tile) x = static_cast<std::int8_t>(byte() - 128);
      }
    }
  }
};

// Constants in memory: GCC's intrinsics do not tell the optimiser which memory the instructions read, so what
// a function stores for them just before may be dropped.
constexpr TileConfiguration kConfiguration;
constexpr Operands kOperands;

// A macro, since the numbers of tiles are part of the instructions.
#define OCTET_MULTIPLY(sums, rows, columns) \
  if constexpr (kBf16) {                    \
    _tile_dpbf16ps(sums, rows, columns);    \
  } else {                                  \
    _tile_dpbusd(sums, rows, columns);      \
  }

/// kBf16: of the same bytes as pairs; what they are as numbers makes no difference to the time.
template <bool kBf16>
std::int64_t multiply_add(std::int64_t iterations) {
  _tile_loadconfig(&kConfiguration);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (std::int64_t i = 0; i < iterations; ++i) {
    for (int step = 0; step < kSteps; ++step) {
      _tile_loadd(6, kOperands.columns[step][0], 64);
      _tile_loadd(4, kOperands.rows[step][0], 64);
      OCTET_MULTIPLY(0, 4, 6)
      _tile_loadd(7, kOperands.columns[step][1], 64);
      OCTET_MULTIPLY(1, 4, 7)
      _tile_loadd(5, kOperands.rows[step][1], 64);
      OCTET_MULTIPLY(2, 5, 6)
      OCTET_MULTIPLY(3, 5, 7)
    }
  }
  alignas(64) std::int32_t sums[16 * 16];
  std::int64_t total = 0;
  _tile_stored(0, sums, 64);
  total += sums[0];
  _tile_stored(1, sums, 64);
  total += sums[0];
  _tile_stored(2, sums, 64);
  total += sums[0];
  _tile_stored(3, sums, 64);
  total += sums[0];
  _tile_release();
  return total;
}

#undef OCTET_MULTIPLY

constexpr double kOperations = kSteps * 4 * 16 * 16 * 64 * 2.0;  // of bytes; of BF16 half as many

}  // namespace

const PeakLoops kAmxLoops = {.int8 = {multiply_add<false>, kOperations},
                             .bf16 = {multiply_add<true>, kOperations / 2}};

}  // namespace octet::cpu
