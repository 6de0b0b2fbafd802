// oneDNN's convolution of a ConvDesc, dense NCHW in and out: the second opinion of the tests and the peer of
// the benches.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "kernels/op_desc.h"

namespace octet::kernels::conv_f32 {

class OneDnnConvolution {
 public:
  /// `weights` {out, in / groups, kh, kw}, `bias` {out}. oneDNN chooses the layouts; what they cost is paid
  /// here and in set_input, not in run.
  OneDnnConvolution(const ConvDesc& desc, int images, std::span<const float> weights,
                    std::span<const float> bias)
      : desc_(desc), images_(images), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    using dnnl::memory;
    const WindowDesc& w = desc.window;
    const memory::dim groups = desc.groups;
    const memory::dims kernel = {groups, desc.output.channels / groups, desc.input.channels / groups,
                                 w.kernel_h, w.kernel_w};
    const auto any = [](const memory::dims& dims) {
      return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
    };
    const dnnl::convolution_forward::desc operation(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, any(dims_of(desc.input)),
        any(kernel), any({desc.output.channels}), any(dims_of(desc.output)), {w.stride_h, w.stride_w},
        {w.dilation_h - 1, w.dilation_w - 1}, {w.pad_top, w.pad_left}, {w.pad_bottom, w.pad_right});
    dnnl::primitive_attr attributes;
    if (desc.relu) {
      dnnl::post_ops after;
      after.append_eltwise(1, dnnl::algorithm::eltwise_relu, desc.relu->slope, 0);
      if (std::isfinite(desc.relu->limit))
        after.append_eltwise(1, dnnl::algorithm::eltwise_clip, -std::numeric_limits<float>::max(),
                             desc.relu->limit);
      attributes.set_post_ops(after);
    }
    const dnnl::convolution_forward::primitive_desc primitive(operation, attributes, engine_);
    convolution_.emplace(primitive);
    input_ = memory(primitive.src_desc(), engine_);
    output_ = memory(primitive.dst_desc(), engine_);
    weights_ = memory(primitive.weights_desc(), engine_);
    bias_ = memory(primitive.bias_desc(), engine_);
    copy_in(weights, {kernel, memory::data_type::f32, memory::format_tag::goihw}, weights_);
    copy_in(bias, {{desc.output.channels}, memory::data_type::f32, memory::format_tag::x}, bias_);
  }

  void set_input(std::span<const float> nchw) { copy_in(nchw, dense(desc_.input), input_); }

  void run() {
    convolution_->execute(stream_, {{DNNL_ARG_SRC, input_},
                                    {DNNL_ARG_WEIGHTS, weights_},
                                    {DNNL_ARG_BIAS, bias_},
                                    {DNNL_ARG_DST, output_}});
    stream_.wait();
  }

  std::vector<float> output() {
    std::vector<float> nchw(
        static_cast<std::size_t>(images_ * desc_.output.channels * desc_.output.pixels()));
    dnnl::memory to(dense(desc_.output), engine_, nchw.data());
    dnnl::reorder(output_, to).execute(stream_, output_, to);
    stream_.wait();
    return nchw;
  }

 private:
  dnnl::memory::dims dims_of(const FeatureMap& map) const {
    return {images_, map.channels, map.height, map.width};
  }
  dnnl::memory::desc dense(const FeatureMap& map) const {
    return {dims_of(map), dnnl::memory::data_type::f32, dnnl::memory::format_tag::nchw};
  }
  void copy_in(std::span<const float> values, const dnnl::memory::desc& layout, dnnl::memory& to) {
    dnnl::memory from(layout, engine_, const_cast<float*>(values.data()));  // the interface has no const
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
  }

  ConvDesc desc_;
  int images_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  std::optional<dnnl::convolution_forward> convolution_;
  dnnl::memory input_, output_, weights_, bias_;
};

}  // namespace octet::kernels::conv_f32
