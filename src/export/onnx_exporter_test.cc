// What the exporter writes, read back with the schema. That the files mean the same to another engine is
// shown by scripts/compare-peers.
#include "export/onnx_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <limits>

#include "export/test_onnx_model.h"
#include "octet/error.h"
#include "tests/support/graph_builder.h"
#include "tests/support/temporary_directory.h"

namespace octet::exporting {
namespace {

using graph::TensorId;
using test::dims;
using test::GraphBuilder;
using test::initializer;
using test::inputs;
using test::integer;
using test::ints;
using test::operators;
using test::real;
using test::square_window;
using test::values;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<float> values(const graph::Weights& weights) {
  return {weights.values().begin(), weights.values().end()};
}

class OnnxExporter : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return directory_.path() / "net.onnx"; }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
      names.push_back(entry.path().filename().string());
    return names;
  }

  /// The file as read back.
  onnx::Model exported(const graph::Graph& graph) {
    export_onnx(graph, path());
    return test::read_model(path());
  }

  /// What is written for one operation between input and output.
  onnx::Model exported(Shape shape, const std::function<TensorId(GraphBuilder&, TensorId)>& layer) {
    GraphBuilder builder;
    const TensorId out = layer(builder, builder.input(std::move(shape)));
    return exported(builder.finish({out}));
  }

  ErrorCode error_of(const graph::Graph& graph, const std::filesystem::path& path) {
    try {
      export_onnx(graph, path);
    } catch (const Error& error) {
      message_ = error.what();
      return error.code();
    }
    ADD_FAILURE() << "no error";
    message_.clear();
    return ErrorCode::kInternal;
  }

  test::TemporaryDirectory directory_;
  std::string message_;
};

TEST_F(OnnxExporter, HeaderSaysOpsetAndShapesWithAFreeBatch) {
  const onnx::Model model =
      exported({1, 3, 8, 6}, [](GraphBuilder& b, TensorId in) { return b.inner_product(in, 10); });
  EXPECT_EQ(model.ir_version(), 7);
  EXPECT_EQ(model.producer_name(), "octet");
  ASSERT_EQ(model.opset_import_size(), 1);
  EXPECT_EQ(model.opset_import(0).version(), 13);
  ASSERT_EQ(model.graph().input_size(), 1);
  EXPECT_EQ(model.graph().input(0).name(), "data");
  const onnx::TensorType& type = model.graph().input(0).type().tensor_type();
  EXPECT_EQ(type.elem_type(), 1);
  ASSERT_EQ(type.shape().dim_size(), 4);
  EXPECT_EQ(type.shape().dim(0).dim_param(), "N");
  EXPECT_EQ(type.shape().dim(1).dim_value(), 3);
  EXPECT_EQ(type.shape().dim(2).dim_value(), 8);
  EXPECT_EQ(type.shape().dim(3).dim_value(), 6);
  ASSERT_EQ(model.graph().output_size(), 1);
  EXPECT_EQ(model.graph().output(0).type().tensor_type().shape().dim(1).dim_value(), 10);
}

TEST_F(OnnxExporter, ConvolutionKeepsWindowGroupsAndWeights) {
  graph::Convolution op;
  op.window = {.kernel_h = 3,
               .kernel_w = 2,
               .stride_h = 2,
               .stride_w = 1,
               .pad_top = 1,
               .pad_left = 0,
               .pad_bottom = 1,
               .pad_right = 2,
               .dilation_h = 1,
               .dilation_w = 3};
  op.out_channels = 6;
  op.groups = 2;
  GraphBuilder builder;
  const TensorId out = builder.convolution(builder.input({1, 4, 9, 9}), op);
  const graph::Graph graph = builder.finish({out});
  const onnx::Model model = exported(graph);
  ASSERT_THAT(operators(model), ElementsAre("Conv"));
  const onnx::Node& node = model.graph().node(0);
  EXPECT_THAT(ints(node, "kernel_shape"), ElementsAre(3, 2));
  EXPECT_THAT(ints(node, "strides"), ElementsAre(2, 1));
  EXPECT_THAT(ints(node, "pads"), ElementsAre(1, 0, 1, 2));
  EXPECT_THAT(ints(node, "dilations"), ElementsAre(1, 3));
  EXPECT_EQ(integer(node, "group"), 2);
  EXPECT_THAT(inputs(node), ElementsAre("data", "layer1.weight", "layer1.bias"));
  const onnx::Tensor& weight = initializer(model, "layer1.weight");
  EXPECT_THAT(dims(weight), ElementsAre(6, 2, 3, 2));
  EXPECT_EQ(weight.data_type(), 1);
  EXPECT_EQ(values(weight), values(graph.nodes[1].weights[0]));
  EXPECT_EQ(values(initializer(model, "layer1.bias")), values(graph.nodes[1].weights[1]));
}

