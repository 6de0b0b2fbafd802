// Tiles of 16 rows x 64 bytes: four of sums, two of u8 rows, two of s8 columns, every pair multiplied.
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

// Constants in memory: GCC's intrinsics do not tell the optimiser which memory the instructions read, so what
// a function stores for them just before may be dropped.
constexpr TileConfiguration kConfiguration;
alignas(64) constexpr std::uint8_t kOperand[16 * 64] = {1, 2, 3};

std::int64_t multiply_add_int8(std::int64_t iterations) {
  _tile_loadconfig(&kConfiguration);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, kOperand, 64);
  _tile_loadd(5, kOperand, 64);
  _tile_loadd(6, kOperand, 64);
  _tile_loadd(7, kOperand, 64);
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
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

}  // namespace

const PeakLoops kAmxLoops = {{}, {multiply_add_int8, 4 * 16 * 16 * 64 * 2.0}, nullptr};

}  // namespace octet::cpu
