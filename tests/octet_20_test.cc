// The trained network on the pictures it was trained for: that Octet computes what its trainer computed.
#include <gtest/gtest.h>

#include <algorithm>

#include "lab/data/drawn_images.h"
#include "lab/data/pipeline.h"
#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

lab::InputPipeline test_pictures(const Network& network, std::uint64_t count, int batch) {
  return lab::InputPipeline(lab::drawn_dataset(lab::DrawnSet::kTest, count),
                            lab::default_preprocessing(network.name(), network.inputs()[0].shape),
                            {.batch = batch});
}

TEST(Octet20, ComesTrainedWhateverTheSeed) {
  const Network network = Network::open("octet-20");
  EXPECT_EQ(network.name(), "octet-20");
  EXPECT_FALSE(network.synthetic_weights());
  EXPECT_EQ(network.hash(), Network::zoo("octet-20", 7).hash());
  EXPECT_EQ(network.layers().front().origin.file, "octet_20.prototxt");
}

TEST(Octet20, AgreesWithTheReferenceOnDrawnPictures) {
  const Network network = Network::zoo("octet-20").with_output("fc6");
  lab::InputPipeline pipeline = test_pictures(Network::zoo("octet-20"), 50, 50);
  lab::Batch batch;
  ASSERT_TRUE(pipeline.next(batch));
  const std::span<const float> input(batch.input);
  const std::vector<float> expected = run_reference(network, batch.size(), std::span(&input, 1))[0];
  for (const Isa isa : test::usable_isas()) {
    BuildOptions options;
    options.max_batch = batch.size();
    options.isa = isa;
    const Engine engine = Engine::build(network, options);
    const auto difference = test::compare(test::run_engine(engine, batch.size(), batch.input)[0], expected);
    EXPECT_LE(difference.max_error, 1e-4) << to_string(isa) << ": " << difference.text;
  }
}

TEST(Octet20, RecognizesAsManyPicturesAsWhenItWasTrained) {
  // Of the first 2,000 test pictures, as PyTorch counts them (docs/octet-20.md); two may change sides where
  // sums are rounded otherwise.
  constexpr int kCorrect = 1819;
  const Network network = Network::zoo("octet-20");
  BuildOptions options;
  options.max_batch = 100;
  const Engine engine = Engine::build(network, options);
  lab::InputPipeline pipeline = test_pictures(network, 2000, options.max_batch);
  int correct = 0;
  for (lab::Batch batch; pipeline.next(batch);) {
    const std::vector<float> scores = test::run_engine(engine, batch.size(), batch.input)[0];
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
      const auto first = scores.begin() + static_cast<std::ptrdiff_t>(i) * lab::kDrawnClasses;
      const auto best = std::max_element(first, first + lab::kDrawnClasses) - first;
      correct += best == lab::drawn_label(batch.samples[i]);
    }
  }
  EXPECT_NEAR(correct, kCorrect, 2);
}

}  // namespace
}  // namespace octet
