// The network as plain data: tensors, nodes, attributes, weights. Everything that imports, builds, rewrites
// or lowers a network works on this one structure.
//
// Conventions: tensors are FP32 and dense NCHW; dimension 0 is the batch and is 1 here (a plan scales it).
// `nodes` stand in an order in which every tensor is produced before it is used, and every tensor is produced
// exactly once: in-place layers of a file get a tensor of their own for each version. Weights are immutable
// and shared, so copying a Graph is cheap and a pass that changes weights makes new ones.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/aligned_buffer.h"
#include "octet/network.h"
#include "octet/types.h"

namespace octet::graph {

using TensorId = int;

struct Tensor {
  std::string name;  // unique; the file's blob name where possible
  Shape shape;       // set by infer_shapes(); N = 1
};

/// Immutable FP32 weights, row-major in `shape`. The storage may be shared with other tensors (one file
/// buffer). A weight that a node has but whose values are not there yet (a prototxt without its caffemodel, a
/// network of the zoo) is `missing()`: shape known, no storage. So a node lists exactly the weights it has: a
/// convolution without bias has one entry, and nothing has to guess.
class Weights {
 public:
  Weights() = default;
  Weights(Shape shape, std::shared_ptr<const base::AlignedBuffer> storage, std::size_t offset_floats = 0)
      : shape_(std::move(shape)), storage_(std::move(storage)), offset_(offset_floats) {}
  /// Copies `values`.
  Weights(Shape shape, std::span<const float> values);
  /// The same weights, known to be 8-bit integers times these scales, one for each of dimension 0. Whoever
  /// makes other weights of them makes weights without scales.
  Weights with_scales(std::shared_ptr<const std::vector<float>> scales) const;

  const Shape& shape() const { return shape_; }
  std::span<const float> values() const {
    if (!storage_) return {};
    return {storage_->floats() + offset_, static_cast<std::size_t>(shape_.elements())};
  }
  /// Empty where the weights are any floats.
  std::span<const float> scales() const { return scales_ ? std::span(*scales_) : std::span<const float>(); }
  bool empty() const { return !storage_; }
  /// What holds the values; several weights may share it.
  const std::shared_ptr<const base::AlignedBuffer>& storage() const { return storage_; }
  /// To be filled by zoo::fill_synthetic_weights.
  bool missing() const { return !storage_ && shape_.rank() > 0; }
  static Weights placeholder(Shape shape) { return {std::move(shape), nullptr}; }

