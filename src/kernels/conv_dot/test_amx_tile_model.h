// The tile instructions in portable code, for tests: eight tiles of 16 rows x 64 bytes and their
// configuration, as Intel's manual defines them (volume 1, chapter 18; volume 2, TDPBUSD, TDPBF16PS, ...).
// What would be an exception of the CPU throws std::logic_error.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/bfloat16.h"

namespace octet::kernels::conv_dot {

class TileModel {
 public:
  static constexpr int kTiles = 8, kRows = 16, kRowBytes = 64;

  /// From now on each instruction adds its name and tile to `trace` ("dot 3"); null: no more.
  void trace_to(std::vector<std::string>* trace) { trace_ = trace; }
  void note(const char* what, int tile) {
    if (trace_ != nullptr) trace_->push_back(std::string(what) + " " + std::to_string(tile));
  }

  /// ldtilecfg, from 64 bytes: palette, start row, 14 zeros, 16 x u16 bytes a row, 16 x u8 rows.
  void load_configuration(const void* memory) {
    if (trace_ != nullptr) trace_->emplace_back("configure");
    std::uint8_t bytes[64];
    std::memcpy(bytes, memory, sizeof bytes);
    if (bytes[0] == 0) return release();
    require(bytes[0] == 1, "palette is neither 0 nor 1");
    require(bytes[1] == 0, "start row is not 0");
    for (int i = 2; i < 16; ++i) require(bytes[i] == 0, "reserved byte is not 0");
    for (int tile = 0; tile < 16; ++tile) {
      const int row_bytes = bytes[16 + 2 * tile] | bytes[17 + 2 * tile] << 8, rows = bytes[48 + tile];
      if (tile >= kTiles) {
        require(row_bytes == 0 && rows == 0, "configuration of a tile that there is not");
        continue;
      }
      require(rows <= kRows && row_bytes <= kRowBytes, "tile is too large");
      require((rows == 0) == (row_bytes == 0), "tile has rows or bytes a row, but not both");
      Tile& t = tiles_[static_cast<std::size_t>(tile)];
      t = {};
      t.rows = rows;
      t.row_bytes = row_bytes;
    }
    configured_ = true;
  }
  void release() {
    if (trace_ != nullptr) trace_->emplace_back("release");
    for (Tile& tile : tiles_) tile = {};
    configured_ = false;
  }
  bool configured() const { return configured_; }

  void zero(int tile) {
    note("zero", tile);
    clear(used(tile));
  }
  /// `name`: of the instruction, for the trace.
  void load(int tile, const std::byte* from, std::int64_t stride, const char* name = "load") {
    note(name, tile);
    Tile& t = used(tile);
    clear(t);
    for (int r = 0; r < t.rows; ++r) std::memcpy(t.data[r], from + r * stride, size(t.row_bytes));
  }
  void store(int tile, std::byte* to, std::int64_t stride) {
    note("store", tile);
    const Tile& t = used(tile);
    for (int r = 0; r < t.rows; ++r) std::memcpy(to + r * stride, t.data[r], size(t.row_bytes));
  }

  /// sums += rows (u8) x columns (s8); sums wrap.
  void dot_u8_s8(int sums, int rows, int columns) {
    note("dot", sums);
    Tile &c = product(sums, rows, columns), &a = used(rows), &b = used(columns);
    for (int m = 0; m < c.rows; ++m) {
      std::uint32_t sum[kRowBytes / 4];
      std::memcpy(sum, c.data[m], kRowBytes);
      for (int quad = 0; quad < a.row_bytes / 4; ++quad) {
        const std::uint8_t* const x = a.data[m] + 4 * quad;
        for (int n = 0; n < c.row_bytes / 4; ++n) {
          std::int32_t products = 0;
          for (int i = 0; i < 4; ++i) products += x[i] * static_cast<std::int8_t>(b.data[quad][4 * n + i]);
          sum[n] += static_cast<std::uint32_t>(products);
        }
      }
      std::memcpy(c.data[m], sum, size(c.row_bytes));
    }
  }
  /// sums (float) += rows x columns (both BF16). Even and odd elements are summed apart, by fused
  /// multiply-adds; denormals count as zero.
  void dot_bf16(int sums, int rows, int columns) {
    note("dot", sums);
    Tile &c = product(sums, rows, columns), &a = used(rows), &b = used(columns);
    for (int m = 0; m < c.rows; ++m) {
      float parts[kRowBytes / 4][2] = {};
      for (int pair = 0; pair < a.row_bytes / 4; ++pair) {
        for (int i = 0; i < 2; ++i) {
          const float x = bf16_at(a.data[m] + 4 * pair + 2 * i);
          for (int n = 0; n < c.row_bytes / 4; ++n) {
            parts[n][i] = multiply_add(x, bf16_at(b.data[pair] + 4 * n + 2 * i), parts[n][i]);
          }
        }
      }
      for (int n = 0; n < c.row_bytes / 4; ++n) {
        float sum;
        std::memcpy(&sum, c.data[m] + 4 * n, sizeof sum);
        sum = flushed(flushed(sum) + flushed(parts[n][0] + parts[n][1]));
        std::memcpy(c.data[m] + 4 * n, &sum, sizeof sum);
      }
    }
  }

 private:
  struct Tile {
    int rows = 0, row_bytes = 0;
    std::uint8_t data[kRows][kRowBytes] = {};
  };

  static void clear(Tile& tile) { std::memset(tile.data, 0, sizeof tile.data); }
  static void require(bool condition, const char* what) {
    if (!condition) throw std::logic_error(std::string("tiles: ") + what);
  }
  static std::size_t size(int bytes) { return static_cast<std::size_t>(bytes); }
  static bool is_subnormal(float x) { return x != 0 && std::abs(x) < std::numeric_limits<float>::min(); }
  static float flushed(float x) { return is_subnormal(x) ? std::copysign(0.0f, x) : x; }
  static float bf16_at(const std::uint8_t* from) {
    std::uint16_t bits;
    std::memcpy(&bits, from, sizeof bits);
    return flushed(from_bfloat16(bits));
  }
  /// x * y + sum, rounded once. The product of two BF16 numbers is a float, unless it is too small or too
  /// large: then this takes the slow way.
  static float multiply_add(float x, float y, float sum) {
    const float product = x * y;
    const bool exact = product == 0 || std::isnormal(product);
    return flushed(exact ? product + sum : std::fmaf(x, y, sum));
  }

  Tile& used(int tile) {
    require(configured_, "used without a configuration");
    Tile& t = tiles_.at(static_cast<std::size_t>(tile));
    require(t.rows > 0, "used, but configured as empty");
    return t;
  }
  /// Checks the shapes of a product; its sums.
  Tile& product(int sums, int rows, int columns) {
    require(sums != rows && sums != columns && rows != columns, "a product of fewer than three tiles");
    Tile &c = used(sums), &a = used(rows), &b = used(columns);
    require(c.row_bytes % 4 == 0 && a.row_bytes % 4 == 0, "bytes a row are no multiple of 4");
    require(a.rows == c.rows, "rows and sums differ in height");
    require(b.row_bytes == c.row_bytes, "columns and sums differ in width");
    require(a.row_bytes == 4 * b.rows, "rows and columns differ in depth");
    return c;
  }

  std::vector<std::string>* trace_ = nullptr;
  bool configured_ = false;
  std::array<Tile, kTiles> tiles_;
};

}  // namespace octet::kernels::conv_dot
