#include "import/caffe/prototxt.h"

#include <fmt/format.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <string_view>

#include "import/wire/input_file.h"
#include "octet/error.h"
#include "octet/network.h"

namespace octet::caffe {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

// Limits on nonsense, a hundred times what real files have: a message in memory is far larger than its text.
constexpr std::uint64_t kLargestText = 4 << 20;
constexpr int kMostStages = 1000;
// Caffe's own messages nest five deep; protobuf's parser recurses, so a file of open braces must not decide
// how deep.
constexpr int kDeepestNesting = 64;
constexpr std::size_t kMostUnknownFields = 1000;

[[noreturn]] void fail_at(const std::string& file, int line, int column, const std::string& text) {
  throw Error(ErrorCode::kParse, fmt::format("{}:{}:{}: {}", file, line, column, text));
}

std::string_view last_quoted(std::string_view text, std::string_view otherwise) {
  const std::size_t close = text.rfind('"');
  if (close == std::string_view::npos || close == 0) return otherwise;
  const std::size_t open = text.rfind('"', close - 1);
  return open == std::string_view::npos ? otherwise : text.substr(open + 1, close - open - 1);
}

/// Takes the parser's findings. Unknown fields come as warnings: those of messages that mean nothing at
/// inference are dropped, all others kept.
class Findings : public google::protobuf::io::ErrorCollector {
 public:
  explicit Findings(const std::string& file) : file_(file) {}

  void AddError(int line, int column, const std::string& message) override {
    if (error_.empty()) error_ = fmt::format("{}:{}:{}: {}", file_, line + 1, column + 1, message);
  }

  void AddWarning(int line, int column, const std::string& message) override {
    constexpr std::string_view kPackage = "octet.caffe.";
    if (message.find("\"octet.caffe.Ignored\"") != std::string::npos) return;
    const std::size_t begin = message.find(kPackage);
    const std::size_t end = message.find('"', begin);
    std::string text = message;
    std::string where;
    if (begin != std::string::npos && end != std::string::npos) {
      where = message.substr(begin + kPackage.size(), end - begin - kPackage.size());
      text = fmt::format("{} has no field '{}'", where, last_quoted(message, "?"));
    }
    if (where == "NetParameter") fail_at(file_, line + 1, column + 1, text);
    if (unknown_.size() < kMostUnknownFields) unknown_.push_back({line + 1, column + 1, text});
  }

  const std::string& error() const { return error_; }
  const std::vector<UnknownField>& unknown() const { return unknown_; }

 private:
  const std::string& file_;
  std::string error_;
  std::vector<UnknownField> unknown_;
};

/// Braces nest no deeper than kDeepestNesting, comments and strings left out.
void check_nesting(const std::string& text, const std::string& file) {
  int depth = 0, line = 1;
  std::size_t line_begin = 0;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line;
      line_begin = i + 1;
      quote = 0;  // a string ends at the latest with its line
    } else if (quote != 0) {
      if (c == '\\')
        ++i;
      else if (c == quote)
        quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size()) - 1;
    } else if (c == '{' || c == '<' || c == '[') {
      if (++depth > kDeepestNesting) {
        fail_at(file, line, static_cast<int>(i - line_begin) + 1,
                fmt::format("nested more than {} deep", kDeepestNesting));
      }
    } else if (c == '}' || c == '>' || c == ']') {
      --depth;
    }
  }
}

/// The `type` of the newer generation for an enum of the older one: CONVOLUTION -> "Convolution".
std::string type_name(V1LayerParameter::LayerType type) {
  switch (type) {
    case V1LayerParameter::CONCAT:
      return "Concat";
    case V1LayerParameter::CONVOLUTION:
      return "Convolution";
    case V1LayerParameter::DROPOUT:
      return "Dropout";
    case V1LayerParameter::ELTWISE:
      return "Eltwise";
    case V1LayerParameter::FLATTEN:
      return "Flatten";
    case V1LayerParameter::INNER_PRODUCT:
      return "InnerProduct";
    case V1LayerParameter::LRN:
      return "LRN";
    case V1LayerParameter::POOLING:
      return "Pooling";
    case V1LayerParameter::RELU:
      return "ReLU";
    case V1LayerParameter::SOFTMAX:
      return "Softmax";
    case V1LayerParameter::SOFTMAX_LOSS:
      return "SoftmaxWithLoss";
    case V1LayerParameter::SPLIT:
      return "Split";
    case V1LayerParameter::DATA:
      return "Data";
    case V1LayerParameter::ACCURACY:
      return "Accuracy";
    default:
      return V1LayerParameter::LayerType_Name(type);  // not supported: named as the file names it
  }
}

LayerParameter upgrade(const V1LayerParameter& old) {
  LayerParameter layer;
  layer.set_name(old.name());
  if (old.has_type()) layer.set_type(type_name(old.type()));
  *layer.mutable_bottom() = old.bottom();
  *layer.mutable_top() = old.top();
  *layer.mutable_include() = old.include();
  *layer.mutable_exclude() = old.exclude();
  if (old.has_concat_param()) *layer.mutable_concat_param() = old.concat_param();
  if (old.has_convolution_param()) *layer.mutable_convolution_param() = old.convolution_param();
  if (old.has_dropout_param()) *layer.mutable_dropout_param() = old.dropout_param();
  if (old.has_eltwise_param()) *layer.mutable_eltwise_param() = old.eltwise_param();
  if (old.has_inner_product_param()) *layer.mutable_inner_product_param() = old.inner_product_param();
  if (old.has_lrn_param()) *layer.mutable_lrn_param() = old.lrn_param();
  if (old.has_pooling_param()) *layer.mutable_pooling_param() = old.pooling_param();
  if (old.has_relu_param()) *layer.mutable_relu_param() = old.relu_param();
  if (old.has_softmax_param()) *layer.mutable_softmax_param() = old.softmax_param();
  return layer;
}

