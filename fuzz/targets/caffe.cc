// Caffe's three files.
#include <sstream>
#include <string>
#include <utility>

#include "fuzz/accepts.h"
#include "fuzz/memory_file.h"
#include "fuzz/targets/explore.h"
#include "fuzz/targets/targets.h"
#include "graph/describe.h"
#include "import/caffe/caffe_importer.h"
#include "import/caffe/mean_image.h"
#include "tests/caffe/caffemodel_writer.h"
#include "tests/support/caffe_layers.h"
#include "zoo/synthetic_weights.h"

namespace octet::fuzz {
namespace {

using test::BlobToWrite;
using test::CaffemodelForm;
using test::CaffemodelWriter;

/// The older form, with inputs and layers as Caffe's first files had them.
constexpr const char* kOldLayers = R"(name: "old"
input: "data"
input_dim: 10
input_dim: 3
input_dim: 12
input_dim: 12
layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" convolution_param { num_output: 6 kernel_h: 3 kernel_w: 2 stride: 2 } }
layers { name: "r" type: RELU bottom: "c" top: "c" }
layers { name: "p" type: POOLING bottom: "c" top: "p" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layers { name: "f" type: INNER_PRODUCT bottom: "p" top: "f" inner_product_param { num_output: 4 } }
layers { name: "m" type: SOFTMAX bottom: "f" top: "m" }
)";

/// What the caffemodel target's weights belong to.
constexpr const char* kWeighted = R"(name: "small"
input: "data"
input_shape { dim: 1 dim: 1 dim: 4 dim: 4 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 2 kernel_size: 2 } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" inner_product_param { num_output: 3 } }
)";

std::string weights(const CaffemodelForm& form) {
  std::ostringstream out;
  CaffemodelWriter writer(out, form);
  const auto blob = [](std::vector<std::int64_t> dims) {
    std::uint64_t count = 1;
    for (const std::int64_t dim : dims) count *= static_cast<std::uint64_t>(dim);
    return BlobToWrite(std::move(dims), count,
                       [](std::uint64_t i) { return 0.25f + 0.5f * static_cast<float>(i % 7); });
  };
  writer.net_name("small");
  writer.layer("conv", {blob({2, 1, 2, 2}), blob({2})});
  writer.layer("bn", {blob({2}), blob({2}), blob({1})});
  writer.layer("fc", {blob({3, 18}), blob({3})});
  return out.str();
}

Network network_of(graph::Graph graph) {
  return Network(std::make_shared<const graph::Graph>(std::move(graph)));
}

}  // namespace

bool read_prototxt(Input input) {
  return accepts([&] {
    const MemoryFile file(input);
    graph::Graph graph = caffe::import_caffe(file.path(), std::nullopt);
    if (!is_small(graph)) return;
    zoo::fill_synthetic_weights(graph, 1);
    explore(network_of(std::move(graph)));
  });
}

Seeds prototxt_seeds() {
  return {{"layers.prototxt", test::kAllCaffeLayers},
          {"old.prototxt", kOldLayers},
          {"small.prototxt", kWeighted}};
}

bool read_caffemodel(Input input) {
  static const std::string text = kWeighted;
  return accepts([&] {
    explore(network_of(caffe::import_caffe(caffe::MemoryFile{"net.prototxt", std::as_bytes(std::span(text))},
                                           caffe::MemoryFile{"net.caffemodel", input})));
  });
}

Seeds caffemodel_seeds() {
  return {{"packed.caffemodel", weights({})},
          {"v1.caffemodel", weights({.v1 = true, .legacy_dims = true})},
          {"unpacked.caffemodel", weights({.unpacked = true})},
          {"doubles.caffemodel", weights({.doubles = true})}};
}

bool read_mean_image(Input input) {
  return accepts([&] {
    const MemoryFile file(input);
    caffe::load_mean_image(file.path());
  });
}

Seeds mean_image_seeds() {
  Seeds seeds;
  for (const bool legacy : {false, true}) {
    std::ostringstream out;
    CaffemodelWriter(out, {.legacy_dims = legacy}).bare_blob(BlobToWrite({3, 5, 4}, 60, [](std::uint64_t i) {
      return 100.0f + static_cast<float>(i);
    }));
    seeds.push_back({legacy ? "legacy.binaryproto" : "shape.binaryproto", out.str()});
  }
  return seeds;
}

}  // namespace octet::fuzz
