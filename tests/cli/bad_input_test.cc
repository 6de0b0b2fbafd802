// Bad files, one fault at a time: exit code 2, nothing on stdout, and a message that names the place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>

#include <cmath>
#include <cstdlib>

#include "tests/cli/program.h"
#include "tests/cli/tiny_network.h"

namespace octet::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BadInput : public ::testing::Test {
 protected:
  void refused(const std::vector<std::string>& arguments, const std::vector<std::string>& words) {
    const Finished finished = octet_program()(arguments);
    EXPECT_EQ(finished.exit_code, 2) << finished.err;
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, StartsWith("octet: "));
    for (const std::string& word : words) EXPECT_THAT(finished.err, HasSubstr(word));
  }
  void network_refused(const std::string& prototxt, std::vector<std::string> words) {
    const std::string file = directory_.write("bad.prototxt", prototxt).string();
    words.push_back("bad.prototxt");
    refused({"inspect", file}, words);
  }
  void weights_refused(const std::string& bytes, std::vector<std::string> words) {
    const std::string file = directory_.write("bad.caffemodel", bytes).string();
    words.push_back("bad.caffemodel");
    refused({"inspect", net_, "--weights", file}, words);
  }
  void picture_refused(const std::string& bytes, std::vector<std::string> words) {
    const std::string file = directory_.write("bad.jpg", bytes).string();
    words.push_back("bad.jpg");
    refused({"classify", net_, file}, words);
  }
  void array_refused(const std::string& bytes, std::vector<std::string> words) {
    const std::string file = directory_.write("bad.npy", bytes).string();
    words.push_back("bad.npy");
    refused({"run", net_, "--input", file, "-o", path("y.npy")}, words);
    EXPECT_FALSE(std::filesystem::exists(path("y.npy")));
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }

  TemporaryDirectory directory_;
  std::string net_ = directory_.write("tiny.prototxt", kTinyPrototxt).string();
};

std::string jpeg(unsigned width, unsigned height) {
  jpeg_compress_struct compress;
  jpeg_error_mgr errors;
  compress.err = jpeg_std_error(&errors);
  jpeg_create_compress(&compress);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&compress, &bytes, &size);
  compress.image_width = width;
  compress.image_height = height;
  compress.input_components = 1;
  compress.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&compress);
  jpeg_start_compress(&compress, TRUE);
  std::vector<unsigned char> line(width);
  for (unsigned y = 0; y < height; ++y) {
    for (unsigned x = 0; x < width; ++x) line[x] = static_cast<unsigned char>(x * y);
    JSAMPROW row = line.data();
    jpeg_write_scanlines(&compress, &row, 1);
  }
  jpeg_finish_compress(&compress);
  std::string result(reinterpret_cast<char*>(bytes), size);
  std::free(bytes);
  jpeg_destroy_compress(&compress);
  return result;
}

TEST_F(BadInput, MissingFiles) {
  refused({"bench", path("none.prototxt")}, {"none.prototxt"});
  refused({"bench", "resnet-51"}, {"resnet-51", "resnet-50"});
  refused({"bench", directory_.path().string()}, {});
  refused({"inspect", net_, "--weights", path("none.caffemodel")}, {"none.caffemodel"});
  refused({"classify", net_, path("none.jpg")}, {"none.jpg"});
  refused({"classify", net_, path("none.jpg"), "--synsets", path("none.txt")}, {"none.txt"});
  refused({"classify", net_, path("none.jpg"), "--mean", path("none.binaryproto")}, {"none.binaryproto"});
  refused({"classify", net_, path("none.jpg"), "--mean", "1,2"}, {"--mean", "1,2"});
  refused({"classify", net_, path("none.jpg"), "--protocol", "stretch"}, {"stretch", "caffe-squash"});
  refused({"run", net_, "--input", path("none.npy"), "-o", path("y.npy")}, {"none.npy"});
  refused({"accuracy", net_, "--images", path("nowhere")}, {"nowhere"});
}

