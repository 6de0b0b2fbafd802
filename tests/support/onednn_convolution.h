// An INT8 convolution by oneDNN, the peer in benches: its best instruction set, in layouts of its own choice,
// which are not made in the time that run() takes.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <random>
#include <vector>

#include "kernels/op_desc.h"

namespace octet::test {

/// u8 x s8 -> u8, a scale a channel. What the numbers are does not matter here.
class OneDnnConvolution {
 public:
  OneDnnConvolution(const kernels::ConvDesc& desc, int images)
      : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    using dnnl::memory;
    using Type = memory::data_type;
    const kernels::WindowDesc& w = desc.window;
    const auto any = [](const memory::dims& dims, Type type) {
      return memory::desc(dims, type, memory::format_tag::any);
    };
    const auto map = [&](const kernels::FeatureMap& m) {
      return any({images, m.channels, m.height, m.width}, Type::u8);
    };
    const memory::dims kernel = {desc.groups, desc.output.channels / desc.groups,
                                 desc.input.channels / desc.groups, w.kernel_h, w.kernel_w};
    const dnnl::convolution_forward::desc operation(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, map(desc.input),
        any(kernel, Type::s8), any({desc.output.channels}, Type::s32), map(desc.output),
        {w.stride_h, w.stride_w}, {0, 0}, {w.pad_top, w.pad_left}, {w.pad_bottom, w.pad_right});
    dnnl::primitive_attr attributes;
    attributes.set_output_scales(2,
                                 std::vector<float>(static_cast<std::size_t>(desc.output.channels), 1e-4f));
    dnnl::post_ops after;
    after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    attributes.set_post_ops(after);
    const dnnl::convolution_forward::primitive_desc primitive(operation, attributes, engine_);
    convolution_ = dnnl::convolution_forward(primitive);
    input_ = memory(primitive.src_desc(), engine_);
    output_ = memory(primitive.dst_desc(), engine_);
    weights_ = memory(primitive.weights_desc(), engine_);
    bias_ = memory(primitive.bias_desc(), engine_);
    std::mt19937 random(1);
    std::uniform_int_distribution<int> byte(-127, 127), coin(0, 1);
    fill(input_, [&] { return coin(random) * byte(random); });
    fill(weights_, [&] { return byte(random); });
    fill(bias_, [] { return 0; });
  }
  void run() {
    convolution_.execute(stream_, {{DNNL_ARG_SRC, input_},
                                   {DNNL_ARG_WEIGHTS, weights_},
                                   {DNNL_ARG_BIAS, bias_},
                                   {DNNL_ARG_DST, output_}});
    stream_.wait();
  }

 private:
  template <class Value>
  static void fill(dnnl::memory& memory, Value value) {
    auto* bytes = static_cast<std::int8_t*>(memory.get_data_handle());
    for (std::size_t i = 0; i < memory.get_desc().get_size(); ++i)
      bytes[i] = static_cast<std::int8_t>(value());
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::convolution_forward convolution_;
  dnnl::memory input_, output_, weights_, bias_;
};

}  // namespace octet::test