/// Lines of all values of a repeated field.
std::vector<int> lines_of(const TextFormat::ParseInfoTree& tree, const Message& message,
                          const char* field_name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(field_name);
  std::vector<int> lines;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
    lines.push_back(tree.GetLocation(field, i).line + 1);
  }
  return lines;
}

template <typename Layer, typename Translate>
void add_layers(Prototxt& prototxt, const TextFormat::ParseInfoTree& tree, const char* field_name,
                const google::protobuf::RepeatedPtrField<Layer>& layers, Translate translate) {
  const FieldDescriptor* field = NetParameter::descriptor()->FindFieldByName(field_name);
  for (int i = 0; i < layers.size(); ++i) {
    SourceLayer source;
    source.line = tree.GetLocation(field, i).line + 1;
    if (const TextFormat::ParseInfoTree* nested = tree.GetTreeForNested(field, i)) {
      source.bottom_lines = lines_of(*nested, layers[i], "bottom");
      source.top_lines = lines_of(*nested, layers[i], "top");
    }
    source.parameters = translate(layers[i], source.line);
    prototxt.layers.push_back(std::move(source));
  }
}

/// Each unknown field to the layer it stands in: the last that begins on its line or before.
void attach_unknown_fields(std::vector<SourceLayer>& layers, const std::vector<UnknownField>& unknown,
                           const std::string& file) {
  for (const UnknownField& field : unknown) {
    const auto after = std::upper_bound(layers.begin(), layers.end(), field.line,
                                        [](int line, const SourceLayer& layer) { return line < layer.line; });
    if (after == layers.begin()) fail_at(file, field.line, field.column, field.text);
    std::prev(after)->unknown_fields.push_back(field);
  }
}

bool meets(const NetStateRule& rule, const NetState& state) {
  const auto has_stage = [&](const std::string& stage) {
    return std::find(state.stage().begin(), state.stage().end(), stage) != state.stage().end();
  };
  if (rule.has_phase() && rule.phase() != TEST) return false;
  if (rule.has_min_level() && state.level() < rule.min_level()) return false;
  if (rule.has_max_level() && state.level() > rule.max_level()) return false;
  return std::all_of(rule.stage().begin(), rule.stage().end(), has_stage) &&
         std::none_of(rule.not_stage().begin(), rule.not_stage().end(), has_stage);
}

}  // namespace

Prototxt parse_prototxt(const std::string& text, const std::string& file) {
  check_nesting(text, file);
  Prototxt prototxt;
  prototxt.file = file;
  NetParameter& net = prototxt.net;

  Findings findings(file);
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&findings);
  parser.WriteLocationsTo(&tree);
  parser.AllowUnknownField(true);
  const bool parsed = parser.ParseFromString(text, &net);
  if (!findings.error().empty()) throw Error(ErrorCode::kParse, findings.error());
  if (!parsed) throw Error(ErrorCode::kParse, fmt::format("{}: not a prototxt", file));

  if (net.state().stage_size() > kMostStages) {
    throw Error(ErrorCode::kInvalidNetwork, fmt::format("{}: more than {} stages", file, kMostStages));
  }
  prototxt.input_lines = lines_of(tree, net, "input");
  if (net.layer_size() > 0 && net.layers_size() > 0) {
    const FieldDescriptor* field = NetParameter::descriptor()->FindFieldByName("layers");
    throw Error(ErrorCode::kInvalidNetwork,
                fmt::format("{}:{}: the file has both 'layer' and 'layers'; Caffe takes either, not both",
                            file, tree.GetLocation(field, 0).line + 1));
  }
  add_layers(prototxt, tree, "layer", net.layer(), [](const LayerParameter& layer, int) { return layer; });
  add_layers(prototxt, tree, "layers", net.layers(), [&](const V1LayerParameter& layer, int line) {
    if (layer.has_layer()) {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("{}:{}: a layer in Caffe's oldest format (V0, a 'layer' inside 'layers'); convert "
                      "the file with Caffe's upgrade_net_proto_text first",
                      file, line));
    }
    return upgrade(layer);
  });
  attach_unknown_fields(prototxt.layers, findings.unknown(), file);
  net.clear_layer();
  net.clear_layers();
  return prototxt;
}

Prototxt read_prototxt(const std::filesystem::path& path) {
  const wire::InputFile file(path);
  if (file.size() > kLargestText) {
    throw Error(ErrorCode::kParse, fmt::format("{}: {} bytes is too much for a prototxt; is it a caffemodel?",
                                               file.name(), file.size()));
  }
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read(0, text.data(), text.size());
  return parse_prototxt(text, file.name());
}

bool used_at_inference(const SourceLayer& layer, const NetState& state, const std::string& file) {
  const auto& include = layer.parameters.include();
  const auto& exclude = layer.parameters.exclude();
  if (!include.empty() && !exclude.empty()) {
    throw Error(ErrorCode::kInvalidNetwork,
                fmt::format("{}: has both include and exclude rules; Caffe takes either, not both",
                            Origin{file, layer.line, layer.parameters.name()}.to_string()));
  }
  const auto met = [&](const NetStateRule& rule) { return meets(rule, state); };
  if (!include.empty()) return std::any_of(include.begin(), include.end(), met);
  return std::none_of(exclude.begin(), exclude.end(), met);
}

}  // namespace octet::caffe
