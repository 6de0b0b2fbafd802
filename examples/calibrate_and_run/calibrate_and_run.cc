// From an FP32 network to an INT8 engine: half of the pictures calibrate, on the other half both precisions
// are compared.
//
//   calibrate_and_run deploy.prototxt net.caffemodel calibration.json MEAN photo.png...
//
// MEAN is subtracted from each channel. The scales are written to calibration.json.
#include <octet/octet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../common/picture.h"

namespace {

// Where calibration gets its pictures: a class of the program's own, since only the program knows how to make
// an input of them.
class PictureFiles : public octet::CalibrationImages {
 public:
  PictureFiles(std::vector<std::string> files, octet::Shape shape, float mean)
      : files_(std::move(files)), shape_(std::move(shape)), mean_{mean, mean, mean} {}

  void rewind() override { next_ = 0; }  // some methods read all pictures more than once

  int next(int most, std::span<float> images) override {
    const auto elements = static_cast<std::size_t>(shape_.elements());
    int count = 0;
    for (; count < most && next_ < files_.size(); ++count, ++next_)
      to_input(read_png(files_[next_]), shape_, mean_,
               images.subspan(static_cast<std::size_t>(count) * elements, elements));
    return count;
  }

 private:
  std::vector<std::string> files_;
  octet::Shape shape_;
  std::array<float, 3> mean_;
  std::size_t next_ = 0;
};

// The best class of each picture.
std::vector<int> classify(const octet::Engine& engine, PictureFiles& pictures) {
  octet::Context context = engine.create_context();
  const auto elements = static_cast<std::size_t>(engine.inputs().at(0).shape.elements());
  const auto classes = static_cast<std::size_t>(engine.outputs().at(0).shape.elements());
  std::vector<float> input(elements * static_cast<std::size_t>(engine.max_batch()));
  std::vector<float> scores(classes * static_cast<std::size_t>(engine.max_batch()));
  std::vector<int> best;
  pictures.rewind();
  while (const int batch = pictures.next(engine.max_batch(), input)) {
    // Any batch up to max_batch: the spans have just as many images.
    context.run(batch, std::span(input).first(static_cast<std::size_t>(batch) * elements),
                std::span(scores).first(static_cast<std::size_t>(batch) * classes));
    for (int i = 0; i < batch; ++i)
      best.push_back(best_class(std::span(scores).subspan(static_cast<std::size_t>(i) * classes, classes)));
  }
  return best;
}

void calibrate_and_run(const std::string& prototxt, const std::string& caffemodel,
                       const std::string& calibration_file, float mean,
                       const std::vector<std::string>& files) {
  const octet::Network network = octet::Network::load_caffe(prototxt, caffemodel);
  const octet::Shape shape = network.inputs().at(0).shape;
  const auto half = files.begin() + static_cast<std::ptrdiff_t>(files.size() / 2);
  PictureFiles calibrating({files.begin(), half}, shape, mean), measured({half, files.end()}, shape, mean);

  // A Calibration is a plain value: the scale of each tensor, found from what the pictures make of it. The
  // file is text.
  octet::CalibrationOptions calibration_options;
  calibration_options.pixel_mean = {mean, mean,
                                    mean};  // the first layer then works on the pictures' very bytes
  calibration_options.source.data = std::to_string(files.size() / 2) + " PNG files";
  auto calibration =
      std::make_shared<octet::Calibration>(octet::calibrate(network, calibrating, calibration_options));
  calibration->save(calibration_file);

  octet::BuildOptions options;
  options.max_batch = 8;
  const octet::Engine fp32 = octet::Engine::build(network, options);
  options.precision = octet::Precision::kInt8;
  options.calibration = calibration;
  const octet::Engine int8 = octet::Engine::build(network, options);

  const std::vector<int> expected = classify(fp32, measured), got = classify(int8, measured);
  std::size_t same = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) same += expected[i] == got[i] ? 1 : 0;
  std::printf("weights: %s in FP32, %s in INT8\n", octet::format_bytes(fp32.memory().weight_bytes).c_str(),
              octet::format_bytes(int8.memory().weight_bytes).c_str());
  std::printf("the same class for %zu of %zu pictures\n", same, expected.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    std::fprintf(stderr,
                 "usage: calibrate_and_run deploy.prototxt net.caffemodel calibration.json MEAN photo.png "
                 "photo.png...\n");
    return 2;
  }
  try {
    calibrate_and_run(argv[1], argv[2], argv[3], std::stof(argv[4]), {argv + 5, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "calibrate_and_run: %s\n", error.what());
    return 2;
  }
}
