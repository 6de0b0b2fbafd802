// The micro-kernels of direct convolution for any vector register: included by the instruction-set files
// only, whose Ops (vector_*.h) has internal linkage, and with it all that is made from these templates.
#pragma once

#include "kernels/conv_f32/contract.h"

namespace octet::kernels::conv_f32 {

/// kRows pixels times kVectors * 16 channels in registers. kPixel: floats from one pixel of the input to the
/// next, 16 or 1.
template <class Ops, int kRows, int kVectors, int kPixel>
class Block {
 public:
  static void blocked(const DirectBlock& b) {
    Block block;
    block.start(b);
    const float* w = b.weights;
    const float* ahead = b.ahead;
    const std::int64_t taps = b.full_taps + b.tail_taps, gap = b.input_gap;
    for (std::int64_t t = 0; t < taps; ++t) {
      const float* x = b.input + b.taps[t];
      // The next tap's pixels often lie in another block of channels, too far for the hardware to foresee.
      const float* next = b.input + b.taps[t + 1 < taps ? t + 1 : t];
#pragma GCC unroll 14
      for (int r = 0; r < kRows; ++r) __builtin_prefetch(&pixel(next, gap, r));
      for (std::int64_t line = b.ahead_lines; line > 0; --line, ahead += 16) __builtin_prefetch(ahead);
      for (std::int64_t quads = t < b.full_taps ? 4 : b.tail_quads; quads > 0; --quads) {
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) block.step(x + c, gap, w + c * kChannels);
        x += 4, w += 4 * kChannels;
      }
    }
    block.finish(b);
  }

  static void planar(const DirectBlock& b) {
    Block block;
    // First layers write large maps after few multiplications: the output's lines come while the sums are
    // made, instead of stalling the stores.
    each([&](int r, int v) { __builtin_prefetch(b.output + place(r, v, b.output_gap, b.vector_stride)); });
    block.start(b);
    const float* w = b.weights;
    const std::int64_t gap = b.input_gap;
    for (std::int64_t t = 0; t < b.full_taps; ++t, w += kChannels) {
      block.step(b.input + b.taps[t], gap, w);
    }
    block.finish(b);
  }

 private:
  using Vector = typename Ops::Vector;
  static constexpr int kChannels = kVectors * 16;
  static constexpr int kRegisters = kChannels / Ops::kLanes;  // of one row
  static constexpr int kFirstRun = (kRows + 1) / 2;

  Vector sum_[kRows][kRegisters];

  template <class F>
  [[gnu::always_inline]] static void each(F&& f) {
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kRegisters; ++v) f(r, v);
    }
  }

  // Pixel r of a block whose first one is *x.
  [[gnu::always_inline]] static const float& pixel(const float* x, std::int64_t gap, int r) {
    return r < kFirstRun ? x[r * kPixel] : x[gap + (r - kFirstRun) * kPixel];
  }

  // Where sum_[r][v] belongs in the output (or the residual, which has its own gap).
  [[gnu::always_inline]] static std::int64_t place(int r, int v, std::int64_t gap,
                                                   std::int64_t vector_stride) {
    const int channel = v * Ops::kLanes;
    return channel / 16 * vector_stride + channel % 16 +
           (r < kFirstRun ? r * 16 : gap + (r - kFirstRun) * 16);
  }

  // The choices are made once, not once a register.
  [[gnu::always_inline]] void start(const DirectBlock& b) {
    if (b.bias == nullptr) {
      each([&](int r, int v) {
        sum_[r][v] = Ops::load(b.output + place(r, v, b.output_gap, b.vector_stride));
      });
      return;
    }
    each([&](int r, int v) { sum_[r][v] = Ops::load(b.bias + v * Ops::kLanes); });
    if (b.residual == nullptr) return;
    each([&](int r, int v) {
      const float* shortcut = b.residual + place(r, v, b.residual_gap, b.vector_stride);
      sum_[r][v] = Ops::add(sum_[r][v], Ops::load(shortcut));
    });
  }

  // One channel of one tap; `x` is its value in the first pixel of the first run.
  [[gnu::always_inline]] void step(const float* x, std::int64_t gap, const float* w) {
    Vector weights[kRegisters];
#pragma GCC unroll 2
    for (int v = 0; v < kRegisters; ++v) weights[v] = Ops::load(w + v * Ops::kLanes);
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) {
      const Vector value = Ops::all(pixel(x, gap, r));
#pragma GCC unroll 2
      for (int v = 0; v < kRegisters; ++v) sum_[r][v] = Ops::multiply_add(value, weights[v], sum_[r][v]);
    }
    // Keeps GCC 12 from loading the next step's operands early and spilling sums for them.
    asm volatile("" ::: "memory");
  }

  [[gnu::always_inline]] void finish(const DirectBlock& b) {
    const auto store = [&](Activation activation) {
      each([&](int r, int v) {
        Ops::store(b.output + place(r, v, b.output_gap, b.vector_stride),
                   activate<Ops>(sum_[r][v], activation));
      });
    };
    if (b.activation.slope == 0.0f) {
      store({b.activation.lower_bound, b.activation.upper_bound, 0.0f});
    } else {
      store(b.activation);
    }
  }
};

template <class Ops>
struct Depthwise {
  static constexpr int kRegisters = 16 / Ops::kLanes;
  static constexpr int kGroup = 4;  // pixels at a time: independent sums hide the multiply-add's latency

  template <int kPixels>
  [[gnu::always_inline]] static void pixels(const DepthwiseRun& run, std::int64_t begin) {
    const float* input = run.input + begin * run.pixel_step;
    typename Ops::Vector sum_[kPixels][kRegisters];
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 2
      for (int v = 0; v < kRegisters; ++v) sum_[p][v] = Ops::load(run.bias + v * Ops::kLanes);
    }
    for (std::int64_t ky = 0; ky < run.kernel_h; ++ky) {
      for (std::int64_t kx = 0; kx < run.kernel_w; ++kx) {
        const float* w = run.weights + ky * run.weights_row_step + kx * 16;
        const float* x = input + ky * run.row_step + kx * run.column_step;
#pragma GCC unroll 4
        for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 2
          for (int v = 0; v < kRegisters; ++v) {
            const int lane = v * Ops::kLanes;
            sum_[p][v] =
                Ops::multiply_add(Ops::load(x + p * run.pixel_step + lane), Ops::load(w + lane), sum_[p][v]);
          }
        }
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 2
      for (int v = 0; v < kRegisters; ++v) {
        const std::int64_t place = (begin + p) * 16 + v * Ops::kLanes;
        if (run.residual != nullptr) sum_[p][v] = Ops::add(sum_[p][v], Ops::load(run.residual + place));
        Ops::store(run.output + place, activate<Ops>(sum_[p][v], run.activation));
      }
    }
  }

  static void run(const DepthwiseRun& run) {
    std::int64_t pixel = 0;
    for (; pixel + kGroup <= run.pixels; pixel += kGroup) pixels<kGroup>(run, pixel);
    for (; pixel < run.pixels; ++pixel) pixels<1>(run, pixel);
  }
};

}  // namespace octet::kernels::conv_f32
