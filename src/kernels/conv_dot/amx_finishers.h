// From the sums of a panel to its outputs, in AVX-512 and to the bit as kernels/integer/arithmetic.h says.
// What nearly all layers are made of has a way of its own (ByteFinisher, Bf16Finisher) that costs a fraction
// of the general one: at small depths the vector units, not the tiles, set the pace.
//
// While the tile unit works, conversions, multiplications and maxima issue once a cycle, additions twice, and
// shuffles once beside them. By that count 16 bytes take 2.6 cycles from small sums (with a residual 4.2) and
// 3.3 from large ones (5.3).
//
// Internal linkage; included by instruction-set files only.
#pragma once

#include "kernels/conv_dot/amx_tiles.h"
#include "kernels/simd/narrow_avx512.h"
// After the vector type that it is written over.
#include "kernels/conv_dot/epilogue.h"

namespace octet::kernels::conv_dot {
namespace {

const float* floats(const std::byte* p) { return reinterpret_cast<const float*>(p); }
float* floats(std::byte* p) { return reinterpret_cast<float*>(p); }

/// Bytes from the start of an AmxOutput's bias to that of the panel.
std::int64_t bias_bytes(const AmxPanel& panel) { return panel.first_channel_block * kTileRowBytes; }

/// A kind of panel whose bytes need no clamp but that of saturating conversions.
struct ByteKind {
  int blocks;       ///< of 16 channels
  bool small_sums;  ///< kSmallSums
  bool residual;
  bool bias_map;
};

/// Two pixels at a time: their sums fill the registers that are packed into bytes. What is the same for all
/// pixels is loaded once.
template <ByteKind kKind>
class ByteFinisher {
 public:
  [[gnu::always_inline]] explicit ByteFinisher(const AmxPanel& panel)
      : rows_(panel.block.rows),
        sums_(panel.sums),
        output_(panel.first_channel_block * panel.layer->output_block_step),
        residual_(panel.first_channel_block * panel.layer->residual_block_step),
        bias_bytes_(bias_bytes(panel)),
        addend_(broadcast(kKind.residual ? panel.layer->epilogue->residual_offset
                                         : panel.layer->epilogue->addend)),
        residual_scale_(broadcast(panel.layer->epilogue->residual_scale)),
        bytes_(panel.layer->epilogue->low) {
    const std::int64_t channel = panel.first_channel_block * kTileChannels;
    for (int block = 0; block < kKind.blocks; ++block) {
      multipliers_[block] = load(panel.layer->multipliers + channel + block * kTileChannels);
      if (!kKind.bias_map) bias_[block] = load_bias(rows_[0], block);
    }
  }

  [[gnu::always_inline]] void rows(int begin, int end) const {
    for (int r = begin; r < end; r += 2) pair(rows_[r], rows_[r + 1 < end ? r + 1 : r]);
  }

 private:
  static constexpr float kWindow = 0x1.8p23f;  // its neighbours within 2^22 are whole numbers
  static constexpr int kWindowBits = 0x4b400000;

  [[gnu::always_inline]] __m512i load_bias(const AmxOutput& row, int block) const {
    const __m512i bias = _mm512_loadu_si512(row.bias + bias_bytes_ + block * kTileRowBytes);
    return kKind.small_sums ? _mm512_add_epi32(bias, _mm512_set1_epi32(kWindowBits)) : bias;
  }

  /// float(sum + bias). Conversions, like multiplications, issue once a cycle while the tile unit works,
  /// additions twice. So a small sum is added, as an integer, to the bits of 1.5 * 2^23, which makes them
  /// those of 1.5 * 2^23 + sum; taking 1.5 * 2^23 from that is exact.
  [[gnu::always_inline]] F32x16 real_sums(const AmxOutput& row, int block) const {
    const __m512i bias = kKind.bias_map ? load_bias(row, block) : bias_[block];
    const __m512i sums = _mm512_add_epi32(_mm512_loadu_si512(sums_ + row.sums + block * kTileBytes), bias);
    if constexpr (kKind.small_sums) return F32x16{_mm512_castsi512_ps(sums)} - broadcast(kWindow);
    return to_float(S32x16{sums});
  }

  [[gnu::always_inline]] F32x16 scaled(const AmxOutput& row, int block) const {
    F32x16 addend = addend_;
    if constexpr (kKind.residual) {
      const F32x16 residual = load_u8(row.residual + residual_ + block * kTileChannels);
      addend = fused_multiply_add(residual, residual_scale_, addend_);
    }
    return fused_multiply_add(real_sums(row, block), multipliers_[block], addend);
  }

