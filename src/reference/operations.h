// The oracle's operations, one function each. Tensors are dense NCHW with all images of the batch in
// dimension 0; sums run in double and are rounded to FP32 once, where the result is written.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"
#include "reference/parallel.h"

namespace octet::reference {

struct Input {
  Shape shape;  // dimension 0 is the batch
  std::span<const float> values;
};
struct Output {
  Shape shape;
  std::span<float> values;
};

/// min(max(x, 0) + slope * min(x, 0), limit), x itself where there is no ReLU.
double activate(double x, const std::optional<graph::Relu>& relu);

/// An empty `bias` or `residual` is absent.
void convolution(const graph::Convolution& op, const Input& in, std::span<const float> weights,
                 std::span<const float> bias, std::span<const float> residual, const Output& out,
                 Parallel& parallel);
void inner_product(const graph::InnerProduct& op, const Input& in, std::span<const float> weights,
                   std::span<const float> bias, const Output& out, Parallel& parallel);

void pooling(const graph::Pooling& op, const Input& in, const Output& out, Parallel& parallel);
void lrn(const graph::Lrn& op, const Input& in, const Output& out, Parallel& parallel);
void softmax(const graph::Softmax& op, const Input& in, const Output& out);
void concat(const graph::Concat& op, std::span<const Input> inputs, const Output& out);
void pad(const graph::Pad& op, const Input& in, const Output& out);
void slice(const graph::Slice& op, const Input& in, const Output& out);
void channel_shuffle(const graph::ChannelShuffle& op, const Input& in, const Output& out);

void relu(const graph::Relu& op, const Input& in, const Output& out);
void activation(const graph::Activation& op, const Input& in, const Output& out);
void batch_norm(const graph::BatchNorm& op, const Input& in, std::span<const float> mean,
                std::span<const float> variance, const Output& out);
/// An empty `scale` is 1, an empty `shift` 0.
void channel_affine(const graph::ChannelAffine& op, const Input& in, std::span<const float> scale,
                    std::span<const float> shift, const Output& out);
void eltwise(const graph::Eltwise& op, std::span<const Input> inputs, const Output& out);

}  // namespace octet::reference
