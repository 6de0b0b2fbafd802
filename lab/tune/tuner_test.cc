#include "lab/tune/tuner.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "lab/bench/random.h"
#include "lab/calibration/calibration_images.h"
#include "lab/data/test_pictures.h"
#include "octet/error.h"
#include "octet/network.h"

namespace octet::lab {
namespace {

using test::error_of;
using ::testing::HasSubstr;

constexpr const char* kNetwork = R"(name: "tiny"
input: "data"
input_shape { dim: 1 dim: 3 dim: 16 dim: 16 }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 16 kernel_size: 3 pad: 1 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
        convolution_param { num_output: 16 kernel_size: 3 stride: 2 } }
layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
layer { name: "classes" type: "InnerProduct" bottom: "conv2" top: "classes"
        inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "classes" top: "prob" }
)";

/// Pictures of noise, each labelled with what the network makes of it in FP32, which so is always right.
class TuneNetwork : public ::testing::Test {
 protected:
  TuneNetwork()
      : network(Network::load_caffe(folder.write("tiny.prototxt", std::string(kNetwork)), std::nullopt)) {
    preprocessing.resize = preprocessing.crop_height = preprocessing.crop_width = 16;
    Context context = build(Precision::kFloat32, nullptr).create_context();
    for (int i = 0; i < 24; ++i) {
      Image image = make_image(16, 16);
      for (std::size_t p = 0; p < image.rgb.size(); ++p)
        image.rgb[p] = static_cast<std::uint8_t>(random_at(static_cast<std::uint64_t>(i), p) >> 56);
      const auto path = folder.write(fmt::format("p{}.png", i), test::encode_png(16, 16, 2, 8, image.rgb));
      std::vector<float> input(static_cast<std::size_t>(preprocessing.elements())), scores(10);
      preprocess(image, preprocessing, input);
      context.run(1, input, scores);
      pictures.push_back({path, top_k(scores, 1).front()});
    }
    PictureImages images(pictures, preprocessing, {});
    CalibrationOptions calibration;
    calibration.pixel_mean = pixel_mean(preprocessing);
    base = calibrate(network, images, calibration);
    options.timed_runs = 1;
  }
  Engine build(Precision precision, std::shared_ptr<const Calibration> calibration) const {
    BuildOptions build_options;
    build_options.precision = precision;
    build_options.calibration = std::move(calibration);
    build_options.max_batch = 8;
    build_options.threads = 1;
    return Engine::build(network, build_options);
  }
  TuneResult run() {
    return tune(
        base, pictures, preprocessing,
        [this](Precision p, std::shared_ptr<const Calibration> c) { return build(p, std::move(c)); },
        options);
  }
  /// A threshold that clips nearly all of what conv2 reads: in INT8 it can no longer tell pictures apart.
  void ruin_conv2() {
    for (TensorCalibration& tensor : base.tensors)
      if (tensor.name == "conv1") tensor.scale *= 1e-5f;
  }
  static const TunedLayer& layer(const TuneResult& result, const std::string& name) {
    for (const TunedLayer& tuned : result.layers)
      if (tuned.name == name) return tuned;
    throw Error(ErrorCode::kNotFound, name);
  }

  test::TemporaryDirectory folder;
  Network network;
  Preprocessing preprocessing;
  Dataset pictures;
  Calibration base;
  TuneOptions options;
};

TEST_F(TuneNetwork, FindsTheLayerThatIntegersRuinAndRaisesIt) {
  ruin_conv2();
  options.candidates = {Precision::kInt8, Precision::kFloat32};
  options.max_drop = 5;
  const TuneResult result = run();
  EXPECT_TRUE(result.within);
  EXPECT_LE(-result.top1.delta, 5);
  EXPECT_EQ(layer(result, "conv2").precision, Precision::kFloat32);
  EXPECT_GT(layer(result, "conv2").damage[0], 10 * layer(result, "classes").damage[0]);
  EXPECT_EQ(layer(result, "conv2").damage[1], 0) << "FP32 is what it is compared with";
  EXPECT_GT(layer(result, "conv2").sensitivity, 5);
  const LayerCalibration* tuned = result.calibration.find_layer("conv2");
  ASSERT_NE(tuned, nullptr);
  EXPECT_EQ(tuned->precision, Precision::kFloat32);
  EXPECT_THAT(tuned->reason, HasSubstr("nats"));
  EXPECT_GT(tuned->sensitivity, 5);
  EXPECT_EQ(result.images, 24u);
  EXPECT_GT(result.fp32_ms, 0);
  EXPECT_GT(result.tuned_ms, 0);
}

TEST_F(TuneNetwork, SaysThatABudgetCannotBeMetWithoutFp32) {
  ruin_conv2();
  options.candidates = {Precision::kInt8};
  options.max_drop = 5;
  const TuneResult result = run();
  EXPECT_FALSE(result.within);
  EXPECT_GT(-result.top1.delta, 5);
}

TEST_F(TuneNetwork, LeavesLayersThatTheCalibrationKeepsOutOfInt8) {
  for (LayerCalibration& known : base.layers)
    if (known.name == "conv2") known.precision = Precision::kBFloat16;
  options.max_drop = 100;
  const TuneResult result = run();
  EXPECT_EQ(result.layers.size(), 2u);
  EXPECT_EQ(result.calibration.find_layer("conv2")->precision, Precision::kBFloat16);
  EXPECT_EQ(layer(result, "conv1").precision, Precision::kInt8);
}

TEST_F(TuneNetwork, RefusesWhatMakesNoSense) {
  const auto code = [&] { return error_of([&] { run(); }).code(); };
  options.max_drop = -1;
  EXPECT_EQ(code(), ErrorCode::kInvalidArgument);
  options.max_drop = 1;
  options.candidates = {};
  EXPECT_EQ(code(), ErrorCode::kInvalidArgument);
  options.candidates = {Precision::kMixed};
  EXPECT_EQ(code(), ErrorCode::kInvalidArgument);
  options.candidates = {Precision::kInt8};
  const Dataset good = pictures;
  pictures[3].label = 10;
  EXPECT_EQ(code(), ErrorCode::kMismatch);
  pictures[3].label = std::nullopt;
  EXPECT_EQ(code(), ErrorCode::kInvalidArgument);
  pictures.clear();
  EXPECT_EQ(code(), ErrorCode::kInvalidArgument);
  pictures = good;
  for (LayerCalibration& known : base.layers) known.precision = Precision::kFloat32;
  EXPECT_EQ(code(), ErrorCode::kInvalidArgument) << "no layer to tune";
}

}  // namespace
}  // namespace octet::lab