TEST_F(OnnxExporter, ConvolutionWithoutBiasHasTwoInputs) {
  const onnx::Model model = exported({1, 3, 8, 8}, [](GraphBuilder& b, TensorId in) {
    return b.convolution(in, {.window = square_window(3), .out_channels = 4}, false);
  });
  EXPECT_THAT(inputs(model.graph().node(0)), ElementsAre("data", "layer1.weight"));
}

TEST_F(OnnxExporter, FusedReluBecomesANodeThatKeepsTheTensorsName) {
  const onnx::Model model = exported({1, 3, 8, 8}, [](GraphBuilder& b, TensorId in) {
    return b.convolution(
        in, {.window = square_window(3), .out_channels = 4, .relu = graph::Relu{.slope = 0.25f}});
  });
  ASSERT_THAT(operators(model), ElementsAre("Conv", "LeakyRelu"));
  EXPECT_EQ(model.graph().node(1).output(0), "layer1");
  EXPECT_EQ(real(model.graph().node(1), "alpha"), 0.25f);
}

TEST_F(OnnxExporter, AReluWithALimitIsAClip) {
  const onnx::Model model =
      exported({1, 3, 8, 8}, [](GraphBuilder& b, TensorId in) { return b.relu(b.relu(in, 0, 6), 0.25f, 5); });
  ASSERT_THAT(operators(model), ElementsAre("Clip", "LeakyRelu", "Clip"));
  EXPECT_THAT(inputs(model.graph().node(0)), ElementsAre("data", "layer1.min", "layer1.max"));
  EXPECT_THAT(values(initializer(model, "layer1.min")), ElementsAre(0));
  EXPECT_THAT(values(initializer(model, "layer1.max")), ElementsAre(6));
  EXPECT_THAT(inputs(model.graph().node(2)), ElementsAre("layer2.unlimited", "", "layer2.max"));
  EXPECT_EQ(model.graph().node(2).output(0), "layer2");
}

TEST_F(OnnxExporter, SlicesShufflesLogSoftmaxAndPadsAreAsTheFrameworksWriteThem) {
  const onnx::Model model = exported({1, 6, 4, 5}, [](GraphBuilder& b, TensorId in) {
    const TensorId x = b.node(graph::ChannelShuffle{3}, {in});
    const TensorId softmax = b.node(graph::Softmax{.logarithm = true}, {b.node(graph::Slice{2, 3}, {x})});
    return b.node(graph::Pad{1, 2, 3, 4, -1}, {softmax});
  });
  ASSERT_THAT(operators(model), ElementsAre("Reshape", "Transpose", "Reshape", "Slice", "LogSoftmax", "Pad"));
  EXPECT_THAT(inputs(model.graph().node(5)), ElementsAre("layer3", "layer4.pads", "layer4.value"));
  const auto integers = [&](const char* name) {
    const onnx::Tensor& tensor = initializer(model, name);
    return std::vector<std::int64_t>(tensor.int64_data().begin(), tensor.int64_data().end());
  };
  EXPECT_THAT(integers("layer1.grouped.shape"), ElementsAre(0, 3, 2, 4, 5));
  EXPECT_THAT(ints(model.graph().node(1), "perm"), ElementsAre(0, 2, 1, 3, 4));
  EXPECT_THAT(integers("layer1.shape"), ElementsAre(0, 6, 4, 5));
  EXPECT_THAT(integers("layer2.start"), ElementsAre(2));
  EXPECT_THAT(integers("layer2.end"), ElementsAre(5));
  EXPECT_THAT(integers("layer2.axis"), ElementsAre(1));
  EXPECT_THAT(integers("layer4.pads"), ElementsAre(0, 0, 1, 2, 0, 0, 3, 4));
}

