// Random small networks for whole-engine tests.
#pragma once

#include <memory>

#include "octet/network.h"
#include "tests/support/graph_builder.h"

namespace octet::test {

/// Maps of any channel count and size: block tails, parts of concatenations that begin inside a block,
/// tensors read by several layers, flattened maps, more than one input and output.
class RandomNetwork {
 public:
  explicit RandomNetwork(std::uint32_t seed) : builder_(seed), apart_(seed) {}

  Network build() {
    size_ = pick(5, 12);
    maps_.push_back(builder_.input({1, pick(1, 4), size_, size_}, "x"));
    if (pick(0, 2) == 0) maps_.push_back(builder_.input({1, channels(), size_, size_}, "y"));
    const int layers = pick(3, 14);
    for (int i = 0; i < layers; ++i) maps_.push_back(sometimes_activated(layer()));
    std::vector<graph::TensorId> outputs = {maps_.back()};
    if (pick(0, 1) == 0) outputs.push_back(head(any()));
    if (const graph::TensorId extra = any(); pick(0, 2) == 0 && extra != outputs[0] && extra > 1)
      outputs.push_back(extra);
    return Network(std::make_shared<graph::Graph>(builder_.finish(std::move(outputs))));
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(builder_.random()); }
  std::int64_t channels() {
    constexpr std::int64_t kCounts[] = {1, 3, 16, 20, 32, 48};
    return kCounts[pick(0, 5)];
  }
  graph::TensorId any() {
    return maps_[static_cast<std::size_t>(pick(0, static_cast<int>(maps_.size()) - 1))];
  }
  graph::TensorId source() { return pick(0, 3) == 0 ? any() : maps_.back(); }
  std::int64_t channels_of(graph::TensorId t) { return builder_.graph().shape(t)[1]; }

  /// Squeeze and excitation, without layers in between.
  graph::TensorId gated(graph::TensorId in) {
    const graph::TensorId squeezed =
        builder_.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .global = true}, {in});
    const graph::TensorId gate =
        builder_.node(graph::Activation{graph::ActivationFunction::kSigmoid}, {squeezed});
    return builder_.node(graph::Eltwise{.kind = graph::EltwiseKind::kProduct}, {in, gate});
  }
  /// Drawn apart, so that the rest of the network stays what it was.
  graph::TensorId sometimes_activated(graph::TensorId in) {
    using graph::Activation, graph::ActivationFunction;
    switch (std::uniform_int_distribution<int>(0, 39)(apart_)) {
      case 0:
        return builder_.node(Activation{ActivationFunction::kSigmoid}, {in});
      case 1:
        return builder_.node(Activation{ActivationFunction::kTanh}, {in});
      case 2:
        return builder_.node(Activation{ActivationFunction::kHardSigmoid, 0.2f, 0.5f}, {in});
      case 3:
        return builder_.node(Activation{ActivationFunction::kHardSwish}, {in});
      case 4:
        return builder_.node(Activation{ActivationFunction::kClip, -0.5f, 1.5f}, {in});
      case 5:
        return gated(in);
      case 6: {
        const std::int64_t count = (channels_of(in) + 1) / 2;
        const std::int64_t first =
            std::uniform_int_distribution<std::int64_t>(0, channels_of(in) - count)(apart_);
        return builder_.node(graph::Slice{first, count}, {in});
      }
      case 7:
        return builder_.node(graph::ChannelShuffle{channels_of(in) % 2 == 0 ? 2 : 1}, {in});
      case 8: {
        const std::int64_t half = channels_of(in) / 2;
        if (half == 0) return in;
        const graph::TensorId rest = builder_.node(graph::Slice{half, channels_of(in) - half}, {in});
        return builder_.node(graph::Concat{}, {rest, builder_.node(graph::Slice{0, half}, {in})});
      }
      case 9:  // read by a pooling, and often by a convolution too
        return builder_.node(graph::Pooling{.window = square_window(3)},
                             {builder_.node(graph::Pad{2, 1, 0, 1, apart_() % 2 == 0 ? 0.0f : 0.5f}, {in})});
      case 10:
        return builder_.node(graph::Eltwise{.kind = graph::EltwiseKind::kMin}, {in, builder_.relu(in)});
      default:
        return in;
    }
  }

  graph::TensorId convolution(graph::TensorId in, std::int64_t out) {
    const std::int64_t kernel = pick(0, 2) == 0 ? 1 : pick(1, 2) * 2 + 1;
    const std::int64_t groups = channels_of(in) % 2 == 0 && out % 2 == 0 && pick(0, 4) == 0 ? 2 : 1;
    graph::TensorId t =
        builder_.convolution(in, {square_window(kernel, 1, kernel / 2), out, groups, {}}, pick(0, 1) == 0);
    if (pick(0, 1) != 0) return t;
    const int kind = pick(0, 2);
    t = kind == 0 ? builder_.relu(t, 0.25f) : kind == 1 ? builder_.relu(t, 0, 2) : builder_.relu(t);
    return t;
  }
  graph::TensorId layer() {
    const graph::TensorId in = source();
    switch (pick(0, 10)) {
      case 0:
      case 1:
        return convolution(in, channels());
      case 2:
        return builder_.relu(builder_.affine(builder_.batch_norm(convolution(in, channels()))));
      case 3:
        return builder_.sum({in, convolution(in, channels_of(in))});
      case 4:
        return builder_.relu(builder_.sum({convolution(in, channels_of(in)), in}));
      case 5:
        return builder_.node(graph::Pooling{.window = square_window(3, 1, 1)}, {in});
      case 6:
        return builder_.node(
            graph::Pooling{.kind = graph::PoolKind::kAverage, .window = square_window(3, 1, 1)}, {in});
      case 7:
        return builder_.node(graph::Lrn{.size = 3, .alpha = 0.1f}, {in});
      case 8:
        return builder_.affine(in, pick(0, 1) == 0);
      case 9:
        return builder_.node(graph::Eltwise{.kind = graph::EltwiseKind::kMax}, {in, builder_.relu(in, 0.5f)});
      default: {
        std::vector<graph::TensorId> parts = {convolution(in, channels()), any(),
                                              convolution(in, channels())};
        if (pick(0, 1) == 0) std::swap(parts[0], parts[1]);
        if (pick(0, 2) == 0) parts.push_back(parts[0]);
        return builder_.node(graph::Concat{}, std::move(parts));
      }
    }
  }
  graph::TensorId head(graph::TensorId in) {
    switch (pick(0, 3)) {
      case 0:
        in = builder_.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .global = true}, {in});
        break;
      case 1:
        in = builder_.node(graph::Flatten{}, {in});
        break;
      case 2:
        in = builder_.relu(builder_.node(graph::Flatten{}, {in}), 0.1f);
        break;
      default:
        break;
    }
    if (pick(0, 3) > 0) in = builder_.relu(builder_.inner_product(in, pick(1, 40)));
    if (pick(0, 1) == 0) in = builder_.inner_product(in, pick(1, 40), false);
    return builder_.node(graph::Softmax{}, {in});
  }

  GraphBuilder builder_;
  std::mt19937 apart_;
  std::vector<graph::TensorId> maps_;
  std::int64_t size_ = 8;
};

}  // namespace octet::test