TEST_F(BadInput, PrototxtThatIsNot) {
  network_refused("", {});
  network_refused(kTinyPrototxt.substr(0, kTinyPrototxt.size() / 2), {"bad.prototxt:"});
  network_refused("layer {\n  name: \"x\"\n  type Convolution\n}\n", {"bad.prototxt:3"});
  network_refused(std::string("\x7f"
                              "ELF\0\0\0",
                              7),
                  {"bad.prototxt:"});
}

TEST_F(BadInput, PrototxtWithAnUnknownLayer) {
  network_refused(replaced(kTinyPrototxt, "\"Pooling\"", "\"Puddling\""),
                  {"Puddling", "pool", "bad.prototxt:12"});
}

TEST_F(BadInput, PrototxtWithAMissingBottom) {
  network_refused(replaced(kTinyPrototxt, "bottom: \"pool\"", "bottom: \"pond\""), {"pond", "classes"});
}

TEST_F(BadInput, PrototxtWithACycle) {
  network_refused(replaced(kTinyPrototxt, "bottom: \"data\"", "bottom: \"classes\""), {"conv"});
}

TEST_F(BadInput, PrototxtWithNegativeOrHugeDimensions) {
  network_refused(replaced(kTinyPrototxt, "dim: 16 dim: 16", "dim: -16 dim: 16"), {"-16"});
  network_refused(replaced(kTinyPrototxt, "dim: 16 dim: 16", "dim: 0 dim: 16"), {});
  network_refused(replaced(kTinyPrototxt, "dim: 16 dim: 16", "dim: 4000000000 dim: 4000000000"), {});
  network_refused(replaced(kTinyPrototxt, "num_output: 10 ", "num_output: 4000000000 "), {"classes"});
  network_refused(replaced(kTinyPrototxt, "kernel_size: 3", "kernel_size: 0"), {"conv"});
  network_refused(replaced(kTinyPrototxt, "num_output: 8", "num_output: 0"), {"conv"});
}

TEST_F(BadInput, PrototxtWithAPoolingWindowLargerThanItsInput) {
  network_refused(replaced(kTinyPrototxt, "kernel_size: 2 stride: 2", "kernel_size: 40 stride: 2"), {"pool"});
}

TEST_F(BadInput, CaffemodelThatIsCutOffAnywhere) {
  const std::string whole = caffemodel(tiny_layers());
  const std::string file = directory_.write("whole.caffemodel", whole).string();
  ASSERT_EQ(octet_program()({"inspect", net_, "--weights", file}).exit_code, 0);
  weights_refused("", {});
  for (std::size_t length : {std::size_t{1}, std::size_t{20}, whole.size() / 2, whole.size() - 1})
    weights_refused(whole.substr(0, length), {});
}

TEST_F(BadInput, CaffemodelThatIsSomethingElse) {
  weights_refused("#!/bin/sh\necho not a model\n", {});
  weights_refused(kTinyPrototxt, {});
}

TEST_F(BadInput, CaffemodelThatLacksALayer) {
  Layers layers = tiny_layers();
  layers.pop_back();
  weights_refused(caffemodel(layers), {"classes"});
}

TEST_F(BadInput, CaffemodelWithOtherShapes) {
  Layers layers = tiny_layers();
  layers[0].second[0] = filled_blob({8, 3, 5, 5}, 0.01f);
  weights_refused(caffemodel(layers), {"conv", "5x5"});
}

TEST_F(BadInput, CaffemodelWithNanWeights) {
  Layers layers = tiny_layers();
  layers[1].second[1] = filled_blob({10}, std::nanf(""));
  const std::string file = directory_.write("nan.caffemodel", caffemodel(layers)).string();
  refused({"inspect", net_, "--weights", file}, {"tiny.prototxt:19", "classes", "nan"});
}

