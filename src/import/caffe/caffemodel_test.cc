// Weights from every form of caffemodel, the writer's forms checked against protobuf's own parser, and the
// one real caffemodel.
#include "import/caffe/caffemodel.h"

#include <cmath>
#include <filesystem>

#include "import/caffe/mean_image.h"
#include "import/caffe/test_networks.h"

namespace octet::caffe {
namespace {

using test::BlobToWrite;
using test::CaffemodelForm;
using test::CaffemodelWriter;

const std::string kNetwork = with_input("1 3 5 5", R"(
  layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'x' convolution_param { num_output: 2 kernel_size: 3 } }
  layer { name: 'bn' type: 'BatchNorm' bottom: 'x' top: 'x' }
  layer { name: 'scale' type: 'Scale' bottom: 'x' top: 'x' scale_param { bias_term: true } }
  layer { name: 'bias' type: 'Bias' bottom: 'x' top: 'x' }
  layer { name: 'fc' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 4 } })");

std::vector<float> ramp(std::size_t count, float first) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = first + static_cast<float>(i) * 0.25f;
  return values;
}

std::string model(CaffemodelForm form) {
  std::ostringstream out;
  CaffemodelWriter writer(out, form);
  writer.net_name("n");
  writer.layer("not_in_the_network", {BlobToWrite({2}, {1, 2})});
  writer.layer("conv", {BlobToWrite({2, 3, 3, 3}, ramp(54, 1)), BlobToWrite({2}, ramp(2, 2))});
  writer.layer("bn", {BlobToWrite({2}, {4, 8}), BlobToWrite({2}, {2, 6}), BlobToWrite({1}, {2})});
  writer.layer("scale", {BlobToWrite({2}, ramp(2, 3)), BlobToWrite({2}, ramp(2, 4))});
  writer.layer("bias", {BlobToWrite({2}, ramp(2, 5))});
  writer.layer("fc", {BlobToWrite({4, 18}, ramp(72, 6)), BlobToWrite({4}, ramp(4, 7))});
  writer.layer("conv_relu", {});
  return out.str();
}

std::vector<float> weights(const graph::Graph& graph, const std::string& node, std::size_t index) {
  const auto values = find_node(graph, node).weights.at(index).values();
  return {values.begin(), values.end()};
}

struct FormCase {
  const char* name;
  CaffemodelForm form;
};
const FormCase kForms[] = {{"V2", {}},
                           {"V1", {.v1 = true}},
                           {"LegacyDims", {.legacy_dims = true}},
                           {"Unpacked", {.unpacked = true}},
                           {"Double", {.doubles = true}},
                           {"DoubleUnpacked", {.unpacked = true, .doubles = true}},
                           {"V1LegacyDims", {.v1 = true, .legacy_dims = true}},
                           {"V1LegacyDimsUnpacked", {.v1 = true, .legacy_dims = true, .unpacked = true}}};

class CaffemodelForms : public testing::TestWithParam<FormCase> {};

TEST_P(CaffemodelForms, GiveTheSameWeights) {
  const test::TemporaryDirectory directory;
  const auto prototxt = directory.write("net.prototxt", kNetwork);
  const auto caffemodel = directory.write("net.caffemodel", model(GetParam().form));
  const graph::Graph graph = import_caffe(prototxt, caffemodel);
  EXPECT_EQ(weights(graph, "conv", 0), ramp(54, 1));
  EXPECT_EQ(weights(graph, "conv", 1), ramp(2, 2));
  EXPECT_EQ(weights(graph, "bn", 0), (std::vector<float>{2, 4})) << "divided by the factor 2";
  EXPECT_EQ(weights(graph, "bn", 1), (std::vector<float>{1, 3})) << "divided by the factor 2";
  EXPECT_EQ(weights(graph, "scale", 0), ramp(2, 3));
  EXPECT_EQ(weights(graph, "scale", 1), ramp(2, 4));
  EXPECT_EQ(weights(graph, "bias", 1), ramp(2, 5));
  EXPECT_TRUE(find_node(graph, "bias").weights[0].empty());
  EXPECT_EQ(weights(graph, "fc", 0), ramp(72, 6));
  EXPECT_EQ(weights(graph, "fc", 1), ramp(4, 7));
  EXPECT_FALSE(graph.synthetic_weights);
}

