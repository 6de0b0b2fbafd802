// Saved engines: the same outputs to the bit when loaded, errors for whatever is no saved engine, and for a
// file that lies with right checksums either an error or an engine that runs inside its memory (the build
// with AddressSanitizer sees to "inside").
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "base/aligned_buffer.h"
#include "base/hash.h"
#include "octet/octet.h"
#include "save/engine_header.h"
#include "tests/support/engines.h"
#include "tests/support/random_network.h"
#include "tests/support/simple_calibration.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint64_t kMemoryLimit = std::uint64_t{256} << 20;

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::vector<float>> images_of(const Engine& engine, int batch, std::uint32_t seed) {
  std::vector<std::vector<float>> inputs;
  for (const TensorInfo& tensor : engine.inputs())
    inputs.push_back(
        test::random_floats(static_cast<std::size_t>(tensor.shape.elements_per_image() * batch), seed++));
  return inputs;
}

/// All outputs of the first `batch` images, one after another.
std::vector<float> run(Context& context, const Engine& engine, int batch,
                       const std::vector<std::vector<float>>& inputs) {
  std::vector<std::span<const float>> in;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    in.push_back(std::span(inputs[i]).first(
        static_cast<std::size_t>(engine.inputs()[i].shape.elements_per_image() * batch)));
  std::vector<std::vector<float>> outputs;
  for (const TensorInfo& tensor : engine.outputs())
    outputs.emplace_back(static_cast<std::size_t>(tensor.shape.elements_per_image() * batch));
  const std::vector<std::span<float>> out(outputs.begin(), outputs.end());
  context.run(batch, in, out);
  std::vector<float> all;
  for (const std::vector<float>& output : outputs) all.insert(all.end(), output.begin(), output.end());
  return all;
}
std::vector<float> run(const Engine& engine, int batch, const std::vector<std::vector<float>>& inputs) {
  Context context = engine.create_context();
  return run(context, engine, batch, inputs);
}

/// FP32 outputs may be NaN, which equals nothing.
std::string bits(const std::vector<float>& values) { return hash_bytes(std::as_bytes(std::span(values))); }

std::vector<std::string> facts(const Engine& engine) {
  std::vector<std::string> facts = {engine.network_name(), to_string(engine.precision()),
                                    to_string(engine.isa()), engine.hash()};
  for (const auto& tensors : {engine.inputs(), engine.outputs()})
    for (const TensorInfo& tensor : tensors) facts.push_back(tensor.name + " " + tensor.shape.to_string());
  for (const StepInfo& step : engine.steps())
    facts.push_back(step.layer + " " + step.op + " " + step.kernel + " " + step.output_layout + " " +
                    step.output_type + " " + std::to_string(step.output_scale) + " " +
                    std::to_string(step.output_zero_point) + " " + std::to_string(step.macs) + " " +
                    std::to_string(step.weight_bytes));
  for (const PassReport& pass : engine.passes()) facts.push_back(pass.name + std::to_string(pass.changes));
  return facts;
}

class SavedEngine : public testing::Test {
 protected:
  Engine save_and_load(const Engine& engine, const LoadOptions& options = {}) {
    engine.save(path_);
    return Engine::load(path_, options);
  }

  test::TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_.path() / "saved.octet";
};

// ---- the same outputs

std::vector<Precision> precisions_of(const Network& network) {
  // Of the largest networks FP32 and BF16 take gigabytes, and have no layers that others lack.
  constexpr std::int64_t kLargest = 30'000'000;
  std::int64_t parameters = 0;
  for (const LayerInfo& layer : network.layers()) parameters += layer.params;
  if (parameters > kLargest) return {Precision::kInt8};
  return {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8, Precision::kInt16, Precision::kMixed};
}

class SavedZooEngine : public SavedEngine, public testing::WithParamInterface<std::string> {};