TEST_F(BadInput, CaffemodelWithAnotherNumberOfBlobs) {
  Layers layers = tiny_layers();
  layers[0].second.pop_back();
  weights_refused(caffemodel(layers), {"conv"});
  layers = tiny_layers();
  layers[0].second.push_back(filled_blob({8}, 0));
  weights_refused(caffemodel(layers), {"conv"});
}

TEST_F(BadInput, CaffemodelWhoseCountDisagreesWithItsShape) {
  Layers layers = tiny_layers();
  layers[1].second[1] = BlobToWrite({10}, std::vector<float>(9, 0.0f));
  weights_refused(caffemodel(layers), {"classes"});
}

TEST_F(BadInput, PicturesThatCannotBeDecoded) {
  const std::string whole = jpeg(64, 48);
  picture_refused("", {});
  picture_refused("GIF89a and so on", {});
  picture_refused(whole.substr(0, whole.size() / 2), {});
  picture_refused(whole.substr(0, 3), {});
}

TEST_F(BadInput, APictureOfOnePixelIsClassified) {
  const std::string file = directory_.write("one.jpg", jpeg(1, 1)).string();
  const Finished finished = octet_program()({"classify", net_, file});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("one.jpg"));
}

TEST_F(BadInput, ATooLargePictureIsRefusedFromItsHeader) {
  std::string huge = jpeg(64, 48);
  // The frame header SOF0: marker, length (2), precision, height (2), width (2).
  const std::size_t frame = huge.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  const std::string side = {'\x4e', '\x20'};  // 20,000
  huge.replace(frame + 5, 2, side).replace(frame + 7, 2, side);
  picture_refused(huge, {"20000"});
}

TEST_F(BadInput, ArraysThatDoNotFitTheNetwork) {
  array_refused("not an array", {});
  array_refused(npy("<f4", "1, 3, 16, 16", "too short"), {});
  array_refused(npy("<f4", "1, 3, 16, 15", std::string(3 * 16 * 15 * 4, '\0')), {"3x16x16", "data"});
  array_refused(npy("<f4", "3, 16, 16", std::string(3 * 16 * 16 * 4, '\0')), {"3x16x16"});
  array_refused(npy("<f4", "0, 3, 16, 16", ""), {"N x"});
  array_refused(npy("|u1", "1, 3, 16, 16", std::string(3 * 16 * 16, '\0')), {"N x H x W x 3"});
  array_refused(npy("<f8", "1, 3, 16, 16", std::string(3 * 16 * 16 * 8, '\0')), {"<f8"});
}

TEST_F(BadInput, AnOutputThatCannotBeWritten) {
  const std::string x =
      directory_.write("x.npy", npy("<f4", "1, 3, 16, 16", std::string(3 * 16 * 16 * 4, '\0'))).string();
  refused({"run", net_, "--input", x, "-o", path("no/such/folder/y.npy")}, {"y.npy"});
}

TEST_F(BadInput, LabelsThatDoNotFit) {
  directory_.write("a.jpg", jpeg(8, 8));
  const auto labels_refused = [&](const std::string& text, const std::vector<std::string>& words) {
    const std::string labels = directory_.write("val.txt", text).string();
    refused({"accuracy", net_, "--images", directory_.path().string(), "--labels", labels}, words);
  };
  labels_refused("a.jpg 10\n", {"val.txt:1", "10"});
  labels_refused("a.jpg 1\nb.jpg 2\n", {"b.jpg"});
  labels_refused("a.jpg\n", {"val.txt"});
  labels_refused("", {});
}

TEST_F(BadInput, ClassNamesOfAnotherNumber) {
  const std::string synsets = directory_.write("synsets.txt", "n1 a\nn2 b\n").string();
  refused({"classify", net_, path("none.jpg"), "--synsets", synsets}, {"2 class names for 10 classes"});
}

}  // namespace
}  // namespace octet::test