TEST_F(OnnxExporter, ActivationsAreOperatorsAndAHardSwishIsTwo) {
  using graph::Activation, graph::ActivationFunction;
  const onnx::Model model = exported({1, 3, 8, 8}, [](GraphBuilder& b, TensorId in) {
    const TensorId x = b.node(Activation{ActivationFunction::kTanh},
                              {b.node(Activation{ActivationFunction::kSigmoid}, {in})});
    const TensorId y = b.node(Activation{ActivationFunction::kHardSigmoid, 0.25f, 0.75f}, {x});
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    return b.node(Activation{ActivationFunction::kClip, -2, kInfinity},
                  {b.node(Activation{ActivationFunction::kHardSwish}, {y})});
  });
  ASSERT_THAT(operators(model), ElementsAre("Sigmoid", "Tanh", "HardSigmoid", "HardSigmoid", "Mul", "Clip"));
  EXPECT_EQ(real(model.graph().node(2), "alpha"), 0.25f);
  EXPECT_EQ(real(model.graph().node(2), "beta"), 0.75f);
  EXPECT_EQ(real(model.graph().node(3), "alpha"), 1.0f / 6);
  EXPECT_THAT(inputs(model.graph().node(4)), ElementsAre("layer3", "layer4.gate"));
  EXPECT_THAT(inputs(model.graph().node(5)), ElementsAre("layer4", "layer5.min", ""));
}

TEST_F(OnnxExporter, InnerProductFlattensAFeatureMapAndNotAVector) {
  const onnx::Model model = exported({1, 3, 4, 4}, [](GraphBuilder& b, TensorId in) {
    return b.inner_product(b.inner_product(in, 5), 7, false);
  });
  ASSERT_THAT(operators(model), ElementsAre("Flatten", "Gemm", "Gemm"));
  EXPECT_EQ(integer(model.graph().node(0), "axis"), 1);
  EXPECT_EQ(integer(model.graph().node(1), "transB"), 1);
  EXPECT_THAT(dims(initializer(model, "layer1.weight")), ElementsAre(5, 48));
  EXPECT_THAT(inputs(model.graph().node(2)), ElementsAre("layer1", "layer2.weight"));
}

// 3x3 stride 2 over 112: Caffe's ceil gives 56 positions, and the last reaches one row beyond.
TEST_F(OnnxExporter, CaffesCeilPoolingIsSaidAsPadding) {
  const onnx::Model model = exported({1, 2, 112, 111}, [](GraphBuilder& b, TensorId in) {
    return b.node(graph::Pooling{.window = square_window(3, 2)}, {in});
  });
  ASSERT_THAT(operators(model), ElementsAre("MaxPool"));
  const onnx::Node& node = model.graph().node(0);
  EXPECT_THAT(ints(node, "kernel_shape"), ElementsAre(3, 3));
  EXPECT_THAT(ints(node, "strides"), ElementsAre(2, 2));
  EXPECT_THAT(ints(node, "pads"), ElementsAre(0, 0, 1, 0));
  EXPECT_EQ(integer(node, "ceil_mode"), std::nullopt);
  const onnx::TensorType& out = model.graph().output(0).type().tensor_type();
  EXPECT_EQ(out.shape().dim(2).dim_value(), 56);
  EXPECT_EQ(out.shape().dim(3).dim_value(), 55);
}

