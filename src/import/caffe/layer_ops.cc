#include "import/caffe/layer_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/validate.h"
#include "import/caffe/fail.h"
#include "octet/error.h"

namespace octet::caffe {
namespace {

using Pair = std::pair<std::int64_t, std::int64_t>;  // along the height, along the width

/// A size that Caffe lets a file give as `kernel_size: 3`, as `kernel_size: 1 kernel_size: 3` or as
/// `kernel_h: 1 kernel_w: 3`.
struct SizeField {
  const char* name;  // "kernel_size", for messages
  std::vector<std::int64_t> values;
  std::optional<std::int64_t> height, width;
  std::int64_t least;
  std::optional<std::int64_t> otherwise;  // if the file does not give it; none: it must

  Pair resolve(const Origin& origin) const {
    if (!values.empty() && (height || width)) {
      fail(ErrorCode::kInvalidNetwork, origin, "{} is given together with its _h or _w form; expected either",
           name);
    }
    if (values.size() > 2) {
      fail(ErrorCode::kUnsupported, origin, "{} has {} values; Octet convolves over height and width only",
           name, values.size());
    }
    Pair pair;
    if (!values.empty()) {
      pair = {values.front(), values.back()};
    } else if ((height && width) || ((height || width) && otherwise)) {
      pair = {height.value_or(otherwise.value_or(0)), width.value_or(otherwise.value_or(0))};
    } else if (otherwise) {
      pair = {*otherwise, *otherwise};
    } else {
      fail(ErrorCode::kInvalidNetwork, origin, "{} is missing, or one of its _h and _w forms is", name);
    }
    for (const std::int64_t value : {pair.first, pair.second}) {
      if (value < least || value > graph::kMaxDimension) {
        fail(ErrorCode::kInvalidNetwork, origin, "{} is {}, expected {} to {}", name, value, least,
             graph::kMaxDimension);
      }
    }
    return pair;
  }
};

template <typename Field>
std::vector<std::int64_t> list(const Field& field) {
  return {field.begin(), field.end()};
}
std::optional<std::int64_t> given(bool has, std::int64_t value) {
  return has ? std::optional(value) : std::nullopt;
}
std::vector<std::int64_t> list_of(bool has, std::int64_t value) {
  return has ? std::vector{value} : std::vector<std::int64_t>{};
}

graph::Window window(const Pair& kernel, const Pair& stride, const Pair& pad, const Pair& dilation) {
  graph::Window w;
  std::tie(w.kernel_h, w.kernel_w) = kernel;
  std::tie(w.stride_h, w.stride_w) = stride;
  std::tie(w.pad_top, w.pad_left) = pad;
  std::tie(w.pad_bottom, w.pad_right) = pad;
  std::tie(w.dilation_h, w.dilation_w) = dilation;
  return w;
}

std::int64_t positive(const char* name, bool has, std::int64_t value, const Origin& origin) {
  if (!has) fail(ErrorCode::kInvalidNetwork, origin, "{} is missing", name);
  if (value < 1 || value > graph::kMaxDimension) {
    fail(ErrorCode::kInvalidNetwork, origin, "{} is {}, expected 1 to {}", name, value, graph::kMaxDimension);
  }
  return value;
}

LayerOp convolution(const LayerParameter& layer, const Origin& origin) {
  const ConvolutionParameter& p = layer.convolution_param();
  const Pair kernel = SizeField{"kernel_size",
                                list(p.kernel_size()),
                                given(p.has_kernel_h(), p.kernel_h()),
                                given(p.has_kernel_w(), p.kernel_w()),
                                1,
                                std::nullopt}
                          .resolve(origin);
  const bool stride_pair = p.has_stride_h() || p.has_stride_w();
  const Pair stride = SizeField{"stride",
                                list(p.stride()),
                                given(p.has_stride_h(), p.stride_h()),
                                given(p.has_stride_w(), p.stride_w()),
                                1,
                                stride_pair ? std::nullopt : std::optional<std::int64_t>(1)}
                          .resolve(origin);
  const Pair pad =
      SizeField{"pad", list(p.pad()), given(p.has_pad_h(), p.pad_h()), given(p.has_pad_w(), p.pad_w()), 0, 0}
          .resolve(origin);
  const Pair dilation =
      SizeField{"dilation", list(p.dilation()), std::nullopt, std::nullopt, 1, 1}.resolve(origin);

  graph::Convolution op;
  op.window = window(kernel, stride, pad, dilation);
  op.out_channels = positive("num_output", p.has_num_output(), p.num_output(), origin);
  op.groups = positive("group", true, p.group(), origin);
  LayerOp result{op};
  result.blobs = p.bias_term() ? 2 : 1;
  result.channel_axis = p.axis();
  return result;
}

LayerOp pooling(const LayerParameter& layer, const Origin& origin) {
  const PoolingParameter& p = layer.pooling_param();
  graph::Pooling op;
  switch (p.pool()) {
    case PoolingParameter::MAX:
      op.kind = graph::PoolKind::kMax;
      break;
    case PoolingParameter::AVE:
      op.kind = graph::PoolKind::kAverage;
      break;
    default:
      fail(ErrorCode::kUnsupported, origin, "stochastic pooling; Octet has MAX and AVE");
  }
  op.rounding = p.round_mode() == PoolingParameter::FLOOR ? graph::Rounding::kFloor : graph::Rounding::kCeil;
  op.global = p.global_pooling();

  const bool stride_pair = p.has_stride_h() || p.has_stride_w();
  const Pair stride = SizeField{"stride",
                                list_of(p.has_stride(), p.stride()),
                                given(p.has_stride_h(), p.stride_h()),
                                given(p.has_stride_w(), p.stride_w()),
                                1,
                                stride_pair ? std::nullopt : std::optional<std::int64_t>(1)}
                          .resolve(origin);
  const Pair pad = SizeField{"pad",
                             list_of(p.has_pad(), p.pad()),
                             given(p.has_pad_h(), p.pad_h()),
                             given(p.has_pad_w(), p.pad_w()),
                             0,
                             0}
                       .resolve(origin);
  if (op.global) {
    if (p.has_kernel_size() || p.has_kernel_h() || p.has_kernel_w()) {
      fail(ErrorCode::kInvalidNetwork, origin, "global_pooling takes no kernel size");
    }
    if (stride != Pair{1, 1} || pad != Pair{0, 0}) {
      fail(ErrorCode::kInvalidNetwork, origin, "global_pooling takes stride 1 and pad 0 only");
    }
    return {op};
  }
  const Pair kernel = SizeField{"kernel_size",
                                list_of(p.has_kernel_size(), p.kernel_size()),
                                given(p.has_kernel_h(), p.kernel_h()),
                                given(p.has_kernel_w(), p.kernel_w()),
                                1,
                                std::nullopt}
                          .resolve(origin);
  op.window = window(kernel, stride, pad, {1, 1});
  return {op};
}

LayerOp relu(const LayerParameter& layer, const Origin&) {
  return {graph::Relu{layer.relu_param().negative_slope()}};
}

LayerOp lrn(const LayerParameter& layer, const Origin&) {
  const LRNParameter& p = layer.lrn_param();
  graph::Lrn op;
  op.size = p.local_size();
  op.alpha = p.alpha();
  op.beta = p.beta();
  const bool within = p.norm_region() == LRNParameter::WITHIN_CHANNEL;
  op.region = within ? graph::LrnRegion::kWithinChannel : graph::LrnRegion::kAcrossChannels;
  op.k = within ? 1.0f : p.k();  // Caffe has no k within a channel
  return {op};
}

LayerOp inner_product(const LayerParameter& layer, const Origin& origin) {
  const InnerProductParameter& p = layer.inner_product_param();
  graph::InnerProduct op;
  op.out_features = positive("num_output", p.has_num_output(), p.num_output(), origin);
  LayerOp result{op};
  result.blobs = p.bias_term() ? 2 : 1;
  result.transposed = p.transpose();
  result.channel_axis = p.axis();
  return result;
}

LayerOp concat(const LayerParameter& layer, const Origin& origin) {
  const ConcatParameter& p = layer.concat_param();
  if (p.has_axis() && p.has_concat_dim()) {
    fail(ErrorCode::kInvalidNetwork, origin, "both axis and concat_dim, which are the same thing");
  }
  return {graph::Concat{p.has_concat_dim() ? p.concat_dim() : p.axis()}};
}

LayerOp eltwise(const LayerParameter& layer, const Origin&) {
  const EltwiseParameter& p = layer.eltwise_param();
  graph::Eltwise op;
  switch (p.operation()) {
    case EltwiseParameter::PROD:
      op.kind = graph::EltwiseKind::kProduct;
      break;
    case EltwiseParameter::SUM:
      op.kind = graph::EltwiseKind::kSum;
      break;
    case EltwiseParameter::MAX:
      op.kind = graph::EltwiseKind::kMax;
      break;
  }
  op.coefficients.assign(p.coeff().begin(), p.coeff().end());
  return {op};
}

LayerOp batch_norm(const LayerParameter& layer, const Origin& origin) {
  const BatchNormParameter& p = layer.batch_norm_param();
  if (p.has_use_global_stats() && !p.use_global_stats()) {
    fail(ErrorCode::kUnsupported, origin,
         "use_global_stats: false asks for the statistics of each batch; Octet uses the stored ones");
  }
  if (!(p.eps() >= 0)) fail(ErrorCode::kInvalidNetwork, origin, "eps is {}, expected 0 or more", p.eps());
  LayerOp result{graph::BatchNorm{p.eps()}};
  result.blobs = 3;  // mean, variance, and the factor that both are to be divided by
  return result;
}

template <typename Parameter>
void need_one_channel_axis(const LayerParameter& layer, const Parameter& p, const Origin& origin) {
  if (layer.bottom_size() == 2) {
    fail(ErrorCode::kUnsupported, origin, "a {} layer of two bottoms; Octet has the form with learned values",
         layer.type());
  }
  if (p.num_axes() != 1) {
    fail(ErrorCode::kUnsupported, origin, "num_axes is {}; Octet has one value a channel (num_axes 1)",
         p.num_axes());
  }
}

LayerOp scale(const LayerParameter& layer, const Origin& origin) {
  const ScaleParameter& p = layer.scale_param();
  need_one_channel_axis(layer, p, origin);
  LayerOp result{graph::ChannelAffine{}};
  result.blobs = p.bias_term() ? 2 : 1;
  result.channel_axis = p.axis();
  return result;
}

LayerOp bias(const LayerParameter& layer, const Origin& origin) {
  need_one_channel_axis(layer, layer.bias_param(), origin);
  LayerOp result{graph::ChannelAffine{}};
  result.blobs = 1;
  result.shift_only = true;
  result.channel_axis = layer.bias_param().axis();
  return result;
}

LayerOp flatten(const LayerParameter& layer, const Origin& origin) {
  const FlattenParameter& p = layer.flatten_param();
  if (p.end_axis() != -1) {
    fail(ErrorCode::kUnsupported, origin, "end_axis is {}; Octet flattens up to the last axis (-1)",
         p.end_axis());
  }
  return {graph::Flatten{p.axis()}};
}

LayerOp reshape(const LayerParameter& layer, const Origin& origin) {
  constexpr std::int64_t kMostAxes = 32;  // Caffe's own limit
  const ReshapeParameter& p = layer.reshape_param();
  if (p.axis() < 0 || p.axis() > kMostAxes || p.num_axes() != -1) {
    fail(ErrorCode::kUnsupported, origin,
         "axis {} and num_axes {}; Octet reshapes from a given axis (0 to {}) to the last (num_axes -1)",
         p.axis(), p.num_axes(), kMostAxes);
  }
  if (p.shape().dim_size() == 0 || p.shape().dim_size() > kMostAxes) {
    fail(ErrorCode::kInvalidNetwork, origin, "a shape of {} dimensions, expected 1 to {}",
         p.shape().dim_size(), kMostAxes);
  }
  graph::Reshape op;
  op.dims.assign(static_cast<std::size_t>(p.axis()), 0);
  for (const std::int64_t dim : p.shape().dim()) op.dims.push_back(dim);
  if (std::count(op.dims.begin(), op.dims.end(), -1) > 1) {
    fail(ErrorCode::kInvalidNetwork, origin, "more than one dimension is -1");
  }
  for (const std::int64_t dim : op.dims) {
    if (dim < -1 || dim > graph::kMaxDimension) {
      fail(ErrorCode::kInvalidNetwork, origin, "dimension {} in the shape, expected -1 to {}", dim,
           graph::kMaxDimension);
    }
  }
  // Dimension 0 is the batch, which a plan chooses: whatever the file says of it (its own batch, or -1), it
  // is the input's. Where that cannot be meant, the number of elements disagrees.
  op.dims[0] = 0;
  return {op};
}

LayerOp softmax(const LayerParameter& layer, const Origin&) {
  return {graph::Softmax{layer.softmax_param().axis()}};
}

LayerOp dropout(const LayerParameter& layer, const Origin& origin) {
  if (!layer.dropout_param().scale_train()) {
    fail(ErrorCode::kUnsupported, origin, "scale_train: false, by which inference scales its activations");
  }
  return {graph::Identity{"Dropout"}};
}

LayerOp split(const LayerParameter&, const Origin&) { return {graph::Identity{"Split"}}; }

LayerOp input(const LayerParameter&, const Origin&) { return {graph::Input{}}; }

constexpr int kMany = std::numeric_limits<int>::max();

/// Every layer type there is: what converts it, and how many bottoms and tops it takes.
struct LayerType {
  std::string_view name;
  LayerOp (*convert)(const LayerParameter&, const Origin&);
  int least_bottoms = 1, most_bottoms = 1;
  int most_tops = 1;
};
constexpr LayerType kLayerTypes[] = {
    {"BatchNorm", batch_norm},     {"Bias", bias, 1, 2},
    {"Concat", concat, 1, kMany},  {"Convolution", convolution},
    {"Dropout", dropout},          {"Eltwise", eltwise, 2, kMany},
    {"Flatten", flatten},          {"InnerProduct", inner_product},
    {"Input", input, 0, 0, kMany}, {"LRN", lrn},
    {"Pooling", pooling},          {"ReLU", relu},
    {"Reshape", reshape},          {"Scale", scale, 1, 2},
    {"Softmax", softmax},          {"Split", split, 1, 1, kMany},
};

/// Layers that train and test networks have and deploy files do not.
constexpr std::string_view kTrainingTypes[] = {"Accuracy",
                                               "Data",
                                               "DummyData",
                                               "EuclideanLoss",
                                               "HDF5Data",
                                               "HDF5Output",
                                               "HDF5_DATA",
                                               "HingeLoss",
                                               "IMAGE_DATA",
                                               "ImageData",
                                               "MEMORY_DATA",
                                               "MemoryData",
                                               "Python",
                                               "SILENCE",
                                               "SigmoidCrossEntropyLoss",
                                               "Silence",
                                               "SoftmaxWithLoss",
                                               "WINDOW_DATA",
                                               "WindowData"};

const LayerType& find_type(const LayerParameter& layer, const Origin& origin) {
  const std::string& type = layer.type();
  const auto* found = std::find_if(std::begin(kLayerTypes), std::end(kLayerTypes),
                                   [&](const LayerType& known) { return known.name == type; });
  if (found != std::end(kLayerTypes)) return *found;
  if (type.empty()) fail(ErrorCode::kInvalidNetwork, origin, "the layer has no type");
  if (std::find(std::begin(kTrainingTypes), std::end(kTrainingTypes), type) != std::end(kTrainingTypes)) {
    fail(ErrorCode::kUnsupported, origin,
         "layer type '{}' belongs to training or testing; Octet takes the deploy form of a network, with an "
         "Input "
         "layer, or the layer kept out of the TEST phase (exclude {{ phase: TEST }})",
         type);
  }
  std::string names;
  for (const LayerType& known : kLayerTypes)
    names += fmt::format("{}{}", names.empty() ? "" : " ", known.name);
  fail(ErrorCode::kUnsupported, origin, "layer type '{}' is not supported; supported are: {}", type, names);
}

}  // namespace

LayerOp convert_layer(const LayerParameter& layer, const Origin& origin) {
  return find_type(layer, origin).convert(layer, origin);
}

void check_layer_type(const LayerParameter& layer, const Origin& origin) { find_type(layer, origin); }

void check_arity(const LayerParameter& layer, const Origin& origin) {
  const LayerType& type = find_type(layer, origin);
  const auto check = [&](const char* what, int count, int least, int most) {
    if (count >= least && count <= most) return;
    const std::string expected = least == most   ? fmt::format("{}", least)
                                 : most == kMany ? fmt::format("at least {}", least)
                                                 : fmt::format("{} to {}", least, most);
    fail(ErrorCode::kInvalidNetwork, origin, "{} has {} {}(s), expected {}", layer.type(), count, what,
         expected);
  };
  check("bottom", layer.bottom_size(), type.least_bottoms, type.most_bottoms);
  check("top", layer.top_size(), 1, type.most_tops);
}

}  // namespace octet::caffe
