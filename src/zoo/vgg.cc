// VGG-16 and VGG-19: five stages of 3x3 convolutions with a pooling after each, and three inner products that
// hold nine tenths of the parameters.
#include <fmt/format.h>

#include "octet/error.h"
#include "zoo/network_builder.h"
#include "zoo/networks.h"

namespace octet::zoo {

graph::Graph vgg(int depth) {
  if (depth != 16 && depth != 19) {
    throw Error(ErrorCode::kNotFound, fmt::format("VGG depth {}: expected 16 or 19", depth));
  }
  NetworkBuilder net;
  auto x = net.input(224, 224, depth == 16 ? "input" : "data");

  constexpr std::int64_t kChannels[] = {64, 128, 256, 512, 512};
  for (int stage = 1; stage <= 5; ++stage) {
    const int convolutions = stage <= 2 ? 2 : depth == 16 ? 3 : 4;
    for (int i = 1; i <= convolutions; ++i) {
      x = net.convolution(fmt::format("conv{}_{}", stage, i), x,
                          {.out_channels = kChannels[stage - 1], .kernel = 3, .pad = 1});
      x = net.relu(fmt::format("relu{}_{}", stage, i), x);
    }
    x = net.max_pool(fmt::format("pool{}", stage), x, {.kernel = 2, .stride = 2});
  }

  for (int layer = 6; layer <= 7; ++layer) {
    x = net.inner_product(fmt::format("fc{}", layer), x, 4096);
    x = net.relu(fmt::format("relu{}", layer), x);
    x = net.dropout(fmt::format("drop{}", layer), x);
  }
  x = net.inner_product("fc8", x, 1000);
  return net.finish(net.softmax("prob", x));
}

}  // namespace octet::zoo
