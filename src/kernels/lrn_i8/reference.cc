// Local response normalisation of bytes in plain loops: runs everywhere, and what the fast files are compared
// with.
#include "kernels/integer/arithmetic.h"
#include "kernels/layout.h"
#include "kernels/lrn_i8/contract.h"
#include "kernels/lrn_i8/power.h"

namespace octet::kernels {
namespace {

std::uint8_t normalise(std::int32_t centred, std::int32_t sum, const LrnI8Arithmetic& a) {
  const float t = std::fmaf(static_cast<float>(sum), a.a, a.k);
  const float value = lrn_value(static_cast<float>(centred), t, a);
  return static_cast<std::uint8_t>(integer::to_integer(value, {0, 255}));
}

void across_channels(const LrnI8Pixels& run) {
  for (std::int64_t p = 0; p < run.pixels; ++p) {
    const std::uint8_t* x = run.input + p * run.input_step;
    std::uint8_t* y = run.output + p * run.output_step;
    std::int16_t* centred = run.centred + p * run.pitch + run.margin;
    for (std::int64_t c = 0; c < run.channels; ++c)
      centred[c] = static_cast<std::int16_t>(x[c] - run.arithmetic.zero_in);
    for (std::int64_t c = 0; c < run.channels; ++c) {
      std::int32_t sum = 0;
      for (std::int64_t i = c - run.half; i <= c + run.half; ++i) sum += centred[i] * centred[i];
      y[c] = normalise(centred[c], sum, run.arithmetic);
    }
  }
}

void within_channel(const LrnI8Row& row) {
  for (std::int64_t block = 0; block < row.channels; block += kChannelBlock)
    for (std::int64_t lane = 0; lane < kChannelBlock; ++lane) {
      std::int32_t* columns = row.column_sums + lane;
      const std::int64_t channel = block + lane;
      for (std::int64_t x = 0; x < row.width; ++x) {
        std::int32_t sum = 0;
        for (std::int64_t y = 0; y < row.rows; ++y) {
          const std::int32_t q = row.window_rows[y * row.row_pitch + x * row.input_step + channel];
          sum += (q - row.arithmetic.zero_in) * (q - row.arithmetic.zero_in);
        }
        columns[(row.half + x) * kChannelBlock] = sum;
      }
      for (std::int64_t x = 0; x < row.width; ++x) {
        std::int32_t sum = 0;
        for (std::int64_t i = 0; i <= 2 * row.half; ++i) sum += columns[(x + i) * kChannelBlock];
        const std::int32_t q = row.center[x * row.input_step + channel];
        row.output[x * row.output_step + channel] =
            normalise(q - row.arithmetic.zero_in, sum, row.arithmetic);
      }
    }
}

}  // namespace

const LrnI8Functions kLrnI8Generic = {across_channels, within_channel};

}  // namespace octet::kernels
