// ResNet-50, -101 and -152 as their authors published them: bottleneck blocks whose stride stands on the
// first 1x1 convolution, batch norm and scale as layers of their own.
#include <fmt/format.h>

#include <array>

#include "octet/error.h"
#include "zoo/network_builder.h"
#include "zoo/networks.h"

namespace octet::zoo {
namespace {

using Blob = NetworkBuilder::Blob;

/// Convolution, batch norm and scale: "res" + suffix, "bn" + suffix, "scale" + suffix.
Blob conv_norm(NetworkBuilder& net, const std::string& suffix, Blob in, ConvolutionSpec spec) {
  spec.bias = false;
  Blob x = net.convolution("res" + suffix, in, spec);
  x = net.batch_norm("bn" + suffix, x);
  return net.scale("scale" + suffix, x);
}

/// 1x1 down to `width` channels, 3x3, 1x1 up to four times as many, added to the shortcut. The first block of
/// a stage projects its shortcut, since it changes the shape.
Blob bottleneck(NetworkBuilder& net, const std::string& block, Blob in, std::int64_t width,
                std::int64_t stride, bool project) {
  Blob shortcut = in;
  if (project) {
    shortcut =
        conv_norm(net, block + "_branch1", in, {.out_channels = 4 * width, .kernel = 1, .stride = stride});
  }
  Blob x = conv_norm(net, block + "_branch2a", in, {.out_channels = width, .kernel = 1, .stride = stride});
  x = net.relu("res" + block + "_branch2a_relu", x);
  x = conv_norm(net, block + "_branch2b", x, {.out_channels = width, .kernel = 3, .pad = 1});
  x = net.relu("res" + block + "_branch2b_relu", x);
  x = conv_norm(net, block + "_branch2c", x, {.out_channels = 4 * width, .kernel = 1});
  x = net.sum("res" + block, shortcut, x);
  return net.relu("res" + block + "_relu", x);
}

std::array<int, 4> blocks_per_stage(int depth) {
  switch (depth) {
    case 50:
      return {3, 4, 6, 3};
    case 101:
      return {3, 4, 23, 3};
    case 152:
      return {3, 8, 36, 3};
    default:
      throw Error(ErrorCode::kNotFound, fmt::format("ResNet depth {}: expected 50, 101 or 152", depth));
  }
}

/// Blocks are lettered; where the deeper networks would run out of letters (stages 3 and 4) they are numbered
/// after the first: a, b1, b2, ...
std::string block_name(int depth, int stage, int block) {
  const bool numbered = depth > 50 && (stage == 3 || stage == 4) && block > 0;
  return numbered ? fmt::format("{}b{}", stage, block)
                  : fmt::format("{}{}", stage, static_cast<char>('a' + block));
}

}  // namespace

graph::Graph resnet(int depth) {
  const std::array<int, 4> blocks = blocks_per_stage(depth);
  NetworkBuilder net;
  Blob x = net.input(224, 224);

  // Only the 50-layer file gives its first convolution a bias.
  x = net.convolution("conv1", x,
                      {.out_channels = 64, .kernel = 7, .stride = 2, .pad = 3, .bias = depth == 50});
  x = net.batch_norm("bn_conv1", x);
  x = net.scale("scale_conv1", x);
  x = net.relu("conv1_relu", x);
  x = net.max_pool("pool1", x, {.kernel = 3, .stride = 2});

  std::int64_t width = 64;
  for (int stage = 2; stage <= 5; ++stage, width *= 2) {
    for (int block = 0; block < blocks[static_cast<std::size_t>(stage - 2)]; ++block) {
      const bool first = block == 0;
      x = bottleneck(net, block_name(depth, stage, block), x, width, first && stage > 2 ? 2 : 1, first);
    }
  }

  x = net.average_pool("pool5", x, {.kernel = 7, .stride = 1});
  x = net.inner_product("fc1000", x, 1000);
  return net.finish(net.softmax("prob", x));
}

}  // namespace octet::zoo