 private:
  Shape shape_;
  std::shared_ptr<const base::AlignedBuffer> storage_;
  std::size_t offset_ = 0;
  std::shared_ptr<const std::vector<float>> scales_;
};

// ---- attributes, one struct an operation
// ------------------------------------------------------------------------

/// y = min(max(x, 0) + slope * min(x, 0), limit).
struct Relu {
  float slope = 0;
  float limit = std::numeric_limits<float>::infinity();  // above 0; infinity: none
  bool operator==(const Relu&) const = default;
};

struct Input {};  // no inputs, one output; the node's tensor shape is given, not inferred

/// Extents over a feature map's two spatial axes, shared by convolution and pooling.
struct Window {
  std::int64_t kernel_h = 1, kernel_w = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::int64_t dilation_h = 1, dilation_w = 1;
  bool operator==(const Window&) const = default;
};

/// weights[0]: {out_channels, in_channels / groups, kernel_h, kernel_w}; weights[1], if there: bias
/// {out_channels}. inputs[0]: the feature map. inputs[1], only after fuse_residual: added to the sum before
/// `relu`.
struct Convolution {
  Window window;
  std::int64_t out_channels = 0;
  std::int64_t groups = 1;
  std::optional<Relu> relu = {};  // set by fuse_relu
};

/// y[o] = sum over i of weights[0][o][i] * x[i] + weights[1][o], x being the input flattened from
/// dimension 1. weights[0]: {out_features, in_features}; weights[1], if there: {out_features}. Output {1,
/// out_features}.
struct InnerProduct {
  std::int64_t out_features = 0;
  std::optional<Relu> relu = {};  // set by fuse_relu
};

enum class PoolKind { kMax, kAverage };
enum class Rounding { kFloor, kCeil };
/// What an average divides by where a window reaches over the border.
enum class AverageDivisor {
  kPaddedWindow,  // Caffe: the part of the window inside the padded input
  kValidOnly,     // the part inside the input
};
struct Pooling {
  PoolKind kind = PoolKind::kMax;
  Window window = {};                   // dilation 1; ignored where global
  bool global = false;                  // the window is the whole feature map
  Rounding rounding = Rounding::kCeil;  // Caffe's; a last window that starts in the bottom/right padding (or
                                        // beyond the input) is dropped, as Caffe does where there is padding
  AverageDivisor divisor = AverageDivisor::kPaddedWindow;
};

enum class LrnRegion { kAcrossChannels, kWithinChannel };
/// Across: y = x / (k + alpha / size * sum over `size` channels of x^2)^beta.
/// Within: the sum runs over a size x size window (zero padded, divisor size^2; k = 1), as Caffe defines it.
struct Lrn {
  LrnRegion region = LrnRegion::kAcrossChannels;
  std::int64_t size = 5;  // odd
  float alpha = 1, beta = 0.75f, k = 1;
};

/// y = (x - mean[c]) / sqrt(variance[c] + epsilon). weights: {mean, variance}, Caffe's scale factor already
/// divided out.
struct BatchNorm {
  float epsilon = 1e-5f;
};

/// y = x * scale[c] + shift[c]. weights[0]: scale {C}; weights[1]: shift {C}. Either may be empty() (1 and
/// 0). Caffe's Scale and Bias layers, and what BatchNorm becomes.
struct ChannelAffine {
  std::optional<Relu> relu = {};  // set by fuse_relu
};

struct Concat {
  std::int64_t axis = 1;
};

enum class EltwiseKind { kSum, kProduct, kMax, kMin, kQuotient };
/// Of two or more inputs in their order: ((x0 op x1) op x2) .... An input whose map is one pixel, {1, C, 1,
/// 1}, is repeated over the others' pixels (the gate of a squeeze-and-excitation).
struct Eltwise {
  EltwiseKind kind = EltwiseKind::kSum;
  std::vector<float> coefficients = {};  // of a sum, one an input; empty: all 1
  std::optional<Relu> relu = {};         // set by fuse_relu
};

// Axes below 0 count from the end; infer_shapes() replaces them by what they mean.
struct Softmax {
  std::int64_t axis = 1;
  bool logarithm = false;  // of the softmax
};
/// Dimensions from `axis` to the last become one.
struct Flatten {
  std::int64_t axis = 1;
};
/// Target dimensions; 0 copies the input's, -1 (once) is what remains. Dimension 0 must stay the batch.
struct Reshape {
  std::vector<std::int64_t> dims;
};
/// Passes its input on: Dropout at inference, Split, and what a pass leaves behind. Removed by
/// remove_identity.
struct Identity {
  std::string was;  // "Dropout", "Split": what the file said
};

enum class ActivationFunction { kSigmoid, kTanh, kHardSigmoid, kHardSwish, kClip, kRounding };
/// y = f(x) for every value (a ReLU is an operation of its own, since layers can carry it):
///   kSigmoid 1 / (1 + e^-x), kTanh, kHardSigmoid min(max(a * x + b, 0), 1),
///   kHardSwish x * min(max(x / 6 + 1 / 2, 0), 1), kClip min(max(x, a), b),
///   kRounding a * (min(max(x / a rounded to nearest even + b, 0), 255) - b): to a byte and back, a being the
///   scale (above 0) and b the zero point (0 to 255)
struct Activation {
  ActivationFunction function = ActivationFunction::kSigmoid;
  float a = 0, b = 0;  // not of the functions that have none
};

/// `value` around a feature map.
struct Pad {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  float value = 0;
};
/// Channels [first, first + count).
struct Slice {
  std::int64_t first = 0;
  std::int64_t count = 1;
};
/// Output channel k * groups + g is input channel g * (C / groups) + k: the channels, as a matrix of `groups`
/// rows, transposed (ShuffleNet).
struct ChannelShuffle {
  std::int64_t groups = 1;
};

using Op =
    std::variant<Input, Convolution, InnerProduct, Pooling, Relu, Lrn, BatchNorm, ChannelAffine, Concat,
                 Eltwise, Softmax, Flatten, Reshape, Identity, Activation, Slice, ChannelShuffle, Pad>;

struct Node {
  std::string name;
  Op op;
  std::vector<TensorId> inputs;
  std::vector<TensorId> outputs;  // one; an Identity (Caffe's Split) may have more
  std::vector<Weights> weights;
  Origin origin;
};

struct Graph {
  std::string name;
  std::vector<Tensor> tensors;  // TensorId is the index; tensors that no node uses any more may stay
  std::vector<Node> nodes;
  std::vector<TensorId> inputs;   // outputs of the Input nodes, in file order
  std::vector<TensorId> outputs;  // in file order
  bool synthetic_weights = false;

  TensorId add_tensor(std::string name);
  /// Appends a node with one new output tensor named `output` (default: the node's name) and returns that
  /// tensor.
  TensorId add_node(std::string name, Op op, std::vector<TensorId> inputs, std::vector<Weights> weights = {},
                    Origin origin = {}, std::string output = {});
  const Shape& shape(TensorId id) const { return tensors[static_cast<std::size_t>(id)].shape; }
  /// Indices of the nodes that read each tensor, by TensorId, in node order; a node that reads a tensor twice
  /// stands there twice.
  std::vector<std::vector<int>> consumers() const;
  /// Index of the node that makes each tensor, -1 if none.
  std::vector<int> producers() const;
  /// Nonzero for the nodes that an output depends on and for the Input nodes.
  std::vector<char> live_nodes() const;
};

/// "Sigmoid", "HardSwish", ...
const char* to_string(ActivationFunction function);
/// Whether the function has the parameters `a` and `b`.
bool has_parameters(ActivationFunction function);

/// Whether it is an Activation of function kRounding.
bool is_rounding(const Op& op);

/// "Convolution", "Pooling", "ReLU", "Scale", ...: the word `inspect` prints. Lives as long as `op`.
const char* op_name(const Op& op);

}  // namespace octet::graph
