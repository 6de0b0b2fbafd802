#include "import/caffe/prototxt.h"

#include <fmt/format.h>

#include "import/caffe/test_networks.h"

namespace octet::caffe {
namespace {

std::vector<std::string> layers_at_inference(const std::string& text) {
  const Prototxt prototxt = parse_prototxt(text, "net.prototxt");
  std::vector<std::string> names;
  for (const SourceLayer& layer : prototxt.layers) {
    if (used_at_inference(layer, prototxt.net.state(), prototxt.file))
      names.push_back(layer.parameters.name());
  }
  return names;
}

TEST(Prototxt, BothGenerationsGiveTheSameLayers) {
  const std::string now = R"(layer { name: "c" type: "Convolution" bottom: "a" top: "b"
    convolution_param { num_output: 8 kernel_size: 3 } })";
  const std::string before = R"(layers { name: "c" type: CONVOLUTION bottom: "a" top: "b" blobs_lr: 1
    convolution_param { num_output: 8 kernel_size: 3 } })";
  const Prototxt a = parse_prototxt(now, "f"), b = parse_prototxt(before, "f");
  ASSERT_EQ(a.layers.size(), 1u);
  ASSERT_EQ(b.layers.size(), 1u);
  EXPECT_EQ(a.layers[0].parameters.SerializeAsString(), b.layers[0].parameters.SerializeAsString());
}

TEST(Prototxt, EveryOldLayerTypeThatIsSupportedIsTranslated) {
  const std::pair<const char*, const char*> types[] = {{"CONCAT", "Concat"},
                                                       {"CONVOLUTION", "Convolution"},
                                                       {"DROPOUT", "Dropout"},
                                                       {"ELTWISE", "Eltwise"},
                                                       {"FLATTEN", "Flatten"},
                                                       {"INNER_PRODUCT", "InnerProduct"},
                                                       {"LRN", "LRN"},
                                                       {"POOLING", "Pooling"},
                                                       {"RELU", "ReLU"},
                                                       {"SOFTMAX", "Softmax"},
                                                       {"SOFTMAX_LOSS", "SoftmaxWithLoss"},
                                                       {"SPLIT", "Split"},
                                                       {"ACCURACY", "Accuracy"},
                                                       {"DATA", "Data"}};
  for (const auto& [old, now] : types) {
    const Prototxt p = parse_prototxt(fmt::format("layers {{ type: {} }}", old), "f");
    EXPECT_EQ(p.layers[0].parameters.type(), now);
  }
}

TEST(Prototxt, LayersAndBottomsKeepTheirLines) {
  const Prototxt p = parse_prototxt(
      "name: 'n'\n\nlayer {\n name: 'a'\n}\nlayer { name: 'b'\n bottom: 'x'\n bottom: 'y' }", "f");
  ASSERT_EQ(p.layers.size(), 2u);
  EXPECT_EQ(p.layers[0].line, 3);
  EXPECT_EQ(p.layers[1].line, 6);
  EXPECT_EQ(p.layers[1].bottom_lines, (std::vector<int>{7, 8}));
}

TEST(Prototxt, PhaseRulesKeepWhatCaffeTests) {
  EXPECT_EQ(layers_at_inference("layer { name: 'train' include { phase: TRAIN } }"
                                "layer { name: 'test' include { phase: TEST } }"
                                "layer { name: 'not_test' exclude { phase: TEST } }"
                                "layer { name: 'not_train' exclude { phase: TRAIN } }"
                                "layer { name: 'either' include { phase: TRAIN } include { phase: TEST } }"
                                "layer { name: 'always' }"),
            (std::vector<std::string>{"test", "not_train", "either", "always"}));
}

TEST(Prototxt, PhaseRulesAreTheSameForTheOldGeneration) {
  EXPECT_EQ(layers_at_inference("layers { name: 'train' include { phase: TRAIN } }"
                                "layers { name: 'test' include { phase: TEST } }"),
            (std::vector<std::string>{"test"}));
}

TEST(Prototxt, StagesAndLevelsOfTheFileDecide) {
  EXPECT_EQ(layers_at_inference("state { level: 2 stage: 'deploy' }"
                                "layer { name: 'deploy' include { stage: 'deploy' } }"
                                "layer { name: 'other' include { stage: 'other' } }"
                                "layer { name: 'both' include { stage: 'deploy' stage: 'other' } }"
                                "layer { name: 'not_deploy' include { not_stage: 'deploy' } }"
                                "layer { name: 'level_2' include { min_level: 2 max_level: 2 } }"
                                "layer { name: 'level_3' include { min_level: 3 } }"),
            (std::vector<std::string>{"deploy", "level_2"}));
}

TEST(Prototxt, IncludeTogetherWithExcludeIsRefused) {
  expect_failure(
      [] { layers_at_inference("\nlayer { name: 'x' include { phase: TEST } exclude { phase: TRAIN } }"); },
      ErrorCode::kInvalidNetwork, {"net.prototxt:2", "'x'", "include"});
}

