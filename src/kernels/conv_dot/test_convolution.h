// Test helper: convolutions of integers and BF16 as people say them, their operands from a seed, and running
// any kernel on them in any way of calling.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels::conv_dot {

/// A convolution of `type` to `type` or FP32; the output's size follows from the rest.
struct Case {
  std::int64_t in, height, width, out;
  WindowDesc window = {};
  std::int64_t groups = 1;
  DataType type = DataType::kUInt8;
  DataType output = DataType::kUInt8;
  bool residual = false;
  std::optional<float> slope = std::nullopt;
  float limit = std::numeric_limits<float>::infinity();  ///< of a ReLU
  bool bias_map = false;
  bool halo_by_channel = false;
  std::int32_t zero_in = 0, zero_out = 0, zero_residual = 0;
  std::int64_t input_part = 0, output_part = 0, residual_part = 0;  ///< channels beside the map's own
  std::int64_t picture = 0;                                         ///< pixel stride of a picture: 3 or 4

  ConvDesc desc() const {
    const auto size = [](std::int64_t n, std::int64_t pads, std::int64_t kernel, std::int64_t dilation,
                         std::int64_t stride) {
      return (n + pads - (kernel - 1) * dilation - 1) / stride + 1;
    };
    const auto map = [](std::int64_t c, std::int64_t h, std::int64_t w, DataType t, Quantization q,
                        std::int64_t part) {
      FeatureMap m{.channels = c, .height = h, .width = w, .layout = Layout::kNhwc, .type = t};
      if (t == DataType::kFloat32) m.layout = Layout::kNchw16c;
      if (t == DataType::kUInt8 || t == DataType::kInt16) m.quantization = q;
      if (t == DataType::kInt16) m.quantization.zero_point = 0;
      if (part > 0) m.pixel_stride = m.padded_channels() + part;
      return m;
    };
    const WindowDesc& w = window;
    ConvDesc d;
    const std::int64_t h_out = size(height, w.pad_top + w.pad_bottom, w.kernel_h, w.dilation_h, w.stride_h);
    const std::int64_t w_out = size(width, w.pad_left + w.pad_right, w.kernel_w, w.dilation_w, w.stride_w);
    d.input = map(in, height, width, type, {0.02f, zero_in, 900}, input_part);
    if (picture > 0) d.input.pixel_stride = picture;
    d.output = map(out, h_out, w_out, output, {0.05f, zero_out, 1200}, output_part);
    if (residual)
      d.residual_map = map(out, h_out, w_out, output, {0.033f, zero_residual, 700}, residual_part);
    d.window = window;
    d.groups = groups;
    d.has_bias = true;
    d.residual = residual;
    d.bias_map = bias_map;
    if (slope) d.relu = ReluDesc{*slope, limit};
    if (halo_by_channel) {
      for (std::int64_t c = 0; c < in; ++c) d.halo.push_back(static_cast<std::uint8_t>(100 + 7 * c));
    }
    return d;
  }
};

inline WindowDesc square(std::int64_t kernel, std::int64_t stride = 1, std::int64_t pad = 0,
                         std::int64_t dilation = 1) {
  return {kernel, kernel, stride, stride, pad, pad, pad, pad, dilation, dilation};
}

/// A 3x3 layer with and without a residual, of each kind of ReLU, to its input's type (kUInt8) and to FP32.
inline std::vector<Case> epilogue_cases() {
  constexpr float kNoLimit = std::numeric_limits<float>::infinity(), kLimit = 3;
  std::vector<Case> cases;
  for (const DataType output : {DataType::kUInt8, DataType::kFloat32})
    for (const bool residual : {false, true})
      for (const auto& [slope, limit] : {std::pair(std::optional<float>(), kNoLimit),
                                         {0.0f, kNoLimit},
                                         {0.1f, kNoLimit},
                                         {0.0f, kLimit},
                                         {0.1f, kLimit}}) {
        Case& c = cases.emplace_back(Case{48, 5, 6, 100, square(3, 1, 1)});
        c.output = output, c.residual = residual, c.slope = slope, c.limit = limit;
      }
  return cases;
}

