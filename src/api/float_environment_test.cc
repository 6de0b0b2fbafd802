#include <gtest/gtest.h>

#ifdef OCTET_X86
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "octet/octet.h"

namespace octet {
namespace {

/// A program linked with -ffast-math starts with denormals flushed; another may round upwards.
class UnusualFloatEnvironment {
 public:
#ifdef OCTET_X86
  UnusualFloatEnvironment() : saved_(_mm_getcsr()) {
    constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x40, kUpwards = 0x4000;
    _mm_setcsr(saved_ | kFlushToZero | kDenormalsAreZero | kUpwards);
  }
  ~UnusualFloatEnvironment() { _mm_setcsr(saved_); }
  UnusualFloatEnvironment(const UnusualFloatEnvironment&) = delete;
  UnusualFloatEnvironment& operator=(const UnusualFloatEnvironment&) = delete;

 private:
  unsigned saved_;
#endif
};

class Ramps : public CalibrationImages {
 public:
  void rewind() override { next_ = 0; }
  int next(int most, std::span<float> images) override {
    const int got = std::min(most, kPictures - next_);
    for (int i = 0; i < got; ++i, ++next_)
      for (std::size_t k = 0; k < kElements; ++k)
        images[static_cast<std::size_t>(i) * kElements + k] =
            static_cast<float>((k * static_cast<std::size_t>(3 + next_)) % 256) - 128;
    return got;
  }

 private:
  static constexpr int kPictures = 3;
  static constexpr std::size_t kElements = 3 * 40 * 40;
  int next_ = 0;
};

/// Of what is imported, calibrated, built and computed plainly.
std::vector<std::string> hashes() {
  const Network network = Network::zoo("octet-20");
  std::vector<std::string> all = {network.hash(), Network::zoo("squeezenet-1.0").hash()};
  Ramps images;
  CalibrationOptions options;
  options.weight_rounding = WeightRounding::kAdaptive;
  options.bias_correction = true;
  const auto calibration = std::make_shared<Calibration>(calibrate(network, images, options));
  all.push_back(Calibration::from_json(calibration->to_json(), "text").hash());
  BuildOptions build;
  all.push_back(Engine::build(network, build).hash());
  build.precision = Precision::kInt8;
  build.calibration = calibration;
  all.push_back(Engine::build(network, build).hash());
  const std::vector<float> image(static_cast<std::size_t>(network.inputs()[0].shape.elements()), 0.1f);
  const std::span<const float> input = image;
  const std::vector<std::vector<float>> outputs = run_reference(network, 1, std::span(&input, 1));
  all.push_back(hash_bytes(std::as_bytes(std::span(outputs[0]))));
  return all;
}

TEST(FloatEnvironment, OfTheCallerReachesNoResult) {
  const std::vector<std::string> usual = hashes();
  const UnusualFloatEnvironment unusual;
  EXPECT_EQ(hashes(), usual);
}

}  // namespace
}  // namespace octet
