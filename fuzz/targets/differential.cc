// A small network on every instruction set of the machine: FP32 within the bound of the reference
// interpreter, integers the same bytes everywhere, for another batch and other threads too.
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "fuzz/accepts.h"
#include "fuzz/targets/explore.h"
#include "fuzz/targets/network_of_bytes.h"
#include "fuzz/targets/targets.h"
#include "octet/engine.h"
#include "octet/machine.h"
#include "octet/reference.h"
#include "tests/support/engines.h"
#include "tests/support/simple_calibration.h"
#include "tests/support/tensors.h"

namespace octet::fuzz {
namespace {

constexpr int kImages = 3;
/// Of an output's range; Winograd's transforms add a little (docs/performance.md).
constexpr double kDirectBound = 1e-4, kWinogradBound = 1e-3;

using Values = test::Tensors;

Values run(const Engine& engine, int batch, const Values& inputs) {
  std::vector<std::span<const float>> in;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    in.push_back(std::span(inputs[i]).first(
        static_cast<std::size_t>(engine.inputs()[i].shape.elements_per_image() * batch)));
  Context context = engine.create_context();
  test::run_context(context, engine, batch, in);
  return test::run_context(context, engine, batch, in);  // finds the first run's leavings in the arena
}

class Comparison {
 public:
  explicit Comparison(const Network& network) : network_(network) {
    for (const TensorInfo& tensor : network.inputs())
      inputs_.push_back(
          test::random_floats(static_cast<std::size_t>(tensor.shape.elements_per_image() * kImages), 3));
    const std::vector<std::span<const float>> in(inputs_.begin(), inputs_.end());
    expected_ = run_reference(network, kImages, in, 1);
    calibration_ = test::simple_calibration(network, kImages, in);
    std::mt19937 random(1);  // of a mixed network
    constexpr Precision kPrecisions[] = {Precision::kInt8, Precision::kInt16, Precision::kFloat32};
    for (LayerCalibration& layer : calibration_->layers) layer.precision = kPrecisions[random() % 3];
  }

  void compare() {
    for (const IsaStatus& status : describe_machine().isas) {
      if (!status.usable) continue;
      for (const bool winograd : {false, true}) compare_fp32(status.isa, winograd);
      for (const Precision precision : {Precision::kInt8, Precision::kInt16})
        compare_integers(status.isa, precision);
      // Its FP32 layers round differently, which its integers take to be other numbers: no bits to compare.
      run(build(status.isa, Precision::kMixed, 2, true), kImages, inputs_);
    }
  }

 private:
  Engine build(Isa isa, Precision precision, int threads, bool winograd) const {
    BuildOptions options;
    options.precision = precision;
    options.isa = isa;
    options.max_batch = kImages;
    options.threads = threads;
    options.winograd = winograd;
    if (precision != Precision::kFloat32) options.calibration = calibration_;
    return Engine::build(network_, options);
  }

  void compare_fp32(Isa isa, bool winograd) const {
    const Values got = run(build(isa, Precision::kFloat32, 1, winograd), kImages, inputs_);
    for (std::size_t i = 0; i < got.size(); ++i) {
      const test::Difference difference = test::compare(got[i], expected_[i]);
      if (!(difference.max_error <= (winograd ? kWinogradBound : kDirectBound)))
        fail(isa,
             fmt::format("FP32 (Winograd {}), output {}: {}", winograd ? "on" : "off", i, difference.text));
    }
  }

  /// The first instruction set's bytes are all others'.
  void compare_integers(Isa isa, Precision precision) {
    Values& first = integers_[precision == Precision::kInt8 ? 0 : 1];
    const Values all = run(build(isa, precision, 2, true), kImages, inputs_);
    if (first.empty()) first = all;
    if (all != first)
      fail(isa, fmt::format("{}: other values than the first instruction set's", to_string(precision)));
    const Values one = run(build(isa, precision, 1, false), 1, inputs_);
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (!std::equal(one[i].begin(), one[i].end(), first[i].begin()))
        fail(isa, fmt::format("{}, output {}: one image alone has other values", to_string(precision), i));
    }
  }

  [[noreturn]] static void fail(Isa isa, const std::string& what) {
    throw std::logic_error(fmt::format("{}: {}", to_string(isa), what));
  }

  const Network& network_;
  Values inputs_, expected_, integers_[2];
  std::shared_ptr<Calibration> calibration_;
};

}  // namespace

bool compare_instruction_sets(Input input) {
  return accepts([&] {
    ByteChoices choices(input);
    const Network network = network_of_bytes(choices);
    if (is_small(network.graph())) Comparison(network).compare();
  });
}

Seeds network_seeds() {
  Seeds seeds;
  std::mt19937 random(1);
  for (int i = 0; i < 24; ++i) {
    std::string bytes(24 + random() % 100, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (compare_instruction_sets(std::as_bytes(std::span(bytes))))
      seeds.push_back({fmt::format("network{}", i), bytes});
  }
  return seeds;
}

}  // namespace octet::fuzz
