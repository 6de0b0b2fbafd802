// AlexNet as BVLC trained it: one tower with grouped convolutions, each normalisation right after its ReLU
// and before the pooling, as in the paper (CaffeNet has these two the other way round).
#include "zoo/network_builder.h"
#include "zoo/networks.h"

namespace octet::zoo {

graph::Graph alexnet() {
  NetworkBuilder net;
  auto x = net.input(227, 227);

  x = net.convolution("conv1", x, {.out_channels = 96, .kernel = 11, .stride = 4});
  x = net.relu("relu1", x);
  x = net.local_response_norm("norm1", x);
  x = net.max_pool("pool1", x, {.kernel = 3, .stride = 2});

  x = net.convolution("conv2", x, {.out_channels = 256, .kernel = 5, .pad = 2, .groups = 2});
  x = net.relu("relu2", x);
  x = net.local_response_norm("norm2", x);
  x = net.max_pool("pool2", x, {.kernel = 3, .stride = 2});

  x = net.convolution("conv3", x, {.out_channels = 384, .kernel = 3, .pad = 1});
  x = net.relu("relu3", x);
  x = net.convolution("conv4", x, {.out_channels = 384, .kernel = 3, .pad = 1, .groups = 2});
  x = net.relu("relu4", x);
  x = net.convolution("conv5", x, {.out_channels = 256, .kernel = 3, .pad = 1, .groups = 2});
  x = net.relu("relu5", x);
  x = net.max_pool("pool5", x, {.kernel = 3, .stride = 2});

  x = net.inner_product("fc6", x, 4096);
  x = net.relu("relu6", x);
  x = net.dropout("drop6", x);
  x = net.inner_product("fc7", x, 4096);
  x = net.relu("relu7", x);
  x = net.dropout("drop7", x);
  x = net.inner_product("fc8", x, 1000);
  return net.finish(net.softmax("prob", x));
}

}  // namespace octet::zoo