TEST_P(SavedZooEngine, GivesTheSameOutputsInEveryPrecisionBatchAndThreadCount) {
  const Network network = Network::zoo(GetParam(), 1);
  auto calibration =
      std::make_shared<Calibration>(Calibration::load("tests/golden/int8/" + GetParam() + ".json"));
  constexpr Precision kOfLayers[] = {Precision::kInt8, Precision::kInt16, Precision::kBFloat16,
                                     Precision::kFloat32};
  for (std::size_t i = 0; i < calibration->layers.size(); ++i)
    calibration->layers[i].precision = kOfLayers[i % 4];
  for (const Precision precision : precisions_of(network)) {
    SCOPED_TRACE(to_string(precision));
    BuildOptions options;
    options.precision = precision;
    options.max_batch = 2;
    options.threads = 2;
    if (precision != Precision::kFloat32 && precision != Precision::kBFloat16)
      options.calibration = calibration;
    const Engine built = Engine::build(network, options);
    const Engine loaded = save_and_load(built, {.threads = 2});
    EXPECT_EQ(facts(loaded), facts(built));
    EXPECT_EQ(loaded.memory().total(), built.memory().total());
    EXPECT_EQ(loaded.max_batch(), 2);
    const auto inputs = images_of(built, 2, 7);
    const std::string expected = bits(run(built, 2, inputs));
    EXPECT_EQ(bits(run(loaded, 2, inputs)), expected);
    const Engine otherwise = Engine::load(path_, {.max_batch = 3, .threads = 1});
    EXPECT_EQ(otherwise.max_batch(), 3);
    EXPECT_EQ(otherwise.threads(), 1);
    EXPECT_EQ(otherwise.hash(), built.hash());
    EXPECT_EQ(bits(run(otherwise, 2, inputs)), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, SavedZooEngine, testing::ValuesIn(Network::zoo_names()),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

/// A random network whose layers have all precisions, or one.
Engine random_engine(std::uint32_t seed, Precision precision, std::optional<Isa> isa = {}) {
  constexpr Precision kPrecisions[] = {Precision::kInt8, Precision::kInt16, Precision::kBFloat16,
                                       Precision::kFloat32};
  const Network network = test::RandomNetwork(seed).build();
  std::vector<std::vector<float>> inputs;
  for (const TensorInfo& tensor : network.inputs())
    inputs.push_back(test::random_floats(static_cast<std::size_t>(tensor.shape.elements_per_image()), seed));
  const std::vector<std::span<const float>> spans(inputs.begin(), inputs.end());
  const auto calibration = test::simple_calibration(network, 1, spans);
  std::mt19937 random(seed);
  for (LayerCalibration& layer : calibration->layers) layer.precision = kPrecisions[random() % 4];
  BuildOptions options;
  options.precision = precision;
  options.calibration = calibration;
  options.max_batch = 3;
  options.threads = 2;
  options.isa = isa;
  return Engine::build(network, options);
}

TEST_F(SavedEngine, GivesTheSameOutputsForNetworksOfAllOperations) {
  constexpr std::uint32_t kFirstSeed = 5000;
  for (std::uint32_t seed = kFirstSeed; seed < kFirstSeed + 25; ++seed) {
    for (const Precision precision :
         {Precision::kFloat32, Precision::kInt8, Precision::kInt16, Precision::kMixed}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", " << to_string(precision));
      const Engine built = random_engine(seed, precision);
      const Engine loaded = save_and_load(built);
      ASSERT_EQ(facts(loaded), facts(built));
      const auto inputs = images_of(built, 3, seed);
      ASSERT_EQ(bits(run(loaded, 3, inputs)), bits(run(built, 3, inputs)));
    }
  }
}

TEST_F(SavedEngine, KeepsItsKernelsWhateverTheMachineWouldChoose) {
  for (const Isa isa : test::usable_isas()) {
    const Engine built = random_engine(5001, Precision::kInt8, isa);
    const Engine loaded = save_and_load(built);
    EXPECT_EQ(loaded.isa(), isa);
    EXPECT_EQ(facts(loaded), facts(built));
  }
}

TEST_F(SavedEngine, TakesPicturesAsBytesIfItWasBuiltSo) {
  const Network network = Network::zoo("octet-20", 1);
  BuildOptions options;
  options.precision = Precision::kInt8;
  options.calibration = std::make_shared<Calibration>(Calibration::load("tests/golden/int8/octet-20.json"));
  options.pixel_input = true;
  const Engine built = Engine::build(network, options);
  const Engine loaded = save_and_load(built);
  EXPECT_TRUE(loaded.pixel_input());
  const auto outputs_of = [](const Engine& engine) {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(engine.inputs()[0].shape.elements_per_image()));
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 37);
    std::vector<float> output(static_cast<std::size_t>(engine.outputs()[0].shape.elements_per_image()));
    Context context = engine.create_context();
    context.run(1, pixels, output);
    return output;
  };
  EXPECT_EQ(outputs_of(loaded), outputs_of(built));
}

