// Look-ups in a table of 256 bytes by shuffles, which look up in 16: each instruction set's file includes
// this after its `Bytes`. Internal linkage throughout.
//
// A shuffle takes the low four bits of an index, and gives 0 where its highest bit is set. Row h holds the
// entries 16 h ... 16 h + 15. Of a byte q below 128, q - 16 h (signed, so below 128 or negative) picks entry
// q % 16 of row h if h <= q / 16, else 0. So with
//
//   difference[0] = row[0],  difference[h] = row[h] ^ row[h - 1]
//
// the exclusive or of the eight shuffles is row[q / 16][q % 16]. Bytes from 128 on are negative and stay so,
// since the subtraction saturates: they give 0; q ^ 128 swaps the two halves, and the other eight rows do the
// same for it.
#pragma once

#include "kernels/activation_i8/contract.h"

namespace octet::kernels {
namespace {

constexpr int kRows = 16, kRowsOfHalf = 8;

class Table {
 public:
  explicit Table(const std::uint8_t* entries) {
    for (int h = 0; h < kRows; ++h) {
      const Bytes row = Bytes::repeated(entries + 16 * h);
      differences_[h] = h % kRowsOfHalf == 0 ? row : row ^ Bytes::repeated(entries + 16 * (h - 1));
    }
  }

  [[gnu::always_inline]] Bytes operator[](Bytes q) const {
    const Bytes step = Bytes::all(16);
    Bytes low = q, high = q ^ Bytes::all(-128);
    Bytes result = shuffle(differences_[0], low) ^ shuffle(differences_[kRowsOfHalf], high);
#pragma GCC unroll 8
    for (int h = 1; h < kRowsOfHalf; ++h) {
      low = subtract(low, step), high = subtract(high, step);
      result = result ^ shuffle(differences_[h], low) ^ shuffle(differences_[kRowsOfHalf + h], high);
    }
    return result;
  }

 private:
  Bytes differences_[kRows];
};

/// `count`: a multiple of 16.
[[gnu::always_inline]] inline void look_up_row(const Table& table, const std::uint8_t* from, std::uint8_t* to,
                                               std::int64_t count) {
  std::int64_t i = 0;
  for (; i + Bytes::kSize <= count; i += Bytes::kSize) table[Bytes::load(from + i)].store(to + i);
  for (; i < count; i += 16) table[Bytes::load16(from + i)].store16(to + i);
}

void look_up(const ActivationI8Run& run) {
  const Table table(run.table);
  if (run.input_step == run.channels && run.output_step == run.channels)
    return look_up_row(table, run.input, run.output, run.pixels * run.channels);
  for (std::int64_t p = 0; p < run.pixels; ++p)
    look_up_row(table, run.input + p * run.input_step, run.output + p * run.output_step, run.channels);
}

}  // namespace
}  // namespace octet::kernels