TEST_P(CaffemodelForms, AreWhatProtobufReads) {
  NetParameter net;
  ASSERT_TRUE(net.ParseFromString(model(GetParam().form)));
  const bool v1 = GetParam().form.v1, doubles = GetParam().form.doubles;
  ASSERT_EQ(v1 ? net.layers_size() : net.layer_size(), 7);
  EXPECT_EQ(v1 ? net.layers(1).name() : net.layer(1).name(), "conv");
  const BlobProto& blob = v1 ? net.layers(1).blobs(0) : net.layer(1).blobs(0);
  ASSERT_EQ(doubles ? blob.double_data_size() : blob.data_size(), 54);
  EXPECT_EQ(doubles ? blob.double_data(53) : static_cast<double>(blob.data(53)), 1 + 53 * 0.25);
  if (GetParam().form.legacy_dims) {
    EXPECT_EQ(blob.num(), 2);
    EXPECT_EQ(blob.width(), 3);
  } else {
    ASSERT_EQ(blob.shape().dim_size(), 4);
    EXPECT_EQ(blob.shape().dim(1), 3);
  }
}

INSTANTIATE_TEST_SUITE_P(All, CaffemodelForms, testing::ValuesIn(kForms),
                         [](const auto& form) { return std::string(form.param.name); });

