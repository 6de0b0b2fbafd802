#ifdef OCTET_X86  // elsewhere the environment is the caller's (cpu/float_environment.h)
#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "octet/octet.h"

namespace octet {
namespace {

// Bits of MXCSR. Source: Intel SDM, volume 1, 10.2.3.
constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x40, kUpwards = 0x4000, kDownwards = 0x2000;
constexpr unsigned kExceptionMasks = 0x1f80, kInvalidMask = 0x80, kDivideByZeroMask = 0x200,
                   kOverflowMask = 0x400, kUnderflowMask = 0x800;

class ScopedMxcsr {
 public:
  explicit ScopedMxcsr(unsigned value) : saved_(_mm_getcsr()) { _mm_setcsr(value); }
  ~ScopedMxcsr() { _mm_setcsr(saved_); }
  ScopedMxcsr(const ScopedMxcsr&) = delete;
  ScopedMxcsr& operator=(const ScopedMxcsr&) = delete;

 private:
  unsigned saved_;
};

/// What callers may have: denormals flushed, as in a program linked with -ffast-math; another rounding;
/// traps, as after feenableexcept().
constexpr unsigned kUnusual[] = {
    kExceptionMasks | kFlushToZero | kDenormalsAreZero | kUpwards,
    kExceptionMasks | kDownwards,
    kExceptionMasks & ~(kInvalidMask | kDivideByZeroMask | kOverflowMask | kUnderflowMask),
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

TEST(FloatEnvironment, OfTheCallerReachesNoResultAndComesBackAsItWas) {
  const std::vector<std::string> usual = hashes();
  for (const unsigned unusual : kUnusual) {
    const ScopedMxcsr caller(unusual);
    const std::vector<std::string> got = hashes();
    EXPECT_EQ(_mm_getcsr() & ~0x3fu, unusual & ~0x3fu) << "but for flags that this test itself raises";
    EXPECT_EQ(got, usual) << std::hex << unusual;
  }
}

/// One that raises every exception: overflow, NaN, a division by zero in the softmax of infinities.
TEST(FloatEnvironment, NoInputTrapsOnAnyThreadAndNoFlagIsLeftBehind) {
  const Network network = Network::zoo("octet-20");
  BuildOptions options;
  options.threads = 3;
  options.max_batch = 3;
  const auto size = static_cast<std::size_t>(network.inputs()[0].shape.elements_per_image());
  const auto outputs = static_cast<std::size_t>(network.outputs()[0].shape.elements_per_image());
  std::vector<float> input(3 * size, 0.1f), usual(3 * outputs), got(3 * outputs);
  for (std::size_t i = 0; i < input.size(); i += 7)
    input[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? -INFINITY : std::numeric_limits<float>::max();
  const auto run = [&](std::vector<float>& output) {
    const Engine engine = Engine::build(network, options);  // starts threads, which inherit the caller's
    Context context = engine.create_context();
    context.run(3, input, output);
  };
  run(usual);
  const ScopedMxcsr caller(kUnusual[2]);
  run(got);
  EXPECT_EQ(_mm_getcsr(), kUnusual[2]);
  EXPECT_EQ(hash_bytes(std::as_bytes(std::span(got))), hash_bytes(std::as_bytes(std::span(usual))));
}

}  // namespace
}  // namespace octet
#endif