// ONNX's floor over the padding written must give Caffe's size, whatever the sizes.
TEST_F(OnnxExporter, PaddingGivesTheSamePositionsForEverySmallPooling) {
  for (std::int64_t size = 1; size <= 9; ++size)
    for (std::int64_t kernel = 1; kernel <= 4; ++kernel)
      for (std::int64_t stride = 1; stride <= 4; ++stride)
        for (std::int64_t pad = 0; pad < kernel; ++pad)
          for (graph::Rounding rounding : {graph::Rounding::kFloor, graph::Rounding::kCeil}) {
            if (kernel > size + 2 * pad) continue;
            SCOPED_TRACE(::testing::Message()
                         << "size " << size << ", kernel " << kernel << ", stride " << stride << ", pad "
                         << pad << ", ceil " << (rounding == graph::Rounding::kCeil));
            const onnx::Model model = exported({1, 1, size, size}, [&](GraphBuilder& b, TensorId in) {
              return b.node(
                  graph::Pooling{.window = square_window(kernel, stride, pad), .rounding = rounding}, {in});
            });
            const std::vector<std::int64_t> pads = ints(model.graph().node(0), "pads");
            ASSERT_EQ(pads.size(), 4u);
            EXPECT_EQ((size + pads[0] + pads[2] - kernel) / stride + 1,
                      model.graph().output(0).type().tensor_type().shape().dim(2).dim_value());
            EXPECT_LT(pads[2], kernel) << "no window may lie in the padding alone";
          }
}

TEST_F(OnnxExporter, AverageCountsCaffesPaddingAndNotWhatRoundingUpAdds) {
  const auto average = [this](std::int64_t size, graph::AverageDivisor divisor) {
    return exported({1, 2, size, size}, [&](GraphBuilder& b, TensorId in) {
      return b.node(
          graph::Pooling{
              .kind = graph::PoolKind::kAverage, .window = square_window(3, 2, 1), .divisor = divisor},
          {in});
    });
  };
  // 7 + 2 of padding holds four windows exactly; the fifth of 8 reaches beyond the padding.
  const onnx::Model exact = average(7, graph::AverageDivisor::kPaddedWindow);
  ASSERT_THAT(operators(exact), ElementsAre("AveragePool"));
  EXPECT_THAT(ints(exact.graph().node(0), "pads"), ElementsAre(1, 1, 1, 1));
  EXPECT_EQ(integer(exact.graph().node(0), "count_include_pad"), 1);
  EXPECT_EQ(integer(exact.graph().node(0), "ceil_mode"), std::nullopt);
  const onnx::Model beyond = average(8, graph::AverageDivisor::kPaddedWindow);
  EXPECT_THAT(ints(beyond.graph().node(0), "pads"), ElementsAre(1, 1, 1, 1));
  EXPECT_EQ(integer(beyond.graph().node(0), "count_include_pad"), 1);
  EXPECT_EQ(integer(beyond.graph().node(0), "ceil_mode"), 1);
  const onnx::Model valid = average(8, graph::AverageDivisor::kValidOnly);
  EXPECT_THAT(ints(valid.graph().node(0), "pads"), ElementsAre(1, 1, 2, 2));
  EXPECT_EQ(integer(valid.graph().node(0), "count_include_pad"), std::nullopt);
}

TEST_F(OnnxExporter, GlobalPoolingHasAnOperatorOfItsOwn) {
  const onnx::Model model = exported({1, 2, 7, 7}, [](GraphBuilder& b, TensorId in) {
    return b.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .global = true}, {in});
  });
  EXPECT_THAT(operators(model), ElementsAre("GlobalAveragePool"));
}

TEST_F(OnnxExporter, LrnAcrossChannelsKeepsItsConstants) {
  const onnx::Model model = exported({1, 8, 4, 4}, [](GraphBuilder& b, TensorId in) {
    return b.node(graph::Lrn{.size = 3, .alpha = 0.5f, .beta = 0.25f, .k = 2}, {in});
  });
  ASSERT_THAT(operators(model), ElementsAre("LRN"));
  const onnx::Node& node = model.graph().node(0);
  EXPECT_EQ(integer(node, "size"), 3);
  EXPECT_EQ(real(node, "alpha"), 0.5f);
  EXPECT_EQ(real(node, "beta"), 0.25f);
  EXPECT_EQ(real(node, "bias"), 2.0f);
}