TEST_F(SavedEngine, KeepsAMeanImage) {
  const Network network = Network::zoo("octet-20", 1);
  auto calibration = std::make_shared<Calibration>(Calibration::load("tests/golden/int8/octet-20.json"));
  const auto elements = static_cast<std::size_t>(network.inputs()[0].shape.elements_per_image());
  calibration->tensors.front().pixel_mean = test::random_floats(elements, 3, 0, 255);
  for (const bool pixels : {false, true}) {
    BuildOptions options;
    options.precision = Precision::kInt8;
    options.calibration = calibration;
    options.pixel_input = pixels;
    const Engine built = Engine::build(network, options);
    const Engine loaded = save_and_load(built);
    EXPECT_EQ(facts(loaded), facts(built));
    if (pixels) continue;
    const auto inputs = images_of(built, 1, 9);
    EXPECT_EQ(run(loaded, 1, inputs), run(built, 1, inputs));
  }
}

TEST_F(SavedEngine, CanBeSavedAgain) {
  for (const Precision precision : {Precision::kInt16, Precision::kMixed}) {
    const Engine built = random_engine(5003, precision);
    built.save(path_, {{"label", "first"}});
    const Engine loaded = Engine::load(path_, {.threads = 2});
    EXPECT_EQ(loaded.notes(), (EngineNotes{{"label", "first"}}));
    const std::filesystem::path again = directory_.path() / "again.octet";
    loaded.save(again, loaded.notes());
    EXPECT_TRUE(read_file(again) == read_file(path_));
  }
}

TEST_F(SavedEngine, ServesManyContextsAndOutlivesItsFile) {
  const Engine built = random_engine(5004, Precision::kInt8);
  std::optional<Engine> loaded = save_and_load(built);
  std::filesystem::remove(path_);
  const auto inputs = images_of(built, 3, 1);
  const std::vector<float> expected = run(built, 3, inputs);
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> threads;
  for (std::vector<float>& result : results) {
    threads.emplace_back([&result, &inputs, engine = *loaded] {
      Context context = engine.create_context();
      for (int i = 0; i < 5; ++i) result = run(context, engine, 3, inputs);
    });
  }
  loaded.reset();
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<float>& result : results) EXPECT_EQ(result, expected);
}

// ---- refusals

class RefusedEngine : public SavedEngine {
 protected:
  RefusedEngine() { random_engine(5005, Precision::kMixed).save(path_); }

  void refused(const LoadOptions& options, ErrorCode code, const std::string& words) {
    try {
      Engine::load(path_, options);
      ADD_FAILURE() << "loaded; expected: " << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), AllOf(StartsWith(path_.string() + ": "), HasSubstr(words)));
    }
  }
};

TEST_F(RefusedEngine, MemoryLimitIsKnownBeforeAnythingIsAllocated) {
  for (const int batch : {1, 64}) {
    const std::uint64_t needed = Engine::load(path_, {.max_batch = batch}).memory().total();
    EXPECT_NO_THROW(Engine::load(path_, {.max_batch = batch, .memory_limit = needed}));
    refused({.max_batch = batch, .memory_limit = needed - 1}, ErrorCode::kMemoryLimit, "does not fit");
  }
}

TEST_F(RefusedEngine, OptionsAreCheckedAsWhenBuilding) {
  refused({.max_batch = -1}, ErrorCode::kInvalidArgument, "batch: expected 1 to");
  refused({.threads = -1}, ErrorCode::kInvalidArgument, "threads: expected 1 to");
  refused({.cpus = {70000}}, ErrorCode::kInvalidArgument, "CPU 70000");
}

// ---- files that lie: checksums made right again after the change

