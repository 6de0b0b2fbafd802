#include "fuzz/targets/network_of_bytes.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "tests/support/graph_builder.h"

namespace octet::fuzz {
namespace {

using graph::TensorId;

class NetworkOfBytes {
 public:
  explicit NetworkOfBytes(ByteChoices& choices) : choices_(choices), builder_(choices.byte()) {}

  Network build() {
    constexpr std::int64_t kChannels[] = {1, 2, 3, 4, 8, 16, 17};
    constexpr int kMostLayers = 8;
    const std::int64_t channels = choices_.of(kChannels);
    tensors_.push_back(builder_.input({1, channels, choices_.pick(1, 14), choices_.pick(1, 14)}));
    for (int i = 0; i < kMostLayers && !choices_.used_up(); ++i) tensors_.push_back(layer(source()));
    std::vector<TensorId> outputs = {tensors_.back()};
    if (const TensorId extra = source(); choices_.flag() && extra != outputs[0] && extra != tensors_[0])
      outputs.push_back(extra);
    if (outputs[0] == tensors_[0]) outputs[0] = builder_.relu(tensors_[0]);
    return Network(std::make_shared<graph::Graph>(builder_.finish(std::move(outputs))));
  }

 private:
  TensorId source() { return choices_.byte() < 192 ? tensors_.back() : any(); }
  TensorId any() { return tensors_[static_cast<std::size_t>(choices_.byte()) % tensors_.size()]; }
  const Shape& shape(TensorId t) const { return builder_.graph().shape(t); }
  bool is_map(TensorId t) const { return shape(t).rank() == 4; }

  std::optional<graph::Relu> sometimes_relu() {
    constexpr graph::Relu kRelus[] = {{}, {0.25f}, {0, 2}, {0, 6}, {0.1f, 1}, {1}};
    if (choices_.flag()) return std::nullopt;
    return choices_.of(kRelus);
  }
  TensorId with_relu(TensorId t) {
    const std::optional<graph::Relu> relu = sometimes_relu();
    return relu ? builder_.node(*relu, {t}) : t;
  }

  graph::Window window(TensorId in, bool dilated) {
    graph::Window w;
    w.kernel_h = choices_.pick(1, 5), w.kernel_w = choices_.flag() ? choices_.pick(1, 7) : w.kernel_h;
    w.stride_h = choices_.pick(1, 3), w.stride_w = choices_.flag() ? choices_.pick(1, 3) : w.stride_h;
    if (dilated && choices_.byte() % 8 == 7)
      w.dilation_h = choices_.pick(1, 3), w.dilation_w = choices_.pick(1, 3);
    w.pad_top = choices_.pick(0, w.kernel_h - 1), w.pad_left = choices_.pick(0, w.kernel_w - 1);
    w.pad_bottom = choices_.flag() ? choices_.pick(0, w.kernel_h - 1) : w.pad_top;
    w.pad_right = choices_.flag() ? choices_.pick(0, w.kernel_w - 1) : w.pad_left;
    // As much padding below as the window needs to fit.
    const auto fit = [](std::int64_t size, std::int64_t kernel, std::int64_t dilation, std::int64_t before,
                        std::int64_t& after) {
      after = std::max(after, (kernel - 1) * dilation + 1 - size - before);
    };
    fit(shape(in)[2], w.kernel_h, w.dilation_h, w.pad_top, w.pad_bottom);
    fit(shape(in)[3], w.kernel_w, w.dilation_w, w.pad_left, w.pad_right);
    return w;
  }

  TensorId convolution(TensorId in, std::int64_t out) {
    const std::int64_t channels = shape(in)[1];
    constexpr std::int64_t kDivisors[] = {1, 1, 1, 2, 3, 4, 8, 0};
    std::int64_t groups = choices_.of(kDivisors);
    if (groups == 0) groups = channels;  // depthwise
    if (channels % groups != 0) groups = 1;
    out = (out + groups - 1) / groups * groups;
    const graph::Window w = window(in, true);
    return with_relu(builder_.convolution(in, {w, out, groups, {}}, choices_.flag()));
  }
  std::int64_t channels() {
    constexpr std::int64_t kChannels[] = {1, 4, 16, 17, 24, 32, 48};
    return choices_.of(kChannels);
  }
  TensorId pooling(TensorId in) {
    graph::Pooling pooling;
    pooling.kind = choices_.flag() ? graph::PoolKind::kAverage : graph::PoolKind::kMax;
    pooling.rounding = choices_.flag() ? graph::Rounding::kFloor : graph::Rounding::kCeil;
    pooling.divisor =
        choices_.flag() ? graph::AverageDivisor::kValidOnly : graph::AverageDivisor::kPaddedWindow;
    pooling.global = choices_.byte() % 4 == 3;
    if (!pooling.global) pooling.window = window(in, false);
    return builder_.node(pooling, {in});
  }
  /// Of two branches that have the same shape.
  TensorId joined(TensorId in) {
    constexpr graph::EltwiseKind kKinds[] = {graph::EltwiseKind::kSum, graph::EltwiseKind::kMax,
                                             graph::EltwiseKind::kProduct, graph::EltwiseKind::kMin};
    const TensorId other = is_map(in) ? builder_.convolution(in, {{}, shape(in)[1], 1, {}})
                                      : builder_.inner_product(in, shape(in).elements_per_image());
    std::vector<TensorId> parts = {in, other};
    if (choices_.flag()) std::swap(parts[0], parts[1]);
    if (choices_.byte() % 4 == 3) parts.push_back(other);
    graph::Eltwise op{.kind = choices_.of(kKinds)};
    if (op.kind == graph::EltwiseKind::kSum && choices_.flag()) {
      constexpr float kCoefficients[] = {1, -1, 0.5f, 0};
      for (std::size_t i = 0; i < parts.size(); ++i) op.coefficients.push_back(choices_.of(kCoefficients));
    }
    return with_relu(builder_.node(std::move(op), std::move(parts)));
  }
  TensorId activation(TensorId in) {
    using graph::Activation, graph::ActivationFunction;
    // Rounding is a step, so only what every instruction set has exactly can be rounded: the network's input.
    if (in == tensors_[0] && choices_.flag())
      return builder_.node(Activation{ActivationFunction::kRounding, 0.03125f, 128}, {in});
    const Activation kActivations[] = {{ActivationFunction::kSigmoid},
                                       {ActivationFunction::kTanh},
                                       {ActivationFunction::kHardSigmoid, 0.2f, 0.5f},
                                       {ActivationFunction::kHardSwish},
                                       {ActivationFunction::kClip, -0.5f, 1.5f}};
    return builder_.node(choices_.of(kActivations), {in});
  }