TEST(Caffemodel, NumbersThatComeInSeveralPiecesAreJoined) {
  // As protobuf allows: packed pieces and single numbers of one field in any order.
  const test::TemporaryDirectory directory;
  const auto piece = [](std::vector<float> values) {
    std::string bytes(values.size() * 4, '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  };
  const std::string dims = CaffemodelWriter::text_field(7, CaffemodelWriter::text_field(1, "\x05"));
  const std::string single = CaffemodelWriter::tag(5, 5);
  const std::string blob = CaffemodelWriter::text_field(5, piece({1, 2})) + single + piece({3}) + single +
                           piece({4}) + dims + CaffemodelWriter::text_field(5, piece({5}));
  const auto path =
      directory.write("m", CaffemodelWriter::text_field(100, CaffemodelWriter::text_field(1, "l") +
                                                                 CaffemodelWriter::text_field(7, blob)));
  Caffemodel file(path);
  const LayerEntry* layer = file.find("l");
  ASSERT_NE(layer, nullptr);
  ASSERT_EQ(layer->blobs.at(0).values, 5u);
  std::vector<float> values(5);
  file.read(layer->blobs[0], values);
  EXPECT_EQ(values, (std::vector<float>{1, 2, 3, 4, 5}));
}

TEST(Caffemodel, AZeroFactorOfBatchNormMeansZeroStatistics) {
  const test::TemporaryDirectory directory;
  const auto prototxt = directory.write(
      "p", with_input("1 2 3 3", "layer { name: 'bn' type: 'BatchNorm' bottom: 'data' top: 'x' }"));
  std::ostringstream out;
  CaffemodelWriter(out, {}).layer(
      "bn", {BlobToWrite({2}, {4, 8}), BlobToWrite({2}, {2, 6}), BlobToWrite({1}, {0})});
  const graph::Graph graph = import_caffe(prototxt, directory.write("m", out.str()));
  EXPECT_EQ(weights(graph, "bn", 0), (std::vector<float>{0, 0}));
  EXPECT_EQ(weights(graph, "bn", 1), (std::vector<float>{0, 0}));
}

TEST(Caffemodel, TransposedInnerProductWeightsAreTurned) {
  const test::TemporaryDirectory directory;
  const auto prototxt = directory.write(
      "p", with_input("1 3",
                      "layer { name: 'f' type: 'InnerProduct' bottom: 'data' top: 'f' "
                      "inner_product_param { num_output: 2 bias_term: false transpose: true } }"));
  std::ostringstream out;
  CaffemodelWriter(out, {}).layer("f", {BlobToWrite({3, 2}, {1, 2, 3, 4, 5, 6})});
  const graph::Graph graph = import_caffe(prototxt, directory.write("m", out.str()));
  EXPECT_EQ(find_node(graph, "f").weights[0].shape(), (Shape{2, 3}));
  EXPECT_EQ(weights(graph, "f", 0), (std::vector<float>{1, 3, 5, 2, 4, 6}));
}

TEST(Caffemodel, TheRealSqueezeNetLoads) {
  const std::filesystem::path folder = "../shared/models/squeezenet_v1.0";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder << " beside the source tree";
  const graph::Graph graph = import_caffe(folder / "deploy.prototxt", folder / "squeezenet_v1.0.caffemodel");
  std::size_t parameters = 0;
  double sum_of_squares = 0;
  for (const graph::Node& node : graph.nodes) {
    for (const graph::Weights& w : node.weights) {
      parameters += w.values().size();
      for (const float v : w.values()) sum_of_squares += static_cast<double>(v) * v;
    }
  }
  EXPECT_EQ(parameters, 1'248'424u);  // as its paper says: 1.25 M
  const double root_mean_square = std::sqrt(sum_of_squares / static_cast<double>(parameters));
  EXPECT_GT(root_mean_square, 0.01);
  EXPECT_LT(root_mean_square, 0.2);
  EXPECT_EQ(graph.shape(graph.outputs.at(0)), (Shape{1, 1000, 1, 1}));
  EXPECT_EQ(graph.tensors[static_cast<std::size_t>(graph.outputs[0])].name, "pool_final");
}

// ---- mean images

std::string mean_file(const BlobToWrite& blob, CaffemodelForm form) {
  std::ostringstream out;
  CaffemodelWriter(out, form).bare_blob(blob);
  return out.str();
}

TEST(MeanImage, LoadsFromEveryForm) {
  const test::TemporaryDirectory directory;
  for (const FormCase& form : kForms) {
    const auto path = directory.write("m", mean_file(BlobToWrite({1, 3, 2, 4}, ramp(24, 100)), form.form));
    const MeanImage image = load_mean_image(path);
    EXPECT_EQ(image.channels, 3) << form.name;
    EXPECT_EQ(image.height, 2) << form.name;
    EXPECT_EQ(image.width, 4) << form.name;
    EXPECT_EQ(image.values, ramp(24, 100)) << form.name;
  }
}

TEST(MeanImage, WrongFilesAreRefusedByName) {
  const test::TemporaryDirectory directory;
  const auto refused = [&](const std::string& contents, const std::vector<std::string>& words) {
    const auto path = directory.write("mean.binaryproto", contents);
    expect_failure([&] { load_mean_image(path); }, ErrorCode::kParse, words);
  };
  const std::string good = mean_file(BlobToWrite({1, 3, 2, 4}, ramp(24, 100)), {.legacy_dims = true});
  refused(good.substr(0, good.size() - 1), {"mean.binaryproto", "cut off"});
  refused("", {"mean.binaryproto", "no shape"});
  refused("GIF89a", {"mean.binaryproto"});
  refused(mean_file(BlobToWrite({1, 3, 2, 5}, ramp(24, 100)), {}), {"1x3x2x5", "24 values"});
  refused(mean_file(BlobToWrite({1, 3, -2, 4}, ramp(24, 100)), {}), {"1x3x-2x4"});
  refused(mean_file(BlobToWrite({3, 1 << 30, 1 << 30}, ramp(24, 100)), {}), {"3x1073741824x1073741824"});
  refused(mean_file(BlobToWrite({1, 1, 1, 1}, std::vector<float>{NAN}), {}), {"value 0 is nan"});
  expect_failure([&] { load_mean_image(directory.path() / "none"); }, ErrorCode::kNotFound, {"none"});
}

}  // namespace
}  // namespace octet::caffe