/// The bytes with `change` made behind the header, and a header that agrees with them.
template <class Change>
std::string resealed(const std::string& file, Change&& change) {
  const auto bytes = std::as_bytes(std::span(file));
  save::Header header = save::decode_header("file", bytes, build_info());
  const std::size_t record_pages = base::round_up(header.record.bytes, save::kPage);
  std::string record = file.substr(save::kPage, record_pages);
  std::string weights = file.substr(save::kPage + record_pages);
  change(header, record, weights);
  header.record.checksum = base::hash64(std::as_bytes(std::span(record)));
  header.weights.checksum = base::hash64(std::as_bytes(std::span(weights)));
  return save::encode_header(header) + record + weights;
}

void flip_bits(std::string& bytes, std::size_t within, std::mt19937& random) {
  for (int flips = 1 + static_cast<int>(random() % 3); flips > 0 && within > 0; --flips) {
    const std::size_t bit = random() % (within * 8);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
  }
}

/// An Error, or an engine that runs.
class LyingEngine : public SavedEngine {
 protected:
  void load_and_run(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    try {
      const Engine engine = Engine::load(path_, {.max_batch = 3, .threads = 2, .memory_limit = kMemoryLimit});
      ++loaded_;
      if (engine.pixel_input()) return;
      run(engine, 3, images_of(engine, 3, 1));
    } catch (const Error& error) {
      ++refused_;
      EXPECT_THAT(error.what(), StartsWith(path_.string() + ": "));
    }
  }

  int loaded_ = 0, refused_ = 0;
};

TEST_F(LyingEngine, WithFlippedBitsInItsRecordIsRefusedOrRuns) {
  constexpr std::uint32_t kFirstSeed = 6000;
  for (std::uint32_t seed = kFirstSeed; seed < kFirstSeed + 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    random_engine(seed, seed % 2 == 0 ? Precision::kMixed : Precision::kInt8).save(path_);
    const std::string file = read_file(path_);
    std::mt19937 random(seed);
    for (int i = 0; i < 100; ++i)
      load_and_run(resealed(file, [&](const save::Header& header, std::string& record, std::string&) {
        flip_bits(record, static_cast<std::size_t>(header.record.bytes), random);
      }));
  }
  EXPECT_GT(refused_, 300);
  EXPECT_GT(loaded_, 30);  // names, slopes, scales may be anything
}

TEST_F(LyingEngine, WithFlippedBitsInItsWeightsRuns) {
  constexpr std::uint32_t kFirstSeed = 6100;
  for (std::uint32_t seed = kFirstSeed; seed < kFirstSeed + 8; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    for (const Precision precision : {Precision::kMixed, Precision::kInt8, Precision::kFloat32}) {
      random_engine(seed, precision).save(path_);
      const std::string file = read_file(path_);
      std::mt19937 random(seed);
      for (int i = 0; i < 10; ++i)
        load_and_run(resealed(file, [&](const save::Header&, std::string&, std::string& weights) {
          for (int n = 0; n < 50; ++n) flip_bits(weights, weights.size(), random);
        }));
      // What kernels keep in front of the weights, such as flags, all set.
      load_and_run(resealed(file, [&](const save::Header&, std::string&, std::string& weights) {
        std::fill(weights.begin(), weights.end(), '\xff');
      }));
    }
  }
  EXPECT_EQ(refused_, 0);
}

TEST_F(LyingEngine, WithOtherSizesOfItsPartsIsRefused) {
  random_engine(6200, Precision::kInt8).save(path_);
  const std::string file = read_file(path_);
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t wrong = random() >> random() % 64;
    load_and_run(resealed(file, [&](save::Header& header, std::string&, std::string&) {
      (i % 2 == 0 ? header.record.bytes : header.weights.bytes) ^= std::max<std::uint64_t>(wrong, 1);
    }));
    load_and_run(resealed(file, [&](save::Header& header, std::string&, std::string& weights) {
      weights.resize(wrong % (2 * weights.size()) / 64 * 64);
      header.weights.bytes = weights.size();
    }));
  }
  EXPECT_GE(refused_, 395);  // a right size may come up
}

}  // namespace
}  // namespace octet
