// One layer of a graph computed by oneDNN, dense NCHW in and out: a second opinion that shares no line with
// Octet.
#pragma once

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace octet::test {

class OneDnnLayer {
 public:
  OneDnnLayer(const graph::Graph& graph, const graph::Node& node)
      : graph_(graph), node_(node), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {}

  /// Values of the layer's output for one image; nothing for a layer that oneDNN is not asked about (a fused
  /// one, a concatenation).
  std::optional<std::vector<float>> run(const std::vector<float>& input) {
    source_ = memory_of(dims(graph_.shape(node_.inputs[0])), input);
    result_.assign(static_cast<std::size_t>(graph_.shape(node_.outputs[0]).elements()), 0.0f);
    destination_ = dnnl::memory(desc(dims(graph_.shape(node_.outputs[0]))), engine_, result_.data());
    if (!std::visit([this](const auto& op) { return compute(op); }, node_.op)) return std::nullopt;
    stream_.wait();
    return result_;
  }

 private:
  using Dims = dnnl::memory::dims;

  static Dims dims(const Shape& shape) { return {shape.dims().begin(), shape.dims().end()}; }
  static dnnl::memory::desc desc(const Dims& dims) {
    using Tag = dnnl::memory::format_tag;
    constexpr Tag kTags[] = {Tag::a, Tag::ab, Tag::abc, Tag::abcd, Tag::abcde};
    return {dims, dnnl::memory::data_type::f32, kTags[dims.size() - 1]};
  }
  dnnl::memory memory_of(const Dims& dims, std::span<const float> values) {
    return {desc(dims), engine_, const_cast<float*>(values.data())};  // the interface has no const
  }
  dnnl::memory weight(std::size_t i, const Dims& dims) { return memory_of(dims, node_.weights[i].values()); }

  template <typename Primitive>
  void execute(const Primitive& primitive, std::unordered_map<int, dnnl::memory> arguments = {}) {
    arguments.insert({DNNL_ARG_SRC, source_});
    arguments.insert({DNNL_ARG_DST, destination_});
    primitive.execute(stream_, arguments);
  }

  bool compute(const graph::Convolution& conv) {
    if (node_.inputs.size() != 1 || conv.relu) return false;
    const graph::Window& w = conv.window;
    const Dims kernel = {conv.groups, conv.out_channels / conv.groups,
                         graph_.shape(node_.inputs[0])[1] / conv.groups, w.kernel_h, w.kernel_w};
    std::vector<float> zeros(static_cast<std::size_t>(conv.out_channels), 0.0f);
    const bool biased = node_.weights.size() > 1;
    const dnnl::memory bias = biased ? weight(1, {conv.out_channels}) : memory_of({conv.out_channels}, zeros);
    const dnnl::convolution_forward::desc operation(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source_.get_desc(),
        desc(kernel), bias.get_desc(), destination_.get_desc(), {w.stride_h, w.stride_w},
        {w.dilation_h - 1, w.dilation_w - 1}, {w.pad_top, w.pad_left}, {w.pad_bottom, w.pad_right});
    execute(dnnl::convolution_forward({operation, engine_}),
            {{DNNL_ARG_WEIGHTS, weight(0, kernel)}, {DNNL_ARG_BIAS, bias}});
    stream_.wait();  // before `zeros` goes
    return true;
  }

  bool compute(const graph::InnerProduct& fc) {
    if (fc.relu || node_.weights.size() < 2) return false;
    Dims kernel = dims(graph_.shape(node_.inputs[0]));
    kernel[0] = fc.out_features;
    const dnnl::memory weights = weight(0, kernel), bias = weight(1, {fc.out_features});
    const dnnl::inner_product_forward::desc operation(dnnl::prop_kind::forward_inference, source_.get_desc(),
                                                      weights.get_desc(), bias.get_desc(),
                                                      destination_.get_desc());
    execute(dnnl::inner_product_forward({operation, engine_}),
            {{DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_BIAS, bias}});
    return true;
  }

  bool compute(const graph::Pooling& pool) {
    const Shape& in = graph_.shape(node_.inputs[0]);
    const Shape& out = graph_.shape(node_.outputs[0]);
    graph::Window w = pool.window;
    if (pool.global) w = {.kernel_h = in[2], .kernel_w = in[3]};
    // Caffe's rounding up, said as padding at the end.
    const auto end = [](std::int64_t from, std::int64_t to, std::int64_t kernel, std::int64_t stride,
                        std::int64_t begin) {
      return std::max<std::int64_t>(0, (to - 1) * stride + kernel - from - begin);
    };
    const Dims pad_end = {end(in[2], out[2], w.kernel_h, w.stride_h, w.pad_top),
                          end(in[3], out[3], w.kernel_w, w.stride_w, w.pad_left)};
    const bool max = pool.kind == graph::PoolKind::kMax;
    const dnnl::pooling_forward::desc operation(
        dnnl::prop_kind::forward_inference,
        max ? dnnl::algorithm::pooling_max : dnnl::algorithm::pooling_avg_include_padding, source_.get_desc(),
        destination_.get_desc(), {w.stride_h, w.stride_w}, {w.kernel_h, w.kernel_w}, {w.pad_top, w.pad_left},
        pad_end);
    execute(dnnl::pooling_forward({operation, engine_}));
    return true;
  }

  bool compute(const graph::Lrn& lrn) {
    if (lrn.region != graph::LrnRegion::kAcrossChannels) return false;
    const dnnl::lrn_forward::desc operation(dnnl::prop_kind::forward_inference,
                                            dnnl::algorithm::lrn_across_channels, source_.get_desc(),
                                            lrn.size, lrn.alpha, lrn.beta, lrn.k);
    execute(dnnl::lrn_forward({operation, engine_}));
    return true;
  }

  bool compute(const graph::Softmax& softmax) {
    const dnnl::softmax_forward::desc operation(dnnl::prop_kind::forward_inference, source_.get_desc(),
                                                static_cast<int>(softmax.axis));
    execute(dnnl::softmax_forward({operation, engine_}));
    return true;
  }

  template <typename Other>
  bool compute(const Other&) {
    return false;
  }

  const graph::Graph& graph_;
  const graph::Node& node_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::memory source_, destination_;
  std::vector<float> result_;
};

}  // namespace octet::test
