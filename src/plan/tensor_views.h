// Where the tensors of a graph lie while it is lowered: in a caller's memory, in a buffer of their own or in
// a part of a concatenation's; and the conversions that consumers need, made once each, when they are first
// asked for. The base of plan/lower.cc, which turns nodes into steps.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plan/concat_placement.h"
#include "plan/plan.h"
#include "quantize/scheme.h"

namespace octet::plan {

/// A tensor's values in memory. Where a Flatten or Reshape only changed how they are looked at, `map` still
/// has the sizes they were written with, in the same NCHW order of values as the tensor's own shape.
struct View {
  OperandRef ref;
  kernels::FeatureMap map;
};

class TensorViews {
 protected:
  using TensorId = graph::TensorId;
  using FeatureMap = kernels::FeatureMap;

  /// All of them must outlive the lowering.
  TensorViews(const graph::Graph& graph, const quantize::Scheme& scheme, Plan& plan);

  const Shape& shape(TensorId t) const { return graph_.shape(t); }
  const std::string& tensor_name(TensorId t) const {
    return graph_.tensors[static_cast<std::size_t>(t)].name;
  }
  const quantize::TensorScheme& scheme(TensorId t) const {
    return scheme_.tensors[static_cast<std::size_t>(t)];
  }

  /// Tensor t as a caller gives or gets it.
  FeatureMap dense(TensorId t) const;
  /// How tensor t lies inside the network as values of this type.
  FeatureMap map_of(TensorId t, DataType type) const;
  FeatureMap stored_map(TensorId t) const { return map_of(t, scheme(t).stored); }
  /// The same values as FP32 in NCHW order.
  static FeatureMap dense_of(FeatureMap map);

  static OperandRef reference(OperandRef::Kind kind, int index, const FeatureMap& map);
  View fresh(const std::string& tensor, const FeatureMap& map);

  /// Where a step shall write tensor t: a channel range of a concatenation, if it has the same quantisation,
  /// or a buffer of its own.
  View target(TensorId t, FeatureMap map);
  View target(TensorId t) { return target(t, stored_map(t)); }
  /// The buffer of a concatenation's result, made when its first part is.
  View concat_view(TensorId concat);

  View view(TensorId t) const { return views_.at(t); }
  /// Tensor t as values of `type`, in that type's layout and t's own shape; converted if it does not lie so.
  View operand(TensorId t, DataType type);
  View fp32_operand(TensorId t) { return operand(t, DataType::kFloat32); }
  /// The input of a layer of integers or BF16. What the caller gives in a few planes stays as narrow.
  View dot_operand(TensorId t, bool narrow);
  /// The same values in another type, in the sizes they were written with.
  View retyped(const View& from, DataType type, TensorId t);
  View reformat(const View& from, const FeatureMap& to, TensorId t);

  /// True if `input`, an operand of tensor t, holds pictures' bytes.
  bool reads_pictures(TensorId t, const View& input) const;

  Step& add_step(kernels::OpDesc desc, std::vector<OperandRef> inputs, const View& output);
  /// The step that computes node_'s one output with node_'s weights.
  Step& add_node_step(kernels::OpDesc desc, std::vector<OperandRef> inputs, const View& output);

  [[noreturn]] void unsupported(const std::string& what) const;

  const graph::Graph& graph_;
  const quantize::Scheme& scheme_;
  Plan& plan_;
  const ConcatPlacement placement_;
  const graph::Node* node_ = nullptr;   // being lowered
  DataType type_ = DataType::kFloat32;  // that node_ computes with
  std::map<TensorId, View> views_;
  std::set<TensorId> placed_;  // written straight into their concatenation

 private:
  int new_buffer(const std::string& tensor, const FeatureMap& map);
  graph::Weights mean_of(TensorId t) const;
  View pictures_to_fp32(const View& from, const FeatureMap& to, TensorId t);
  /// The pictures' bytes in front of a first layer, whether the caller gives them or FP32 less the mean.
  View picture_bytes(TensorId t);

  std::map<std::pair<TensorId, DataType>, View> converted_;
  std::map<std::pair<TensorId, DataType>, View> narrow_;  // inputs of few channels, padded to 4 of them
  std::map<TensorId, View> picture_bytes_;
};

}  // namespace octet::plan
