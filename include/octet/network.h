// Network: an immutable graph with FP32 weights that remembers where each layer came from. It knows nothing
// about devices, layouts or threads. Copies share the graph.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "octet/api.h"
#include "octet/types.h"

namespace octet {

class Calibration;
namespace graph {
struct Graph;
}

/// Where a layer was written: `file` may be empty (built-in networks), `line` is 1-based, 0 if unknown.
struct OCTET_API Origin {
  std::string file;
  int line = 0;
  std::string layer;
  std::string to_string() const;  // "deploy.prototxt:12: layer 'conv1'"
};

/// One layer as `octet inspect` shows it.
struct LayerInfo {
  std::string name;
  std::string op;  ///< "Convolution", "Pooling", ...
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  Shape output_shape;  ///< of the first output, N = 1
  std::int64_t macs =
      0;  ///< multiply-accumulates for one image (convolution and inner product; bias not counted)
  std::int64_t params = 0;  ///< weights and biases
  std::string attributes;   ///< "3x3 stride 2 pad 1 group 2"
  Origin origin;
};

struct TensorInfo {
  std::string name;
  Shape shape;  ///< N = 1
};

class OCTET_API Network {
 public:
  /// Caffe: `prototxt` and, if given, `caffemodel`; without it weights are synthetic from `seed` (see
  /// zoo/synthetic_weights.h). Throws Error (kNotFound, kParse, kInvalidNetwork, kUnsupported, kMismatch)
  /// naming file, line and layer.
  ///
  /// `memory_limit`, of this and the functions below: bytes for the FP32 weights (for a file that has them,
  /// of the file); 0: none. More is Error(kMemoryLimit), thrown before any of them is allocated.
  static Network load_caffe(const std::filesystem::path& prototxt,
                            const std::optional<std::filesystem::path>& caffemodel, std::uint64_t seed = 1,
                            std::uint64_t memory_limit = 0);
  /// ONNX, operator sets 7 to 27, with the file's weights; external data is read from the file's own folder.
  /// Of a quantised file (QuantizeLinear, DequantizeLinear) the scales are in calibration().
  /// Throws Error (kNotFound, kIo, kParse, kInvalidNetwork, kUnsupported, kMemoryLimit) naming file, node and
  /// operator or initializer.
  static Network load_onnx(const std::filesystem::path& path, std::uint64_t memory_limit = 0);
  /// A network of the built-in list (`zoo_names()`), weights synthetic from `seed`; octet-20 has trained ones
  /// instead. Throws Error(kNotFound) listing the names.
  static Network zoo(const std::string& name, std::uint64_t seed = 1, std::uint64_t memory_limit = 0);
  /// What NET means on the command line: a zoo name, a .prototxt or an .onnx, which takes no `weights`.
  /// Throws as the three above.
  static Network open(const std::string& net,
                      const std::optional<std::filesystem::path>& weights = std::nullopt,
                      std::uint64_t seed = 1, std::uint64_t memory_limit = 0);
  static const std::vector<std::string>& zoo_names();

  explicit Network(std::shared_ptr<const graph::Graph> graph,
                   std::shared_ptr<const Calibration> calibration = nullptr)
      : graph_(std::move(graph)), calibration_(std::move(calibration)) {}

  const std::string& name() const;
  std::vector<TensorInfo> inputs() const;
  std::vector<TensorInfo> outputs() const;
  std::vector<LayerInfo> layers() const;
  /// True if the weights came from a seed, not from a file.
  bool synthetic_weights() const;
  /// 16 hex digits over structure and weights (XXH3-64): equal exactly when the networks compute the same
  /// thing.
  std::string hash() const;
  /// The same network with the output named `tensor` only, dead layers removed. Throws Error(kNotFound).
  Network with_output(const std::string& tensor) const;

  /// The scales that a quantised ONNX file has itself, for engines of integers that are given no others; null
  /// if it has none. The network is the one without roundings, which FP32 computes.
  const std::shared_ptr<const Calibration>& calibration() const { return calibration_; }

  const graph::Graph& graph() const { return *graph_; }  ///< for the engine's own layers

 private:
  std::shared_ptr<const graph::Graph> graph_;
  std::shared_ptr<const Calibration> calibration_;
};

}  // namespace octet
