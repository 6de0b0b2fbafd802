// What a graph consists of, for an Archive. Weights are kept as shapes: their values are in the packed
// weights.
#pragma once

#include "graph/graph.h"
#include "save/type_fields.h"

namespace octet::save {

template <>
inline constexpr auto kLast<graph::PoolKind> = graph::PoolKind::kAverage;
template <>
inline constexpr auto kLast<graph::Rounding> = graph::Rounding::kCeil;
template <>
inline constexpr auto kLast<graph::AverageDivisor> = graph::AverageDivisor::kValidOnly;
template <>
inline constexpr auto kLast<graph::LrnRegion> = graph::LrnRegion::kWithinChannel;
template <>
inline constexpr auto kLast<graph::EltwiseKind> = graph::EltwiseKind::kQuotient;
template <>
inline constexpr auto kLast<graph::ActivationFunction> = graph::ActivationFunction::kRounding;

// A weight that is not there has a shape of no dimensions.
inline void fields(Writer& archive, const graph::Weights& weights) { archive(weights.shape()); }
inline void fields(Reader& archive, graph::Weights& weights) {
  Shape shape;
  archive(shape);
  weights = shape.rank() > 0 ? graph::Weights::placeholder(std::move(shape)) : graph::Weights();
}

OCTET_FIELDS(graph::Window, kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right,
             dilation_h, dilation_w)

template <class Archive>
void fields(Archive& /*archive*/, Field<Archive, graph::Input>& /*has none*/) {}
OCTET_FIELDS(graph::Relu, slope, limit)
OCTET_FIELDS(graph::Convolution, window, out_channels, groups, relu)
OCTET_FIELDS(graph::InnerProduct, out_features, relu)
OCTET_FIELDS(graph::Pooling, kind, window, global, rounding, divisor)
OCTET_FIELDS(graph::Lrn, region, size, alpha, beta, k)
OCTET_FIELDS(graph::BatchNorm, epsilon)
OCTET_FIELDS(graph::ChannelAffine, relu)
OCTET_FIELDS(graph::Concat, axis)
OCTET_FIELDS(graph::Eltwise, kind, coefficients, relu)
OCTET_FIELDS(graph::Softmax, axis, logarithm)
OCTET_FIELDS(graph::Flatten, axis)
OCTET_FIELDS(graph::Reshape, dims)
OCTET_FIELDS(graph::Identity, was)
OCTET_FIELDS(graph::Activation, function, a, b)
OCTET_FIELDS(graph::Slice, first, count)
OCTET_FIELDS(graph::Pad, top, left, bottom, right, value)
OCTET_FIELDS(graph::ChannelShuffle, groups)

OCTET_FIELDS(Origin, file, line, layer)
OCTET_FIELDS(graph::Tensor, name, shape)
OCTET_FIELDS(graph::Node, name, op, inputs, outputs, weights, origin)
OCTET_FIELDS(graph::Graph, name, tensors, nodes, inputs, outputs, synthetic_weights)

}  // namespace octet::save
