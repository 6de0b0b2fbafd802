// make_caffemodel PROTOTXT OUT [--v1] [--legacy-dims] [--unpacked] [--double]
// A caffemodel with deterministic values for a network, in any form that Caffe files come in: for tests of
// loading, of VGG-19's 550 MB and less. The values are small and of no use for inference.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <string_view>
#include <variant>

#include "import/caffe/caffe_importer.h"
#include "tests/caffe/caffemodel_writer.h"

namespace {

using octet::test::BlobToWrite;

/// In [-0.05, 0.05]; another sequence for each `seed`.
float value_at(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t x = (seed << 32) + index + 1;
  x *= 0x9e3779b97f4a7c15;
  x ^= x >> 29;
  return static_cast<float>(static_cast<double>(x >> 40) / (1 << 24) - 0.5) * 0.1f;
}

std::vector<BlobToWrite> blobs_of(const octet::graph::Node& node, std::uint64_t& seed) {
  std::vector<BlobToWrite> blobs;
  for (const octet::graph::Weights& weights : node.weights) {
    if (weights.shape().rank() == 0) continue;
    const bool variance = std::holds_alternative<octet::graph::BatchNorm>(node.op) && blobs.size() == 1;
    blobs.emplace_back(
        weights.shape().dims(), static_cast<std::uint64_t>(weights.shape().elements()),
        [s = ++seed, variance](std::uint64_t i) { return value_at(s, i) + (variance ? 1.0f : 0.0f); });
  }
  if (std::holds_alternative<octet::graph::BatchNorm>(node.op))
    blobs.emplace_back(std::vector<std::int64_t>{1}, std::vector<float>{1});
  return blobs;
}

}  // namespace

int main(int argc, char** argv) {
  octet::test::CaffemodelForm form;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--v1")
      form.v1 = true;
    else if (argument == "--legacy-dims")
      form.legacy_dims = true;
    else if (argument == "--unpacked")
      form.unpacked = true;
    else if (argument == "--double")
      form.doubles = true;
    else
      files.emplace_back(argument);
  }
  if (files.size() != 2) {
    fmt::print(stderr,
               "usage: make_caffemodel PROTOTXT OUT [--v1] [--legacy-dims] [--unpacked] [--double]\n");
    return 2;
  }
  try {
    const octet::graph::Graph graph = octet::caffe::import_caffe(files[0], std::nullopt);
    std::ofstream out(files[1], std::ios::binary);
    octet::test::CaffemodelWriter writer(out, form);
    writer.net_name(graph.name);
    std::uint64_t seed = 0;
    for (const octet::graph::Node& node : graph.nodes) writer.layer(node.name, blobs_of(node, seed));
    out.close();
    if (!out) {
      fmt::print(stderr, "make_caffemodel: writing {} failed\n", files[1]);
      return 1;
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "make_caffemodel: {}\n", error.what());
    return 2;
  }
}