TEST_F(OnnxExporter, BatchNormAndScaleStayTwoOperations) {
  GraphBuilder builder;
  const TensorId out = builder.affine(builder.batch_norm(builder.input({1, 5, 4, 4})));
  const graph::Graph graph = builder.finish({out});
  const onnx::Model model = exported(graph);
  ASSERT_THAT(operators(model), ElementsAre("BatchNormalization", "Mul", "Add"));
  EXPECT_THAT(inputs(model.graph().node(0)),
              ElementsAre("data", "layer1.gamma", "layer1.beta", "layer1.mean", "layer1.variance"));
  EXPECT_EQ(real(model.graph().node(0), "epsilon"), 1e-5f);
  EXPECT_EQ(values(initializer(model, "layer1.gamma")), std::vector<float>(5, 1.0f));
  EXPECT_EQ(values(initializer(model, "layer1.beta")), std::vector<float>(5, 0.0f));
  EXPECT_EQ(values(initializer(model, "layer1.mean")), values(graph.nodes[1].weights[0]));
  EXPECT_EQ(values(initializer(model, "layer1.variance")), values(graph.nodes[1].weights[1]));
  EXPECT_THAT(dims(initializer(model, "layer2.scale")), ElementsAre(5, 1, 1));
  EXPECT_EQ(values(initializer(model, "layer2.shift")), values(graph.nodes[2].weights[1]));
}

TEST_F(OnnxExporter, ScaleOrShiftAloneIsOneOperation) {
  const auto affine = [this](bool scale, bool shift) {
    return operators(
        exported({1, 5, 4, 4}, [&](GraphBuilder& b, TensorId in) { return b.affine(in, scale, shift); }));
  };
  EXPECT_THAT(affine(true, false), ElementsAre("Mul"));
  EXPECT_THAT(affine(false, true), ElementsAre("Add"));
  EXPECT_THAT(affine(false, false), ElementsAre("Identity"));
}

TEST_F(OnnxExporter, SumsOfTwoAreAddAndCoefficientsAreFactors) {
  const auto eltwise = [this](graph::Eltwise op, std::size_t count) {
    return exported({1, 2, 4, 4}, [&](GraphBuilder& b, TensorId in) {
      std::vector<TensorId> terms = {in};
      while (terms.size() < count) terms.push_back(b.relu(in));
      return b.node(op, terms);
    });
  };
  EXPECT_THAT(operators(eltwise({}, 2)), ElementsAre("Relu", "Add"));
  EXPECT_THAT(operators(eltwise({}, 3)), ElementsAre("Relu", "Relu", "Sum"));
  EXPECT_THAT(operators(eltwise({.kind = graph::EltwiseKind::kMax}, 3)), ElementsAre("Relu", "Relu", "Max"));
  EXPECT_THAT(operators(eltwise({.kind = graph::EltwiseKind::kMin}, 3)), ElementsAre("Relu", "Relu", "Min"));
  EXPECT_THAT(operators(eltwise({.kind = graph::EltwiseKind::kQuotient}, 3)),
              ElementsAre("Relu", "Relu", "Div", "Div"));
  EXPECT_THAT(operators(eltwise({.kind = graph::EltwiseKind::kProduct}, 3)),
              ElementsAre("Relu", "Relu", "Mul", "Mul"));
  const onnx::Model weighted = eltwise({.coefficients = {1, -0.5f}}, 2);
  ASSERT_THAT(operators(weighted), ElementsAre("Relu", "Mul", "Add"));
  EXPECT_THAT(values(initializer(weighted, weighted.graph().node(1).input(1))), ElementsAre(-0.5f));
  EXPECT_THAT(inputs(weighted.graph().node(2)), ElementsAre("data", weighted.graph().node(1).output(0)));
}

TEST_F(OnnxExporter, ConcatSoftmaxAndReshapesKeepAxesAndLeaveTheBatchFree) {
  const onnx::Model model = exported({1, 2, 4, 4}, [](GraphBuilder& b, TensorId in) {
    const TensorId both = b.node(graph::Concat{.axis = 1}, {in, b.relu(in)});
    const TensorId pairs = b.node(graph::Reshape{.dims = {0, 8, -1}}, {both});
    return b.node(graph::Softmax{.axis = -1}, {b.node(graph::Flatten{.axis = 1}, {pairs})});
  });
  ASSERT_THAT(operators(model), ElementsAre("Relu", "Concat", "Reshape", "Reshape", "Softmax"));
  EXPECT_EQ(integer(model.graph().node(1), "axis"), 1);
  EXPECT_EQ(integer(model.graph().node(4), "axis"), 1) << "axes are settled before export";
  const onnx::Tensor& pairs = initializer(model, model.graph().node(2).input(1));
  EXPECT_EQ(pairs.data_type(), 7);
  EXPECT_THAT(dims(pairs), ElementsAre(3));
  EXPECT_THAT(pairs.int64_data(), ElementsAre(0, 8, 8));
  EXPECT_THAT(initializer(model, model.graph().node(3).input(1)).int64_data(), ElementsAre(0, 64));
}