  TensorId layer(TensorId in) {
    if (!is_map(in)) return vector_layer(in);
    switch (choices_.pick(0, 19)) {
      case 0:
      case 1:
      case 2:
        return convolution(in, channels());
      case 3:
        return convolution(in, shape(in)[1]);
      case 4:
        return pooling(in);
      case 5:
        return builder_.batch_norm(in);
      case 6:
        return with_relu(builder_.affine(in, choices_.flag(), choices_.flag()));
      case 7:
        return joined(in);
      case 8:
        return builder_.node(graph::Concat{}, {in, convolution_of_same_size(in), in});
      case 9:
        return builder_.node(graph::Lrn{.region = choices_.flag() ? graph::LrnRegion::kWithinChannel
                                                                  : graph::LrnRegion::kAcrossChannels,
                                        .size = 2 * choices_.pick(0, 2) + 1,
                                        .alpha = 0.1f},
                             {in});
      case 10:
        return activation(in);
      case 11:
        return builder_.node(graph::Flatten{}, {in});
      case 12:
        return with_relu(builder_.inner_product(in, choices_.pick(1, 40), choices_.flag()));
      case 13:
        return gated(in);
      case 14:
        return slice(in);
      case 15:
        return shuffle(in);
      case 16:
        return pad(in);
      case 17:
        return builder_.node(graph::Reshape{{0, shape(in)[1] * shape(in)[2], 1, -1}}, {in});
      case 18:
        return builder_.identity(in);
      default:
        return builder_.node(graph::Softmax{.logarithm = choices_.flag()}, {in});
    }
  }
  /// A squeeze-and-excitation, or divided by what it would be multiplied by.
  TensorId gated(TensorId in) {
    const TensorId mean =
        builder_.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .global = true}, {in});
    const TensorId gate = builder_.node(graph::Activation{graph::ActivationFunction::kSigmoid},
                                        {builder_.convolution(mean, {{}, shape(in)[1], 1, {}})});
    constexpr graph::EltwiseKind kKinds[] = {graph::EltwiseKind::kProduct, graph::EltwiseKind::kQuotient,
                                             graph::EltwiseKind::kSum};
    return builder_.node(graph::Eltwise{.kind = choices_.of(kKinds)}, {in, gate});
  }
  TensorId slice(TensorId in) {
    const std::int64_t first = choices_.pick(0, std::min<std::int64_t>(shape(in)[1] - 1, 255));
    const std::int64_t most = std::min<std::int64_t>(shape(in)[1] - first, 256);
    return builder_.node(graph::Slice{first, choices_.pick(1, most)}, {in});
  }
  TensorId shuffle(TensorId in) {
    constexpr std::int64_t kGroups[] = {2, 3, 4, 8, 17};
    const std::int64_t groups = choices_.of(kGroups);
    return builder_.node(graph::ChannelShuffle{shape(in)[1] % groups == 0 ? groups : 1}, {in});
  }
  TensorId pad(TensorId in) {
    constexpr float kValues[] = {0, 0.5f, -1};
    return builder_.node(graph::Pad{choices_.pick(0, 3), choices_.pick(0, 3), choices_.pick(0, 3),
                                    choices_.pick(0, 3), choices_.of(kValues)},
                         {in});
  }
  TensorId convolution_of_same_size(TensorId in) {
    const std::int64_t kernel = 2 * choices_.pick(0, 2) + 1;
    return with_relu(
        builder_.convolution(in, {test::square_window(kernel, 1, kernel / 2), channels(), 1, {}}));
  }
  TensorId vector_layer(TensorId in) {
    switch (choices_.pick(0, 4)) {
      case 0:
      case 1:
        return with_relu(builder_.inner_product(in, choices_.pick(1, 40), choices_.flag()));
      case 2:
        return joined(in);
      case 3:
        return activation(in);
      default:
        return builder_.node(graph::Softmax{}, {in});
    }
  }

  ByteChoices& choices_;
  test::GraphBuilder builder_;
  std::vector<TensorId> tensors_;
};

}  // namespace

Network network_of_bytes(ByteChoices& choices) { return NetworkOfBytes(choices).build(); }

}  // namespace octet::fuzz
