// A kernel: one way of computing one operation on one instruction set, bound to sizes. Made by a registry
// entry (see registry.h), packs its weights once, then runs any number of times from any number of contexts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "kernels/op_desc.h"

namespace octet::kernels {

/// One operand of a call. `image_stride` counts elements and may be larger than the map (a part of a
/// concatenation). Data of kNchw16c operands is aligned to 64 bytes, and so is their image stride; kNhwc ones
/// to 16 elements (4 in maps of up to 4 channels); the caller's memory only to the element. Where a kNhwc
/// operand is not the caller's memory, the 64 bytes behind its last image may be read, whatever they hold.
struct Operand {
  std::byte* data = nullptr;
  std::int64_t image_stride = 0;

  float* floats() const { return reinterpret_cast<float*>(data); }
  std::uint8_t* bytes() const { return reinterpret_cast<std::uint8_t*>(data); }
};

/// Weights of an integer convolution or fully connected layer, made by quantize/integer_layer.h;
/// kernels/integer/ arithmetic.h says what they mean.
struct IntegerWeights {
  std::span<const std::int8_t> weights;    ///< {out, in / groups, kh, kw} or {out, in}
  std::span<const std::int32_t> bias;      ///< {out}; empty if there is a bias map
  std::span<const float> multipliers;      ///< {out}
  std::span<const std::int32_t> bias_map;  ///< {out, output height, output width}, or empty
};

/// One share of one step: `images` consecutive images, the share of worker `worker` out of `workers`. All
/// workers of a step get the same operands and split the work between themselves by these two numbers; the
/// results must not depend on them. The caller puts a barrier after the step. `scratch` is this worker's own,
/// 64-byte aligned.
struct Call {
  int images = 0;
  std::span<const Operand> inputs;
  Operand output;
  const std::byte* weights = nullptr;  // what pack() wrote
  std::byte* scratch = nullptr;
  int worker = 0;
  int workers = 1;
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  /// Bytes that pack() writes and Call::weights points to (64-byte aligned). They may come from a file (a
  /// saved engine), so no address and no size may depend on their values: whatever they are, run() stays
  /// inside its operands.
  virtual std::size_t packed_bytes() const { return 0; }
  /// Reads the weights as the OpDesc's comment orders them and writes packed_bytes() bytes, every one of
  /// them.
  virtual void pack(std::span<const std::span<const float>> weights, std::span<std::byte> packed) const {
    (void)weights, (void)packed;
  }
  /// The same for kernels whose input is kUInt8 or kInt16.
  virtual void pack_integer(const IntegerWeights& weights, std::span<std::byte> packed) const {
    (void)weights, (void)packed;
  }
  /// Scratch that each worker needs for calls of up to `images` images.
  virtual std::size_t scratch_bytes(int images) const { return (void)images, 0; }
  /// True if output and inputs[i] may be the very same memory (element-wise operations).
  virtual bool in_place(int input) const { return (void)input, false; }

  virtual void run(const Call& call) const noexcept = 0;

  /// Multiply-accumulates that run() executes as worker `worker` of `workers` in a call of `images` images,
  /// padding included (of Winograd those that it leaves): counted by going through the very shares that run()
  /// takes. plan/balance.h compares workers by it. 0 of kernels that multiply nothing.
  virtual std::int64_t worker_macs(int images, int worker, int workers) const {
    return (void)images, (void)worker, (void)workers, 0;
  }
};

/// [begin, end) of worker's contiguous share of `items`, sizes differing by at most one.
struct Share {
  std::int64_t begin, end;
  constexpr std::int64_t size() const { return end - begin; }
};
constexpr Share share_of(std::int64_t items, int worker, int workers) {
  return {items * worker / workers, items * (worker + 1) / workers};
}

/// Items of one line, as pixels of one image.
struct Stretch {
  std::int64_t line, first, count;
};
/// A share of items that stand in lines of `length`, as stretches of one line each and no longer than `most`.
class Stretches {
 public:
  Stretches(Share share, std::int64_t length, std::int64_t most)
      : share_(share), length_(length), most_(most) {}
  Stretches(Share share, std::int64_t length) : Stretches(share, length, length) {}

  class Iterator {
   public:
    Iterator(const Stretches& all, std::int64_t item) : all_(all), item_(item) {}
    Stretch operator*() const {
      const std::int64_t first = item_ % all_.length_;
      return {item_ / all_.length_, first,
              std::min({all_.most_, all_.length_ - first, all_.share_.end - item_})};
    }
    Iterator& operator++() {
      item_ += (**this).count;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return item_ < other.item_; }

   private:
    const Stretches& all_;
    std::int64_t item_;
  };
  Iterator begin() const { return {*this, share_.begin}; }
  Iterator end() const { return {*this, share_.end}; }

 private:
  Share share_;
  std::int64_t length_, most_;
};

}  // namespace octet::kernels
