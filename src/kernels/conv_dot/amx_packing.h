// A layer's weights as tiles want them:
//
//   [proofs][bias][multipliers][group of the convolution][panel][step][16 channels][16 quads][channel][4
//   bytes]
//
// each part on a 64-byte boundary; amx_tiles.h explains panel and step. Proofs (of integers) are a byte for
// each panel of each group. The bias is s32 (BF16: float), one a channel, or with a bias map one a pixel and
// channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/conv_dot/amx_geometry.h"
#include "kernels/conv_dot/contract.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_dot {

class AmxWeights {
 public:
  /// `epilogue`: the layer's.
  AmxWeights(const ConvDesc& desc, const AmxGeometry& geometry, const Epilogue& epilogue);

  std::size_t bytes() const { return static_cast<std::size_t>(bytes_); }
  /// Blocks of 16 output channels of one group.
  std::int64_t channel_blocks() const { return channel_blocks_; }

  void pack(const IntegerWeights& weights, std::span<std::byte> packed) const;
  /// BF16: FP32 weights, and a bias or an empty span.
  void pack(std::span<const float> weights, std::span<const float> bias, std::span<std::byte> packed) const;

  // Reading what was packed.
  std::int64_t bias_pixel_bytes() const { return bias_map_ ? padded_outputs_ * 4 : 0; }
  const std::byte* bias(const std::byte* packed, std::int64_t group) const {
    return packed + bias_ + group * group_outputs_ * 4;
  }
  const std::uint8_t* proofs(const std::byte* packed, std::int64_t group) const {
    return reinterpret_cast<const std::uint8_t*>(packed) + group * panels_;
  }
  const float* multipliers(const std::byte* packed, std::int64_t group) const {
    return reinterpret_cast<const float*>(packed + multipliers_) + group * group_outputs_;
  }
  const std::byte* tiles(const std::byte* packed, std::int64_t group) const {
    return packed + tiles_ + group * group_bytes_;
  }

 private:
  template <class Weight, class Convert>
  void pack_tiles(std::span<const Weight> weights, Convert convert, std::byte* to) const;
  void prove(const IntegerWeights& weights, std::uint8_t* proofs) const;
  std::uint8_t proof(const IntegerWeights& weights, std::int64_t channel) const;

  std::int64_t groups_, group_outputs_, padded_outputs_, channel_blocks_, panels_, pixels_;
  bool bias_map_;
  double largest_addend_;  // in an output, beside its scaled sum
  std::int64_t depth_;     // weights of one output channel
  std::int64_t step_count_;
  /// Which weight of an output channel each element of a step meets; -1: none.
  std::vector<std::int64_t> sources_;
  std::int64_t bias_ = 0, multipliers_ = 0, tiles_ = 0, group_bytes_ = 0, bytes_ = 0;
};

}  // namespace octet::kernels::conv_dot
