// ONNX files, also as Octet itself writes them.
#include <memory>
#include <string>
#include <utility>

#include "fuzz/accepts.h"
#include "fuzz/targets/explore.h"
#include "fuzz/targets/targets.h"
#include "graph/validate.h"
#include "import/onnx/onnx_importer.h"
#include "lab/support/files.h"
#include "octet/export.h"
#include "tests/support/random_network.h"
#include "tests/support/temporary_directory.h"

namespace octet::fuzz {

bool read_onnx(Input input) {
  return accepts([&] {
    graph::Graph graph = onnx::import_onnx("net.onnx", input);
    graph::validate(graph);
    explore(Network(std::make_shared<const graph::Graph>(std::move(graph))));
  });
}

Seeds onnx_seeds() {
  const test::TemporaryDirectory directory;
  const std::filesystem::path path = directory.path() / "net.onnx";
  Seeds seeds;
  // Random networks of all operations that ONNX can say.
  for (std::uint32_t seed = 1; seeds.size() < 6; ++seed) {
    if (!accepts([&] { export_onnx(test::RandomNetwork(seed).build(), path); })) continue;
    seeds.push_back({"random" + std::to_string(seed) + ".onnx", lab::read_file(path)});
  }
  return seeds;
}

}  // namespace octet::fuzz
