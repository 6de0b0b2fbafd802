// Whole networks in integers: the same bytes on every instruction set, thread count and batch, and near to
// FP32.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/random_network.h"
#include "tests/support/simple_calibration.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

struct Images {
  int batch;
  std::vector<std::vector<float>> inputs;
  std::vector<std::span<const float>> spans;

  Images(const Network& network, int images, std::uint32_t seed, float low = -1, float high = 1)
      : batch(images) {
    for (const TensorInfo& t : network.inputs())
      inputs.push_back(test::random_floats(static_cast<std::size_t>(t.shape.elements_per_image() * batch),
                                           seed, low, high));
    spans.assign(inputs.begin(), inputs.end());
  }
};

/// Outputs of all images, `at_once` images a run.
std::vector<std::vector<float>> run(const Engine& engine, const Images& images, int at_once) {
  Context context = engine.create_context();
  std::vector<std::vector<float>> outputs;
  for (const TensorInfo& t : engine.outputs())
    outputs.emplace_back(static_cast<std::size_t>(t.shape.elements_per_image() * images.batch));
  for (int first = 0; first < images.batch; first += at_once) {
    const int count = std::min(at_once, images.batch - first);
    const auto part = [&](auto& values) {
      const std::size_t image = values.size() / static_cast<std::size_t>(images.batch);
      return std::span(values).subspan(static_cast<std::size_t>(first) * image,
                                       static_cast<std::size_t>(count) * image);
    };
    std::vector<std::span<const float>> in;
    std::vector<std::span<float>> out;
    for (const std::span<const float>& input : images.spans) in.push_back(part(input));
    for (std::vector<float>& output : outputs) out.push_back(part(output));
    context.run(count, in, out);
  }
  return outputs;
}

/// 10 log10 (sum of squares of the signal / of the difference).
double signal_to_noise_db(const std::vector<float>& expected, const std::vector<float>& got) {
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    signal += double{expected[i]} * expected[i];
    noise += (double{expected[i]} - got[i]) * (double{expected[i]} - got[i]);
  }
  return noise > 0 ? 10 * std::log10(signal / noise) : 200;
}

class IntegerRandomNetworks : public testing::TestWithParam<Precision> {};

TEST_P(IntegerRandomNetworks, GiveTheSameBytesOnEveryInstructionSetBatchAndThreadCount) {
  constexpr std::uint32_t kFirstSeed = 900;
  const std::vector<Isa> isas = test::usable_isas();
  int compared = 0;
  for (std::uint32_t seed = kFirstSeed; seed < kFirstSeed + 80; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Network network = test::RandomNetwork(seed).build();
    const Images images(network, 5, seed);
    const auto calibration = test::simple_calibration(network, images.batch, images.spans);
    std::vector<std::vector<float>> first;
    struct Variant {
      Isa isa;
      int threads, batch;
    };
    std::vector<Variant> variants = {{isas.back(), 2, 3}, {isas.back(), 1, 1}};
    for (const Isa isa : isas) variants.push_back({isa, 1, 5});
    for (const Variant& variant : variants) {
      BuildOptions options;
      options.precision = GetParam();
      options.calibration = calibration;
      options.isa = variant.isa;
      options.threads = variant.threads;
      options.max_batch = variant.batch;
      const Engine engine = Engine::build(network, options);
      if (!test::computes_in_integers(engine)) break;
      const auto outputs = run(engine, images, variant.batch);
      if (first.empty()) first = outputs;
      ASSERT_TRUE(outputs == first) << to_string(variant.isa) << ", " << variant.threads << " threads, batch "
                                    << variant.batch;
      ++compared;
    }
  }
  EXPECT_GT(compared, 40);
}

TEST_P(IntegerRandomNetworks, AreNearTheReference) {
  constexpr std::uint32_t kFirstSeed = 2000;
  std::vector<double> all;
  for (std::uint32_t seed = kFirstSeed; seed < kFirstSeed + 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Network network = test::RandomNetwork(seed).build();
    const Images images(network, 2, seed);
    const auto expected = run_reference(network, images.batch, images.spans, 1);
    BuildOptions options;
    options.precision = GetParam();
    options.calibration = test::simple_calibration(network, images.batch, images.spans);
    options.max_batch = images.batch;
    options.threads = 1;
    const auto outputs = run(Engine::build(network, options), images, images.batch);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const double db = signal_to_noise_db(expected[i], outputs[i]);
      all.push_back(db);
      // A wrong scale, zero point or offset gives 0 dB or less; rounding in up to 14 layers leaves more.
      EXPECT_GT(db, GetParam() == Precision::kInt8 ? 10 : 15) << "output " << i;
    }
  }
  std::sort(all.begin(), all.end());
  EXPECT_GT(all[all.size() / 2], 25) << "median";
}

