#include "zoo/zoo.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "octet/error.h"
#include "zoo/networks.h"

namespace octet::zoo {
namespace {

struct Entry {
  const char* name;
  graph::Graph (*build)();
};

// The one list of networks: a new one is a line here and a function in networks.h.
constexpr Entry kNetworks[] = {
    {"alexnet", alexnet},
    {"googlenet", googlenet},
    {"resnet-50", [] { return resnet(50); }},
    {"resnet-101", [] { return resnet(101); }},
    {"resnet-152", [] { return resnet(152); }},
    {"vgg-16", [] { return vgg(16); }},
    {"vgg-19", [] { return vgg(19); }},
    {"squeezenet-1.0", squeezenet},
};

}  // namespace

const std::vector<std::string>& names() {
  static const std::vector<std::string> list = [] {
    std::vector<std::string> result;
    for (const Entry& entry : kNetworks) result.emplace_back(entry.name);
    return result;
  }();
  return list;
}

graph::Graph build(const std::string& name) {
  for (const Entry& entry : kNetworks) {
    if (name != entry.name) continue;
    graph::Graph graph = entry.build();
    graph.name = name;
    return graph;
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("no built-in network is named '{}'; there are {}", name, fmt::join(names(), ", ")));
}

}  // namespace octet::zoo
