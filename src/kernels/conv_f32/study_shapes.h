// Every distinct convolution of the networks that the study measures (square maps, kernels and pads), for
// tests and benches: where a shape occurs in several networks, it stands with the first.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "kernels/op_desc.h"

namespace octet::kernels::conv_f32 {

struct StudyShape {
  const char* network;
  std::int64_t in, size, out, kernel, stride, pad, groups;

  /// First layers get the caller's kNchw, all others kNchw16c.
  ConvDesc desc() const {
    const std::int64_t out_size = (size + 2 * pad - kernel) / stride + 1;
    ConvDesc d;
    d.input = {
        .channels = in, .height = size, .width = size, .layout = in == 3 ? Layout::kNchw : Layout::kNchw16c};
    d.output = {.channels = out, .height = out_size, .width = out_size};
    d.window = {kernel, kernel, stride, stride, pad, pad, pad, pad, 1, 1};
    d.groups = groups;
    d.has_bias = true;
    d.relu = ReluDesc{};
    return d;
  }
  std::string name() const {
    return fmt::format("{}/{}x{}/{}to{}/s{}@{}{}", network, kernel, kernel, in, out, stride, size,
                       groups > 1 ? fmt::format("/g{}", groups) : "");
  }
};

inline constexpr StudyShape kStudyShapes[] = {
    {"AlexNet", 3, 227, 96, 11, 4, 0, 1},      {"AlexNet", 96, 27, 256, 5, 1, 2, 2},
    {"AlexNet", 256, 13, 384, 3, 1, 1, 1},     {"AlexNet", 384, 13, 384, 3, 1, 1, 2},
    {"AlexNet", 384, 13, 256, 3, 1, 1, 2},     {"GoogLeNet", 3, 224, 64, 7, 2, 3, 1},
    {"GoogLeNet", 64, 56, 64, 1, 1, 0, 1},     {"GoogLeNet", 64, 56, 192, 3, 1, 1, 1},
    {"GoogLeNet", 192, 28, 64, 1, 1, 0, 1},    {"GoogLeNet", 192, 28, 96, 1, 1, 0, 1},
    {"GoogLeNet", 96, 28, 128, 3, 1, 1, 1},    {"GoogLeNet", 192, 28, 16, 1, 1, 0, 1},
    {"GoogLeNet", 16, 28, 32, 5, 1, 2, 1},     {"GoogLeNet", 192, 28, 32, 1, 1, 0, 1},
    {"GoogLeNet", 256, 28, 128, 1, 1, 0, 1},   {"GoogLeNet", 128, 28, 192, 3, 1, 1, 1},
    {"GoogLeNet", 256, 28, 32, 1, 1, 0, 1},    {"GoogLeNet", 32, 28, 96, 5, 1, 2, 1},
    {"GoogLeNet", 256, 28, 64, 1, 1, 0, 1},    {"GoogLeNet", 480, 14, 192, 1, 1, 0, 1},
    {"GoogLeNet", 480, 14, 96, 1, 1, 0, 1},    {"GoogLeNet", 96, 14, 208, 3, 1, 1, 1},
    {"GoogLeNet", 480, 14, 16, 1, 1, 0, 1},    {"GoogLeNet", 16, 14, 48, 5, 1, 2, 1},
    {"GoogLeNet", 480, 14, 64, 1, 1, 0, 1},    {"GoogLeNet", 512, 14, 160, 1, 1, 0, 1},
    {"GoogLeNet", 512, 14, 112, 1, 1, 0, 1},   {"GoogLeNet", 112, 14, 224, 3, 1, 1, 1},
    {"GoogLeNet", 512, 14, 24, 1, 1, 0, 1},    {"GoogLeNet", 24, 14, 64, 5, 1, 2, 1},
    {"GoogLeNet", 512, 14, 64, 1, 1, 0, 1},    {"GoogLeNet", 512, 14, 128, 1, 1, 0, 1},
    {"GoogLeNet", 128, 14, 256, 3, 1, 1, 1},   {"GoogLeNet", 512, 14, 144, 1, 1, 0, 1},
    {"GoogLeNet", 144, 14, 288, 3, 1, 1, 1},   {"GoogLeNet", 512, 14, 32, 1, 1, 0, 1},
    {"GoogLeNet", 32, 14, 64, 5, 1, 2, 1},     {"GoogLeNet", 528, 14, 256, 1, 1, 0, 1},
    {"GoogLeNet", 528, 14, 160, 1, 1, 0, 1},   {"GoogLeNet", 160, 14, 320, 3, 1, 1, 1},
    {"GoogLeNet", 528, 14, 32, 1, 1, 0, 1},    {"GoogLeNet", 32, 14, 128, 5, 1, 2, 1},
    {"GoogLeNet", 528, 14, 128, 1, 1, 0, 1},   {"GoogLeNet", 832, 7, 256, 1, 1, 0, 1},
    {"GoogLeNet", 832, 7, 160, 1, 1, 0, 1},    {"GoogLeNet", 160, 7, 320, 3, 1, 1, 1},
    {"GoogLeNet", 832, 7, 32, 1, 1, 0, 1},     {"GoogLeNet", 32, 7, 128, 5, 1, 2, 1},
    {"GoogLeNet", 832, 7, 128, 1, 1, 0, 1},    {"GoogLeNet", 832, 7, 384, 1, 1, 0, 1},
    {"GoogLeNet", 832, 7, 192, 1, 1, 0, 1},    {"GoogLeNet", 192, 7, 384, 3, 1, 1, 1},
    {"GoogLeNet", 832, 7, 48, 1, 1, 0, 1},     {"GoogLeNet", 48, 7, 128, 5, 1, 2, 1},
    {"ResNet-50", 64, 56, 256, 1, 1, 0, 1},    {"ResNet-50", 64, 56, 64, 3, 1, 1, 1},
    {"ResNet-50", 256, 56, 64, 1, 1, 0, 1},    {"ResNet-50", 256, 56, 512, 1, 2, 0, 1},
    {"ResNet-50", 256, 56, 128, 1, 2, 0, 1},   {"ResNet-50", 128, 28, 128, 3, 1, 1, 1},
    {"ResNet-50", 128, 28, 512, 1, 1, 0, 1},   {"ResNet-50", 512, 28, 128, 1, 1, 0, 1},
    {"ResNet-50", 512, 28, 1024, 1, 2, 0, 1},  {"ResNet-50", 512, 28, 256, 1, 2, 0, 1},
    {"ResNet-50", 256, 14, 256, 3, 1, 1, 1},   {"ResNet-50", 256, 14, 1024, 1, 1, 0, 1},
    {"ResNet-50", 1024, 14, 256, 1, 1, 0, 1},  {"ResNet-50", 1024, 14, 2048, 1, 2, 0, 1},
    {"ResNet-50", 1024, 14, 512, 1, 2, 0, 1},  {"ResNet-50", 512, 7, 512, 3, 1, 1, 1},
    {"ResNet-50", 512, 7, 2048, 1, 1, 0, 1},   {"ResNet-50", 2048, 7, 512, 1, 1, 0, 1},
    {"VGG-16", 3, 224, 64, 3, 1, 1, 1},        {"VGG-16", 64, 224, 64, 3, 1, 1, 1},
    {"VGG-16", 64, 112, 128, 3, 1, 1, 1},      {"VGG-16", 128, 112, 128, 3, 1, 1, 1},
    {"VGG-16", 128, 56, 256, 3, 1, 1, 1},      {"VGG-16", 256, 56, 256, 3, 1, 1, 1},
    {"VGG-16", 256, 28, 512, 3, 1, 1, 1},      {"VGG-16", 512, 28, 512, 3, 1, 1, 1},
    {"VGG-16", 512, 14, 512, 3, 1, 1, 1},      {"SqueezeNet", 3, 227, 96, 7, 2, 0, 1},
    {"SqueezeNet", 96, 55, 16, 1, 1, 0, 1},    {"SqueezeNet", 16, 55, 64, 1, 1, 0, 1},
    {"SqueezeNet", 16, 55, 64, 3, 1, 1, 1},    {"SqueezeNet", 128, 55, 16, 1, 1, 0, 1},
    {"SqueezeNet", 128, 55, 32, 1, 1, 0, 1},   {"SqueezeNet", 32, 55, 128, 1, 1, 0, 1},
    {"SqueezeNet", 32, 55, 128, 3, 1, 1, 1},   {"SqueezeNet", 256, 27, 32, 1, 1, 0, 1},
    {"SqueezeNet", 32, 27, 128, 1, 1, 0, 1},   {"SqueezeNet", 32, 27, 128, 3, 1, 1, 1},
    {"SqueezeNet", 256, 27, 48, 1, 1, 0, 1},   {"SqueezeNet", 48, 27, 192, 1, 1, 0, 1},
    {"SqueezeNet", 48, 27, 192, 3, 1, 1, 1},   {"SqueezeNet", 384, 27, 48, 1, 1, 0, 1},
    {"SqueezeNet", 384, 27, 64, 1, 1, 0, 1},   {"SqueezeNet", 64, 27, 256, 1, 1, 0, 1},
    {"SqueezeNet", 64, 27, 256, 3, 1, 1, 1},   {"SqueezeNet", 512, 13, 64, 1, 1, 0, 1},
    {"SqueezeNet", 64, 13, 256, 1, 1, 0, 1},   {"SqueezeNet", 64, 13, 256, 3, 1, 1, 1},
    {"SqueezeNet", 512, 13, 1000, 1, 1, 1, 1},
};

}  // namespace octet::kernels::conv_f32