TEST_F(OnnxExporter, ASplitWritesEachOfItsOutputs) {
  GraphBuilder builder;
  builder.identity(builder.input({1, 2, 4, 4}));
  graph::Graph graph = builder.graph();
  const TensorId second = graph.add_tensor("copy");
  graph.nodes.back().outputs.push_back(second);
  graph::infer_shapes(graph);
  graph.outputs = {graph.nodes.back().outputs[0], second};
  graph::validate(graph);
  const onnx::Model model = exported(graph);
  ASSERT_THAT(operators(model), ElementsAre("Identity", "Identity"));
  EXPECT_EQ(model.graph().node(1).output(0), "copy");
}

TEST_F(OnnxExporter, WithinChannelLrnIsUnsupportedNamingTheLayerAndLeavesNoFile) {
  GraphBuilder builder;
  const TensorId out = builder.node(graph::Lrn{.region = graph::LrnRegion::kWithinChannel, .size = 3},
                                    {builder.input({1, 2, 4, 4})}, {}, "norm1");
  EXPECT_EQ(error_of(builder.finish({out}), path()), ErrorCode::kUnsupported);
  EXPECT_THAT(message_, HasSubstr("norm1"));
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(OnnxExporter, WeightsThatAreNotThereAreAnErrorNamingTheLayer) {
  GraphBuilder builder;
  const TensorId out =
      builder.node(graph::InnerProduct{.out_features = 2, .relu = {}}, {builder.input({1, 3})},
                   {graph::Weights::placeholder({2, 3})}, "classes");
  EXPECT_EQ(error_of(builder.finish({out}), path()), ErrorCode::kMismatch);
  EXPECT_THAT(message_, HasSubstr("classes"));
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(OnnxExporter, AFolderThatCannotTakeAFileIsAnIoErrorNamingThePath) {
  GraphBuilder builder;
  const TensorId out = builder.relu(builder.input({1, 2, 4, 4}));
  const graph::Graph graph = builder.finish({out});
  const auto expect_io_error = [&](const std::filesystem::path& path) {
    EXPECT_EQ(error_of(graph, path), ErrorCode::kIo) << path;
    EXPECT_THAT(message_, HasSubstr(path.string()));
  };
  expect_io_error(directory_.path() / "missing" / "net.onnx");
  expect_io_error(directory_.write("file", "") / "net.onnx");
  std::filesystem::create_directory(directory_.path() / "folder");
  expect_io_error(directory_.path() / "folder");
  EXPECT_THAT(files(), ::testing::UnorderedElementsAre("file", "folder")) << "nothing is left behind";
  if (geteuid() == 0) return;  // root may write anywhere
  std::filesystem::permissions(directory_.path() / "folder", std::filesystem::perms::owner_read);
  expect_io_error(directory_.path() / "folder" / "net.onnx");
  std::filesystem::permissions(directory_.path() / "folder", std::filesystem::perms::owner_all);
}

TEST_F(OnnxExporter, AnErrorLeavesAnOlderFileAsItWas) {
  directory_.write("net.onnx", "older");
  GraphBuilder builder;
  const TensorId out = builder.node(graph::Lrn{.region = graph::LrnRegion::kWithinChannel, .size = 3},
                                    {builder.input({1, 2, 4, 4})});
  EXPECT_EQ(error_of(builder.finish({out}), path()), ErrorCode::kUnsupported);
  std::string contents;
  std::ifstream(path()) >> contents;
  EXPECT_EQ(contents, "older");
}

}  // namespace
}  // namespace octet::exporting
