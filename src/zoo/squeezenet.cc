// SqueezeNet 1.0: fire modules (a narrow 1x1 convolution, then 1x1 and 3x3 side by side) and no inner
// product. The file ends at the global pooling: its output are scores, not probabilities.
#include "zoo/network_builder.h"
#include "zoo/networks.h"

namespace octet::zoo {
namespace {

using Blob = NetworkBuilder::Blob;

/// `expand` channels from each of the two parallel convolutions.
Blob fire(NetworkBuilder& net, const std::string& name, Blob in, std::int64_t squeeze, std::int64_t expand) {
  const Blob squeezed = net.conv_relu(name, "conv1x1_1", in, {.out_channels = squeeze});
  const Blob a = net.conv_relu(name, "conv1x1_2", squeezed, {.out_channels = expand});
  const Blob b = net.conv_relu(name, "conv3x3_2", squeezed, {.out_channels = expand, .kernel = 3, .pad = 1});
  return net.concat(name + "/concat", {a, b});
}

}  // namespace

graph::Graph squeezenet() {
  NetworkBuilder net;
  Blob x = net.input(227, 227);

  x = net.convolution("conv1", x, {.out_channels = 96, .kernel = 7, .stride = 2});
  x = net.relu("relu_conv1", x);
  x = net.max_pool("pool1", x, {.kernel = 3, .stride = 2});
  x = fire(net, "fire2", x, 16, 64);
  x = fire(net, "fire3", x, 16, 64);
  x = fire(net, "fire4", x, 32, 128);
  x = net.max_pool("pool4", x, {.kernel = 3, .stride = 2});
  x = fire(net, "fire5", x, 32, 128);
  x = fire(net, "fire6", x, 48, 192);
  x = fire(net, "fire7", x, 48, 192);
  x = fire(net, "fire8", x, 64, 256);
  x = net.max_pool("pool8", x, {.kernel = 3, .stride = 2});
  x = fire(net, "fire9", x, 64, 256);
  x = net.dropout("drop9", x);

  // The padding of a 1x1 convolution is the authors': a rim of pixels that see only the bias.
  x = net.convolution("conv_final", x, {.out_channels = 1000, .kernel = 1, .pad = 1});
  x = net.relu("relu_conv_final", x);
  return net.finish(net.global_average_pool("pool_final", x));
}

}  // namespace octet::zoo