inline std::string describe(const ConvDesc& d) {
  std::ostringstream s;
  const WindowDesc& w = d.window;
  const auto map = [&](const FeatureMap& m) {
    s << to_string(m.type) << " " << m.channels << "x" << m.height << "x" << m.width << " (step "
      << m.pixel_step() << ", zero " << m.quantization.zero_point << ")";
  };
  map(d.input);
  s << " -> ";
  map(d.output);
  s << ", kernel " << w.kernel_h << "x" << w.kernel_w << " stride " << w.stride_h << "x" << w.stride_w
    << " pad " << w.pad_top << "," << w.pad_left << "," << w.pad_bottom << "," << w.pad_right << " dilation "
    << w.dilation_h << "x" << w.dilation_w << " groups " << d.groups;
  if (d.residual) s << ", residual ", map(d.residual_map);
  if (d.bias_map) s << ", bias map";
  if (!d.halo.empty()) s << ", halo by channel";
  if (d.relu) s << ", relu " << d.relu->slope << " limit " << d.relu->limit;
  return s.str();
}

/// kZeros: inputs 0. kLargest: inputs 255 (or the limit), weights of the largest size in runs of one sign, so
/// that 16-bit sums saturate and 32-bit sums come near their bound. kTies: outputs between two integers.
/// kSmall: weights that no 16-bit sum can saturate on. kNormal: weights distributed as a network's are.
enum class Values { kRandom, kZeros, kLargest, kTies, kSmall, kNormal };

/// The operands of one case.
struct Problem {
  ConvDesc desc;
  int images;
  test::NhwcTensor input;
  std::vector<std::int8_t> weights;
  std::vector<float> real_weights, real_bias;  // of BF16
  std::vector<std::int32_t> bias, bias_map;
  std::vector<float> multipliers;
  std::optional<test::NhwcTensor> residual;
  std::vector<float> real_residual;  // dense NCHW, of FP32 output

  Problem(const ConvDesc& d, int batch, std::uint32_t seed, Values values = Values::kRandom)
      : desc(d), images(batch), input(d.input, batch) {
    std::mt19937 engine(seed);
    const auto pick = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(engine);
    };
    fill_input(seed, values);
    const std::int64_t depth = d.input.channels / d.groups * d.window.kernel_h * d.window.kernel_w;
    const auto count = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    const std::size_t outputs = count(d.output.channels);
    weights.resize(outputs * count(depth));
    for (std::size_t i = 0; i < weights.size(); ++i)
      weights[i] = static_cast<std::int8_t>(weight(values, i, pick));
    real_weights = test::random_floats(weights.size(), seed + 1);
    real_bias = test::random_floats(outputs, seed + 2);
    // The bias may have what the sum of products leaves of 32 bits.
    const int most_bias = values == Values::kTies ? 20 : 30'000;
    for (std::size_t k = 0; k < outputs; ++k) bias.push_back(pick(-most_bias, most_bias));
    if (d.bias_map) {
      bias_map.resize(outputs * count(d.output.pixels()));
      for (std::int32_t& b : bias_map) b = pick(-most_bias, most_bias);
    }
    const bool integers = d.output.type != DataType::kFloat32;
    const double spread = 90.0 / (std::sqrt(static_cast<double>(depth)) * 127 * 70);
    for (std::size_t k = 0; k < outputs; ++k) {
      const double m =
          values == Values::kTies ? (k % 2 == 0 ? 0.5 : 0.25) : spread * (0.5 + pick(0, 1000) / 500.0);
      multipliers.push_back(static_cast<float>(integers ? m : m * 0.05));
    }
    if (d.residual && integers) {
      residual.emplace(d.residual_map, batch);
      residual->fill_random(seed + 3);
    } else if (d.residual) {
      real_residual = test::random_floats(count(batch * d.output.pixels()) * outputs, seed + 3);
    }
  }

  IntegerWeights integer_weights() const {
    return {weights, desc.bias_map ? std::span<const std::int32_t>() : std::span<const std::int32_t>(bias),
            multipliers, bias_map};
  }

 private:
  void fill_input(std::uint32_t seed, Values values) {
    const std::int32_t high = desc.input.type == DataType::kUInt8 ? 255 : desc.input.quantization.limit;
    if (values == Values::kZeros) {
      input.fill([](int, std::int64_t, std::int64_t) { return 0; });
    } else if (values == Values::kLargest) {
      input.fill([&](int, std::int64_t, std::int64_t) { return high; });
    } else if (values == Values::kTies) {
      input.fill([](int n, std::int64_t c, std::int64_t p) { return (n + c * 3 + p) % 4; });
    } else {
      input.fill_random(seed);
    }
  }

  template <class Pick>
  int weight(Values values, std::size_t i, Pick& pick) const {
    if (values == Values::kLargest) return i / 40 % 2 == 0 ? 127 : i / 40 % 4 == 1 ? -127 : -128;
    if (values == Values::kTies) return pick(-1, 1);
    if (values == Values::kSmall) return pick(-64, 64);
    if (values == Values::kNormal) return (pick(-127, 127) + pick(-127, 127) + pick(-127, 127)) / 3;
    return pick(0, 9) == 0 ? (pick(0, 1) == 0 ? 127 : -127) : pick(-127, 127);
  }
};

