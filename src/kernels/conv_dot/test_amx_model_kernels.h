// The tile kernels over the portable model, for tests: the order of operations is the real one (amx_block.h),
// the operations are the model's, and outputs are computed with the functions of integer/arithmetic.h.
#pragma once

#include <algorithm>

#include "kernels/conv_dot/amx_block.h"
#include "kernels/conv_dot/test_amx_tile_model.h"
#include "kernels/integer/arithmetic.h"

namespace octet::kernels::conv_dot {
namespace {

/// Of this thread, as the CPU's are.
TileModel& tile_model() {
  thread_local TileModel model;
  return model;
}

void configure_model(AmxTileRows rows) {
  std::uint8_t memory[64] = {1};
  for (int tile = 0; tile < TileModel::kTiles; ++tile) {
    const bool weights = tile >= 6, first = tile < 2 || tile == 4;
    memory[16 + 2 * tile] = kTileRowBytes;
    memory[48 + tile] = static_cast<std::uint8_t>(weights ? kTileRows : first ? rows.first : rows.second);
  }
  tile_model().load_configuration(memory);
}
void release_model() { tile_model().release(); }

struct ModelOperations {
  template <int kTile>
  static void zero() {
    tile_model().zero(kTile);
  }
  template <int kTile>
  static void load_rows(const std::byte* from, std::int64_t row_step) {
    tile_model().load(kTile, from, row_step);
  }
  template <int kTile>
  static void load_weights(const std::byte* from) {
    tile_model().load(kTile, from, kTileRowBytes);
  }
  template <int kTile>
  static void stream_weights(const std::byte* from) {
    tile_model().load(kTile, from, kTileRowBytes, "stream");
  }
  template <int kTile>
  static void store_sums(std::byte* to) {
    tile_model().store(kTile, to, kTileRowBytes);
  }
};

template <class T>
T value_at(const std::byte* from, std::int64_t index) {
  T value;
  std::memcpy(&value, from + index * static_cast<std::int64_t>(sizeof value), sizeof value);
  return value;
}
template <class T>
void put(std::byte* to, std::int64_t index, T value) {
  std::memcpy(to + index * static_cast<std::int64_t>(sizeof value), &value, sizeof value);
}

inline float rectified(float t, const Epilogue& e) {
  return e.rectified ? std::min(std::max(t, 0.0f) + e.slope * std::min(t, 0.0f), e.high) : t;
}

struct ModelInt8 : ModelOperations {
  template <int kSums, int kRows, int kWeights>
  static void dot() {
    tile_model().dot_u8_s8(kSums, kRows, kWeights);
  }
  static void finish(std::int64_t lane, const std::byte* sums, const std::byte* bias, float multiplier,
                     const std::byte* residual, const Epilogue& e, std::byte* output) {
    const auto sum =
        static_cast<float>(value_at<std::int32_t>(sums, lane) + value_at<std::int32_t>(bias, lane));
    if (e.output == Output::kF32) {
      const float addend = residual != nullptr ? value_at<float>(residual, lane) : 0.0f;
      return put(output, lane, rectified(std::fmaf(sum, multiplier, addend), e));
    }
    float addend = e.addend;
    if (residual != nullptr) {
      addend = std::fmaf(value_at<std::uint8_t>(residual, lane), e.residual_scale, e.residual_offset);
    }
    float t = std::fmaf(sum, multiplier, addend);
    if (e.leaky) t = integer::leaky(t, e.zero, e.slope);
    put(output, lane, static_cast<std::uint8_t>(integer::to_integer(t, {e.low, e.high})));
  }
};

struct ModelBf16 : ModelOperations {
  template <int kSums, int kRows, int kWeights>
  static void dot() {
    tile_model().dot_bf16(kSums, kRows, kWeights);
  }
  static void finish(std::int64_t lane, const std::byte* sums, const std::byte* bias, float,
                     const std::byte* residual, const Epilogue& e, std::byte* output) {
    const bool real = e.output == Output::kF32;
    float t = value_at<float>(sums, lane) + value_at<float>(bias, lane);
    if (residual != nullptr) {
      t += real ? value_at<float>(residual, lane) : from_bfloat16(value_at<std::uint16_t>(residual, lane));
    }
    t = rectified(t, e);
    real ? put(output, lane, t) : put(output, lane, to_bfloat16(t));
  }
};

/// Outputs one by one, however the layer's outputs are.
template <class Element>
class ModelFinisher {
 public:
  explicit ModelFinisher(const AmxPanel& panel) : panel_(panel) {}

  void rows(int begin, int end) const {
    const AmxLayer& layer = *panel_.layer;
    for (int r = begin; r < end; ++r) {
      tile_model().note("finish", r);
      const AmxOutput& row = panel_.block.rows[r];
      for (int b = 0; b < panel_.channel_blocks; ++b) {
        const std::int64_t block = panel_.first_channel_block + b;
        for (std::int64_t lane = 0; lane < kTileChannels; ++lane) {
          Element::finish(
              lane, panel_.sums + row.sums + b * kTileBytes, row.bias + block * kTileRowBytes,
              layer.multipliers[block * kTileChannels + lane],
              row.residual == nullptr ? nullptr : row.residual + block * layer.residual_block_step,
              *layer.epilogue, row.output + block * layer.output_block_step);
        }
      }
    }
  }

 private:
  const AmxPanel& panel_;
};

template <class Element>
struct ModelTiles : Element {
  template <class Use>
  static void with_finisher(const AmxPanel&, Use&& use) {
    use(Type<ModelFinisher<Element>>{});
  }
};

template <class Element>
constexpr AmxKernels kModelKernels = {configure_model, AmxAlgorithm<ModelTiles<Element>>::multiply,
                                      AmxAlgorithm<ModelTiles<Element>>::finish, release_model};
constexpr AmxKernels kModelU8 = kModelKernels<ModelInt8>, kModelBf16 = kModelKernels<ModelBf16>;

}  // namespace
}  // namespace octet::kernels::conv_dot
