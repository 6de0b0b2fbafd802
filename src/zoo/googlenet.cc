// GoogLeNet: nine inception modules, each four parallel branches joined channel by channel.
#include "zoo/network_builder.h"
#include "zoo/networks.h"

namespace octet::zoo {
namespace {

using Blob = NetworkBuilder::Blob;

/// Output channels of a module's six convolutions (the paper's table 1).
struct Inception {
  std::int64_t conv1x1;
  std::int64_t reduce3x3, conv3x3;
  std::int64_t reduce5x5, conv5x5;
  std::int64_t pool_projection;
};

Blob inception(NetworkBuilder& net, const std::string& module, Blob in, const Inception& channels) {
  const Blob a = net.conv_relu(module, "1x1", in, {.out_channels = channels.conv1x1});

  Blob b = net.conv_relu(module, "3x3_reduce", in, {.out_channels = channels.reduce3x3});
  b = net.conv_relu(module, "3x3", b, {.out_channels = channels.conv3x3, .kernel = 3, .pad = 1});

  Blob c = net.conv_relu(module, "5x5_reduce", in, {.out_channels = channels.reduce5x5});
  c = net.conv_relu(module, "5x5", c, {.out_channels = channels.conv5x5, .kernel = 5, .pad = 2});

  Blob d = net.max_pool(module + "/pool", in, {.kernel = 3, .stride = 1, .pad = 1});
  d = net.conv_relu(module, "pool_proj", d, {.out_channels = channels.pool_projection});

  return net.concat(module + "/output", {a, b, c, d});
}

}  // namespace

graph::Graph googlenet() {
  NetworkBuilder net;
  Blob x = net.input(224, 224);

  x = net.convolution("conv1/7x7_s2", x, {.out_channels = 64, .kernel = 7, .stride = 2, .pad = 3});
  x = net.relu("conv1/relu_7x7", x);
  x = net.max_pool("pool1/3x3_s2", x, {.kernel = 3, .stride = 2});
  x = net.local_response_norm("pool1/norm1", x);
  x = net.conv_relu("conv2", "3x3_reduce", x, {.out_channels = 64});
  x = net.conv_relu("conv2", "3x3", x, {.out_channels = 192, .kernel = 3, .pad = 1});
  x = net.local_response_norm("conv2/norm2", x);
  x = net.max_pool("pool2/3x3_s2", x, {.kernel = 3, .stride = 2});

  x = inception(net, "inception_3a", x, {64, 96, 128, 16, 32, 32});
  x = inception(net, "inception_3b", x, {128, 128, 192, 32, 96, 64});
  x = net.max_pool("pool3/3x3_s2", x, {.kernel = 3, .stride = 2});

  x = inception(net, "inception_4a", x, {192, 96, 208, 16, 48, 64});
  x = inception(net, "inception_4b", x, {160, 112, 224, 24, 64, 64});
  x = inception(net, "inception_4c", x, {128, 128, 256, 24, 64, 64});
  x = inception(net, "inception_4d", x, {112, 144, 288, 32, 64, 64});
  x = inception(net, "inception_4e", x, {256, 160, 320, 32, 128, 128});
  x = net.max_pool("pool4/3x3_s2", x, {.kernel = 3, .stride = 2});

  x = inception(net, "inception_5a", x, {256, 160, 320, 32, 128, 128});
  x = inception(net, "inception_5b", x, {384, 192, 384, 48, 128, 128});
  x = net.average_pool("pool5/7x7_s1", x, {.kernel = 7, .stride = 1});
  x = net.dropout("pool5/drop_7x7_s1", x);
  x = net.inner_product("loss3/classifier", x, 1000);
  return net.finish(net.softmax("prob", x));
}

}  // namespace octet::zoo