TEST(Prototxt, WhatMeansNothingAtInferenceIsSkipped) {
  const Prototxt p = parse_prototxt(R"(
force_backward: true
layer {
  name: "c" type: "Convolution" loss_weight: 1 propagate_down: true
  param { name: "w" lr_mult: 1 decay_mult: 1 unheard_of: 3 }
  convolution_param {
    weight_filler { type: "gaussian" std: 0.01 unheard_of { a: 1 b: "x" } }
    bias_filler { type: "constant" }
    engine: CAFFE
  }
  transform_param { mirror: true crop_size: 227 mean_value: [104, 117] }
})",
                                    "f");
  ASSERT_EQ(p.layers.size(), 1u);
  EXPECT_TRUE(p.layers[0].unknown_fields.empty());
}

TEST(Prototxt, AMisspeltFieldIsAnErrorWithItsPlace) {
  expect_failure(
      [] {
        build_network(
            parse_prototxt(with_input("1 3 8 8",
                                      "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c'\n"
                                      "  convolution_param { num_output: 8 kernal_size: 3 } }"),
                           "net.prototxt"));
      },
      ErrorCode::kParse,
      {"net.prototxt:3:48", "layer 'c'", "ConvolutionParameter has no field 'kernal_size'"});
}

TEST(Prototxt, AMisspeltTopLevelFieldIsAnErrorWithItsPlace) {
  expect_failure([] { parse_prototxt("name: 'n'\n  lager { name: 'x' }", "net.prototxt"); },
                 ErrorCode::kParse, {"net.prototxt:2:", "NetParameter has no field 'lager'"});
}

TEST(Prototxt, AMisspeltFieldOfATrainingLayerIsNoError) {
  const graph::Graph graph =
      graph_of(with_input("1 3 8 8",
                          "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'r' }\n"
                          "layer { name: 't' type: 'Fancy' unheard_of: 1 include { phase: TRAIN } }"));
  EXPECT_EQ(graph.nodes.size(), 2u);
}

TEST(Prototxt, SyntaxErrorsHaveLineAndColumn) {
  expect_failure([] { parse_prototxt("name: 'n'\nlayer {\n  name 'x'\n}", "net.prototxt"); },
                 ErrorCode::kParse, {"net.prototxt:3:8: "});
  expect_failure([] { parse_prototxt("layer {\n  name: 'x'\n", "net.prototxt"); }, ErrorCode::kParse,
                 {"net.prototxt:3:1: "});
  expect_failure([] { parse_prototxt("layers { type: CONFOLUTION }", "net.prototxt"); }, ErrorCode::kParse,
                 {"net.prototxt:1:", "CONFOLUTION"});
}

TEST(Prototxt, TheOldestGenerationIsRefusedByName) {
  expect_failure(
      [] { parse_prototxt("\nlayers { layer { name: 'c' type: 'conv' } bottom: 'a' }", "net.prototxt"); },
      ErrorCode::kUnsupported, {"net.prototxt:2", "V0", "upgrade_net_proto_text"});
}

TEST(Prototxt, BothGenerationsInOneFileAreRefused) {
  expect_failure([] { parse_prototxt("layer { name: 'a' }\nlayers { name: 'b' }", "net.prototxt"); },
                 ErrorCode::kInvalidNetwork, {"net.prototxt:2", "both 'layer' and 'layers'"});
}

TEST(Prototxt, DeepNestingIsRefusedBeforeItCanExhaustTheStack) {
  for (const char* open : {"layer { ", "x < ", "a: [", "transform_param { b { "}) {
    std::string text = "layer { transform_param { ";
    for (int i = 0; i < 200'000; ++i) text += open;
    expect_failure([&] { parse_prototxt(text, "net.prototxt"); }, ErrorCode::kParse,
                   {"net.prototxt:1:", "deep"});
  }
}

TEST(Prototxt, BracesInStringsAndCommentsAreNoNesting) {
  std::string comment = "# ";
  for (int i = 0; i < 1000; ++i) comment += "{";
  const Prototxt p = parse_prototxt(comment + "\nname: '" + comment + "\\'{' layer { name: \"{'{{\" }", "f");
  EXPECT_EQ(p.layers.size(), 1u);
}

TEST(Prototxt, AMissingFileIsNotFound) {
  expect_failure([] { read_prototxt("no/such/net.prototxt"); }, ErrorCode::kNotFound,
                 {"no/such/net.prototxt"});
}

TEST(Prototxt, ADirectoryIsNoPrototxt) {
  const test::TemporaryDirectory directory;
  expect_failure([&] { read_prototxt(directory.path()); }, ErrorCode::kIo, {directory.path().string()});
}

}  // namespace
}  // namespace octet::caffe
