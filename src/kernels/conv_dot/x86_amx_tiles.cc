// The tile instructions, and the AVX-512 code that turns their sums into outputs.
//
// Written as assembly statements, since GCC's intrinsics take only literal tile numbers and do not tell the
// optimiser which memory is read. These do where it matters: input and weights are written elsewhere, but
// sums that a tile store wrote are read here.
#include "kernels/conv_dot/amx_block.h"
#include "kernels/simd/narrow_avx512.h"
// After the vector type that it is written over.
#include "kernels/conv_dot/epilogue.h"

namespace octet::kernels::conv_dot {
namespace {

/// The operand of ldtilecfg (Intel's manual, volume 1, section 18.2).
struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfiguration) == 64);

void configure(AmxTileRows tile_rows) {
  const auto first = static_cast<std::uint8_t>(tile_rows.first);
  const auto second = static_cast<std::uint8_t>(tile_rows.second);
  const TileConfiguration configuration = {
      .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
      .rows = {first, first, second, second, first, second, kTileRows, kTileRows}};
  asm volatile("ldtilecfg %0" : : "m"(configuration));
}

void release() { asm volatile("tilerelease"); }

struct TileInstructions {
  template <int kTile>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  template <int kTile>
  static void load_rows(const std::byte* from, std::int64_t row_step) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(row_step), "i"(kTile));
  }
  /// Weights are read once a block and stream through the cache: the T1 hint keeps the rows of input in L1.
  template <int kTile>
  static void load_weights(const std::byte* from) {
    asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(from), "r"(std::int64_t{kTileRowBytes}), "i"(kTile));
  }
  template <int kTile>
  static void store_sums(std::byte* to) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
                 :
                 : "r"(to), "r"(std::int64_t{kTileRowBytes}), "i"(kTile)
                 : "memory");
  }
};

/// 16 sums and what belongs to them.
struct Sixteen {
  const std::byte* sums;
  const std::byte* bias;
  const float* multipliers;
  const std::byte* residual;  // or null
  std::byte* output;
};

/// Calls finish(Sixteen) for all of rows [begin, end).
template <class Finish>
[[gnu::always_inline]] inline void for_each_sixteen(const AmxPanel& panel, int begin, int end,
                                                    Finish&& finish) {
  const AmxLayer& layer = *panel.layer;
  for (int block = 0; block < panel.channel_blocks; ++block) {
    const std::int64_t channels = panel.first_channel_block + block;
    for (int r = begin; r < end; ++r) {
      const AmxOutput& row = panel.rows[r];
      const int tile = row.row / kTileRows * kPanelTiles + block;
      finish({panel.sums + tile * kTileBytes + row.row % kTileRows * kTileRowBytes,
              row.bias + channels * kTileRowBytes, layer.multipliers + channels * kTileChannels,
              row.residual == nullptr ? nullptr : row.residual + channels * layer.residual_block_step,
              row.output + channels * layer.output_block_step});
    }
  }
}

const float* floats(const std::byte* p) { return reinterpret_cast<const float*>(p); }
float* floats(std::byte* p) { return reinterpret_cast<float*>(p); }

struct Int8Tiles : TileInstructions {
  template <int kSums, int kRows, int kWeights>
  static void dot() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kRows), "i"(kWeights));
  }

  static void finish_rows(const AmxPanel& panel, int begin, int end) {
    const Epilogue& epilogue = *panel.layer->epilogue;
    if (epilogue.output == Output::kF32) {
      for_each_sixteen(panel, begin, end, [&](const Sixteen& s) {
        const F32x16 addend = s.residual != nullptr ? load(floats(s.residual)) : broadcast(0.0f);
        const F32x16 t = fused_multiply_add(sums_and_bias(s), load(s.multipliers), addend);
        store(floats(s.output), rectify(t, epilogue));
      });
    } else {
      for_each_sixteen(panel, begin, end, [&](const Sixteen& s) {
        const F32x16 addend = s.residual != nullptr ? residual_addend(load_u8(s.residual), epilogue)
                                                    : broadcast(epilogue.addend);
        store_u8(s.output, requantize(sums_and_bias(s), load(s.multipliers), addend, epilogue));
      });
    }
  }

 private:
  static F32x16 sums_and_bias(const Sixteen& s) {
    return to_float(S32x16{_mm512_add_epi32(_mm512_loadu_si512(s.sums), _mm512_loadu_si512(s.bias))});
  }
};

struct Bf16Tiles : TileInstructions {
  template <int kSums, int kRows, int kWeights>
  static void dot() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kRows), "i"(kWeights));
  }

  static void finish_rows(const AmxPanel& panel, int begin, int end) {
    const Epilogue& epilogue = *panel.layer->epilogue;
    const bool reals = epilogue.output == Output::kF32;
    for_each_sixteen(panel, begin, end, [&](const Sixteen& s) {
      F32x16 t = load(floats(s.sums)) + load(floats(s.bias));
      if (s.residual != nullptr) t = t + (reals ? load(floats(s.residual)) : load_bf16(s.residual));
      t = rectify(t, epilogue);
      if (reals) {
        store(floats(s.output), t);
      } else {
        store_bf16(s.output, t);
      }
    });
  }
};

}  // namespace

const AmxKernels kAmxU8 = {configure, AmxAlgorithm<Int8Tiles>::multiply, AmxAlgorithm<Int8Tiles>::finish,
                           release};
const AmxKernels kAmxBf16 = {configure, AmxAlgorithm<Bf16Tiles>::multiply, AmxAlgorithm<Bf16Tiles>::finish,
                             release};

}  // namespace octet::kernels::conv_dot