INSTANTIATE_TEST_SUITE_P(Precisions, IntegerRandomNetworks,
                         testing::Values(Precision::kInt8, Precision::kInt16),
                         [](const auto& instance) { return std::string(to_string(instance.param)); });

TEST(MixedRandomNetworks, LayersOfAllPrecisionsWorkTogether) {
  constexpr std::uint32_t kFirstSeed = 3000;
  constexpr Precision kPrecisions[] = {Precision::kInt8, Precision::kInt16, Precision::kBFloat16,
                                       Precision::kFloat32};
  for (std::uint32_t seed = kFirstSeed; seed < kFirstSeed + 80; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Network network = test::RandomNetwork(seed).build();
    const Images images(network, 3, seed);
    const auto expected = run_reference(network, images.batch, images.spans, 1);
    const auto calibration = test::simple_calibration(network, images.batch, images.spans);
    std::mt19937 random(seed);
    for (LayerCalibration& layer : calibration->layers) layer.precision = kPrecisions[random() % 4];
    BuildOptions options;
    options.precision = Precision::kMixed;
    options.calibration = calibration;
    options.max_batch = images.batch;
    options.threads = 2;
    const auto outputs = run(Engine::build(network, options), images, images.batch);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      EXPECT_GT(signal_to_noise_db(expected[i], outputs[i]), 10) << "output " << i;
  }
}

TEST(IntegerEngine, TakesPicturesAsBytesOrLessTheirMeanWithTheSameResult) {
  const Network network = test::before_softmax(Network::zoo("squeezenet-1.0", 1));
  const Shape shape = network.inputs()[0].shape;
  const auto count = static_cast<std::size_t>(shape.elements_per_image());
  constexpr int kBatch = 2;
  std::vector<std::uint8_t> bytes(count * kBatch);
  std::mt19937 random(5);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  const std::int64_t pixels = shape[2] * shape[3];
  std::vector<float> image_mean(count);
  for (float& value : image_mean) value = static_cast<float>(random() % 25500) / 100;
  for (const std::vector<float>& mean : {std::vector<float>{103.939f, 116.779f, 123.68f}, image_mean}) {
    std::vector<float> less_mean(bytes.size());
    for (int n = 0; n < kBatch; ++n)
      for (std::int64_t c = 0; c < 3; ++c)
        for (std::int64_t p = 0; p < pixels; ++p) {
          const float m = mean.size() == 3 ? mean[static_cast<std::size_t>(c)]
                                           : mean[static_cast<std::size_t>(c * pixels + p)];
          less_mean[static_cast<std::size_t>((n * 3 + c) * pixels + p)] =
              static_cast<float>(bytes[static_cast<std::size_t>((n * pixels + p) * 3 + c)]) - m;
        }
    const std::span<const float> in(less_mean);
    const auto calibration = test::simple_calibration(network, kBatch, std::span(&in, 1));
    for (TensorCalibration& tensor : calibration->tensors) {
      if (tensor.name == network.inputs()[0].name) tensor.pixel_mean = mean;
    }
    BuildOptions options;
    options.precision = Precision::kInt8;
    options.calibration = calibration;
    options.max_batch = kBatch;
    const auto from_floats = test::run_engine(Engine::build(network, options), kBatch, less_mean)[0];
    options.pixel_input = true;
    const Engine engine = Engine::build(network, options);
    EXPECT_TRUE(engine.pixel_input());
    std::vector<float> from_bytes(from_floats.size());
    Context context = engine.create_context();
    context.run(kBatch, bytes, from_bytes);
    EXPECT_EQ(from_bytes, from_floats) << mean.size() << " mean values";
    const auto expected = run_reference(network, kBatch, std::span(&in, 1))[0];
    EXPECT_GT(signal_to_noise_db(expected, from_bytes), 10) << mean.size() << " mean values";
    EXPECT_THROW(context.run(kBatch, less_mean, from_bytes), Error);
  }
}

}  // namespace
}  // namespace octet
