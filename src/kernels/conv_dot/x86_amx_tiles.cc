// The tile instructions, and which code turns a panel's sums into outputs.
//
// Written as assembly statements, since GCC 12's intrinsics take only literal tile numbers and do not tell
// the optimiser that memory is read: it has dropped stores of a configuration, and may move those of rows and
// weights behind their load. Here "memory" holds all accesses where they stand.
#include "kernels/conv_dot/amx_block.h"
#include "kernels/conv_dot/amx_finishers.h"

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
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(row_step), "i"(kTile) : "memory");
  }
  template <int kTile>
  static void load_weights(const std::byte* from) {
    load_rows<kTile>(from, kTileRowBytes);
  }
  /// Past the first-level cache.
  template <int kTile>
  static void stream_weights(const std::byte* from) {
    asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(from), "r"(std::int64_t{kTileRowBytes}), "i"(kTile)
                 : "memory");
  }
  template <int kTile>
  static void store_sums(std::byte* to) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
                 :
                 : "r"(to), "r"(std::int64_t{kTileRowBytes}), "i"(kTile)
                 : "memory");
  }
};

struct Int8Tiles : TileInstructions {
  template <int kSums, int kRows, int kWeights>
  static void dot() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kRows), "i"(kWeights));
  }

  template <class Use>
  static void with_finisher(const AmxPanel& panel, Use&& use) {
    const AmxLayer& layer = *panel.layer;
    const bool residual = panel.block.rows[0].residual != nullptr;
    const unsigned proofs = layer.proofs[panel.first_channel_block / kPanelTiles];
    if (layer.epilogue->output != Output::kU8 || layer.epilogue->leaky || layer.epilogue->high != 255 ||
        (proofs & kBoundedOutputs) == 0 || (residual && layer.bias_map)) {
      return use(Type<AnyFinisher<IntegerSixteen>>{});
    }
    const bool small = (proofs & kSmallSums) != 0;
    if (panel.channel_blocks == 2) {
      with_bytes<2>(small, residual, layer.bias_map, use);
    } else {
      with_bytes<1>(small, residual, layer.bias_map, use);
    }
  }

 private:
  template <int kBlocks, class Use>
  static void with_bytes(bool small, bool residual, bool bias_map, Use&& use) {
    if (bias_map) return use(Type<ByteFinisher<ByteKind{kBlocks, false, false, true}>>{});
    if (residual) {
      if (small) return use(Type<ByteFinisher<ByteKind{kBlocks, true, true, false}>>{});
      return use(Type<ByteFinisher<ByteKind{kBlocks, false, true, false}>>{});
    }
    if (small) return use(Type<ByteFinisher<ByteKind{kBlocks, true, false, false}>>{});
    return use(Type<ByteFinisher<ByteKind{kBlocks, false, false, false}>>{});
  }
};

struct Bf16Tiles : TileInstructions {
  template <int kSums, int kRows, int kWeights>
  static void dot() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kRows), "i"(kWeights));
  }

  template <class Use>
  static void with_finisher(const AmxPanel& panel, Use&& use) {
    const Epilogue& e = *panel.layer->epilogue;
    const bool residual = panel.block.rows[0].residual != nullptr;
    if (e.output != Output::kBf16 || !only_has_floor(e)) {
      return use(Type<AnyFinisher<Bf16Sixteen>>{});
    }
    if (panel.channel_blocks == 2) {
      residual ? use(Type<Bf16Finisher<2, true>>{}) : use(Type<Bf16Finisher<2, false>>{});
    } else {
      residual ? use(Type<Bf16Finisher<1, true>>{}) : use(Type<Bf16Finisher<1, false>>{});
    }
  }
};

}  // namespace

const AmxKernels kAmxU8 = {configure, AmxAlgorithm<Int8Tiles>::multiply, AmxAlgorithm<Int8Tiles>::finish,
                           release};
const AmxKernels kAmxBf16 = {configure, AmxAlgorithm<Bf16Tiles>::multiply, AmxAlgorithm<Bf16Tiles>::finish,
                             release};

}  // namespace octet::kernels::conv_dot