struct Way {
  int workers = 1;
  std::int64_t gap = 0;     // elements between images of the output, a multiple of 16
  bool in_place = false;    // the residual is the output's own memory
  int images_per_call = 0;  // 0: all
};

/// The output's memory: NhwcTensor or, of FP32, LaidOut.
struct Outcome {
  std::optional<test::NhwcTensor> integers;
  std::optional<test::LaidOut> reals;

  std::vector<std::uint8_t> memory() {
    if (integers) return integers->memory();
    const auto* p = reinterpret_cast<const std::uint8_t*>(reals->data());
    return {p, p + reals->stride() * static_cast<std::int64_t>(sizeof(float)) * images};
  }
  int images = 0;
};

using Create = std::unique_ptr<Kernel> (*)(const OpDesc&);

inline Outcome compute(Create create, Problem& p, const Way& way) {
  const auto kernel = create(p.desc);
  EXPECT_TRUE(kernel->in_place(1));
  base::AlignedBuffer packed(std::max<std::size_t>(kernel->packed_bytes(), 64));
  std::fill_n(packed.data(), packed.size(), std::byte{0xff});
  if (p.desc.input.type == DataType::kBFloat16) {
    const std::vector<std::span<const float>> weights = {p.real_weights, p.real_bias};
    kernel->pack(weights, {packed.data(), kernel->packed_bytes()});
  } else {
    kernel->pack_integer(p.integer_weights(), {packed.data(), kernel->packed_bytes()});
  }

  Outcome out;
  out.images = p.images;
  std::optional<test::LaidOut> shortcut;
  Operand output, residual;
  const bool real = p.desc.output.type == DataType::kFloat32;
  std::int64_t element = static_cast<std::int64_t>(size_of(p.desc.output.type));
  if (real) {
    out.reals.emplace(p.desc.output, p.images, p.desc.output.elements() + way.gap);
    output = {out.reals->data(), out.reals->stride()};
    if (p.desc.residual) {
      shortcut = test::lay_out(p.desc.residual_map, p.images, p.real_residual, way.gap);
      residual = {shortcut->data(), shortcut->stride()};
    }
  } else {
    out.integers.emplace(p.desc.output, p.images, way.gap);
    output = out.integers->operand();
    if (p.desc.residual) residual = p.residual->operand();
  }
  if (way.in_place) {
    for (int n = 0; n < p.images; ++n) {
      std::memcpy(output.data + n * output.image_stride * element,
                  residual.data + n * residual.image_stride * element,
                  static_cast<std::size_t>(p.desc.output.bytes()));
    }
    residual = output;
  }

  const int step = way.images_per_call > 0 ? way.images_per_call : p.images;
  const std::int64_t element_in = static_cast<std::int64_t>(size_of(p.desc.input.type));
  for (int n = 0; n < p.images; n += step) {
    Call call;
    call.images = std::min(step, p.images - n);
    call.workers = way.workers;
    call.weights = packed.data();
    const auto from = [&](Operand o, std::int64_t bytes) {
      return Operand{o.data + n * o.image_stride * bytes, o.image_stride};
    };
    const Operand inputs[] = {from(p.input.operand(), element_in),
                              p.desc.residual ? from(residual, element) : Operand{}};
    call.inputs = {inputs, p.desc.residual ? std::size_t{2} : std::size_t{1}};
    call.output = from(output, element);
    for (call.worker = way.workers - 1; call.worker >= 0; --call.worker) {
      base::AlignedBuffer scratch(std::max<std::size_t>(kernel->scratch_bytes(call.images), 64));
      std::fill_n(scratch.data(), scratch.size(), std::byte{0xff});  // NaN as BF16
      call.scratch = scratch.data();
      kernel->run(call);
    }
  }
  return out;
}

/// "byte 17 of 96: got 3, expected 4", or nothing.
inline std::string first_difference(const std::vector<std::uint8_t>& got,
                                    const std::vector<std::uint8_t>& expected) {
  std::ostringstream s;
  if (got.size() != expected.size()) {
    s << "sizes differ: got " << got.size() << ", expected " << expected.size();
  } else if (const auto at = std::mismatch(got.begin(), got.end(), expected.begin()); at.first != got.end()) {
    s << "byte " << at.first - got.begin() << " of " << got.size() << ": got " << int{*at.first}
      << ", expected " << int{*at.second};
  }
  return s.str();
}

}  // namespace octet::kernels::conv_dot