  /// Both are read before either is written: in place, `a` and `b` may be the same pixel.
  [[gnu::always_inline]] void pair(const AmxOutput& a, const AmxOutput& b) const {
    if constexpr (kKind.blocks == 2) {
      const __m512i bytes = bytes_.pack({scaled(a, 0), scaled(a, 1), scaled(b, 0), scaled(b, 1)});
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(a.output + output_), _mm512_castsi512_si256(bytes));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(b.output + output_),
                          _mm512_extracti64x4_epi64(bytes, 1));
    } else {
      const __m256i bytes = _mm512_castsi512_si256(bytes_.pack({scaled(a, 0), scaled(b, 0)}));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(a.output + output_), _mm256_castsi256_si128(bytes));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(b.output + output_), _mm256_extracti128_si256(bytes, 1));
    }
  }

  const AmxOutput* rows_;
  const std::byte* sums_;
  std::int64_t output_, residual_, bias_bytes_;
  F32x16 addend_, residual_scale_;
  SaturatedBytes bytes_;
  F32x16 multipliers_[kKind.blocks];
  __m512i bias_[kKind.blocks];
};

/// BF16 outputs with or without a plain ReLU, rounded by AVX512_BF16 (denormals become zero, as they are
/// everywhere while an engine runs).
template <int kBlocks, bool kResidual>
class Bf16Finisher {
 public:
  [[gnu::always_inline]] explicit Bf16Finisher(const AmxPanel& panel)
      : rows_(panel.block.rows),
        sums_(panel.sums),
        output_(panel.first_channel_block * panel.layer->output_block_step),
        residual_(panel.first_channel_block * panel.layer->residual_block_step),
        low_(bf16_floor(*panel.layer->epilogue)) {
    for (int block = 0; block < kBlocks; ++block) {
      bias_[block] = load(floats(rows_[0].bias + bias_bytes(panel) + block * kTileRowBytes));
    }
  }

  [[gnu::always_inline]] void rows(int begin, int end) const {
    for (int r = begin; r < end; ++r) {
      std::byte* const to = rows_[r].output + output_;
      if constexpr (kBlocks == 2) {
        const __m512bh narrow = _mm512_cvtne2ps_pbh(value(rows_[r], 1).all, value(rows_[r], 0).all);
        _mm512_storeu_si512(to, reinterpret_cast<__m512i>(narrow));
      } else {
        const __m256bh narrow = _mm512_cvtneps_pbh(value(rows_[r], 0).all);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(narrow));
      }
    }
  }

 private:
  [[gnu::always_inline]] F32x16 value(const AmxOutput& row, int block) const {
    F32x16 t = load(floats(sums_ + row.sums + block * kTileBytes)) + bias_[block];
    if constexpr (kResidual) t = t + load_bf16(row.residual + residual_ + block * kTileChannels * 2);
    return max(low_, t);  // a NaN stays
  }

  const AmxOutput* rows_;
  const std::byte* sums_;
  std::int64_t output_, residual_;
  F32x16 low_;
  F32x16 bias_[kBlocks];
};

/// All other kinds, 16 outputs at a time.
template <class Sixteen>
class AnyFinisher {
 public:
  explicit AnyFinisher(const AmxPanel& panel) : panel_(panel) {}

  [[gnu::noinline]] void rows(int begin, int end) const {
    const AmxLayer& layer = *panel_.layer;
    for (int r = begin; r < end; ++r) {
      const AmxOutput& row = panel_.block.rows[r];
      for (int b = 0; b < panel_.channel_blocks; ++b) {
        const std::int64_t block = panel_.first_channel_block + b;
        Sixteen::finish(panel_.sums + row.sums + b * kTileBytes, row.bias + block * kTileRowBytes,
                        layer.multipliers + block * kTileChannels,
                        row.residual == nullptr ? nullptr : row.residual + block * layer.residual_block_step,
                        *layer.epilogue, row.output + block * layer.output_block_step);
      }
    }
  }

 private:
  const AmxPanel& panel_;
};

struct IntegerSixteen {
  static void finish(const std::byte* sums, const std::byte* bias, const float* multipliers,
                     const std::byte* residual, const Epilogue& epilogue, std::byte* output) {
    const F32x16 total =
        to_float(S32x16{_mm512_add_epi32(_mm512_loadu_si512(sums), _mm512_loadu_si512(bias))});
    if (epilogue.output == Output::kF32) {
      const F32x16 addend = residual != nullptr ? load(floats(residual)) : broadcast(0.0f);
      const F32x16 t = fused_multiply_add(total, load(multipliers), addend);
      store(floats(output), rectify(t, epilogue));
    } else {
      const F32x16 addend =
          residual != nullptr ? residual_addend(load_u8(residual), epilogue) : broadcast(epilogue.addend);
      store_u8(output, requantize(total, load(multipliers), addend, epilogue));
    }
  }
};

struct Bf16Sixteen {
  static void finish(const std::byte* sums, const std::byte* bias, const float*, const std::byte* residual,
                     const Epilogue& epilogue, std::byte* output) {
    const bool reals = epilogue.output == Output::kF32;
    F32x16 t = load(floats(sums)) + load(floats(bias));
    if (residual != nullptr) t = t + (reals ? load(floats(residual)) : load_bf16(residual));
    t = rectify(t, epilogue);
    if (reals) {
      store(floats(output), t);
    } else {
      store_bf16(output, t);
    }
  }
};

}  // namespace
}  // namespace octet::kernels::conv_dot
