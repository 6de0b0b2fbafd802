// Every network of the study, every instruction set of the machine, against the reference interpreter.
#include <gtest/gtest.h>

#include <map>

#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

constexpr double kReferenceBound = 1e-4;  // of the output's range

class ZooEngine : public testing::TestWithParam<std::string> {};

TEST_P(ZooEngine, AgreesWithTheReferenceOnEveryInstructionSet) {
  constexpr int kBatch = 2;  // two different pictures: a mixed-up image stride shows
  const Network network = test::before_softmax(Network::zoo(GetParam(), 1));
  const Shape shape = network.inputs()[0].shape;
  const std::vector<float> input =
      test::random_floats(static_cast<std::size_t>(shape.elements_per_image() * kBatch), 11, -110, 140);
  const std::span<const float> in(input);
  const std::vector<float> expected = run_reference(network, kBatch, std::span(&in, 1))[0];
  for (const Isa isa : test::usable_isas()) {
    // The generic kernels are plain loops, which small networks check too; 10 GMAC of them take minutes.
    if (isa == Isa::kGeneric && GetParam() != "squeezenet-1.0" && GetParam() != "alexnet") {
      std::cout << "skipped: generic (too slow for this network)\n";
      continue;
    }
    for (const int threads : {1, 2}) {
      BuildOptions options;
      options.max_batch = kBatch;
      options.threads = threads;
      options.isa = isa;
      const Engine engine = Engine::build(network, options);
      const auto difference = test::compare(test::run_engine(engine, kBatch, input)[0], expected);
      EXPECT_LE(difference.max_error, kReferenceBound)
          << to_string(isa) << ", " << threads << " threads: " << difference.text;
    }
  }
}

TEST_P(ZooEngine, GivesTheSameBytesForAnyBatchAndThreadCount) {
  // Winograd is chosen by how many images a call has, and rounds in its own way: without it the kernels' sums
  // are the same.
  const Network network = test::before_softmax(Network::zoo(GetParam(), 1));
  constexpr int kImages = 5;
  const Shape shape = network.inputs()[0].shape;
  const auto image = static_cast<std::size_t>(shape.elements_per_image());
  const std::vector<float> input = test::random_floats(image * kImages, 12, -110, 140);
  std::vector<float> first;
  for (const auto& [batch, threads] : std::map<int, int>{{1, 2}, {3, 2}, {5, 1}}) {
    BuildOptions options;
    options.max_batch = batch;
    options.threads = threads;
    options.winograd = false;
    const Engine engine = Engine::build(network, options);
    std::vector<float> all;
    for (int done = 0; done < kImages; done += batch) {
      const int images = std::min(batch, kImages - done);
      const auto begin = input.begin() + static_cast<std::ptrdiff_t>(image) * done;
      const std::vector<float> part(begin, begin + static_cast<std::ptrdiff_t>(image) * images);
      const auto output = test::run_engine(engine, images, part)[0];
      all.insert(all.end(), output.begin(), output.end());
    }
    if (first.empty()) first = all;
    EXPECT_EQ(all, first) << "batch " << batch << ", " << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, ZooEngine, testing::ValuesIn(Network::zoo_names()),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace octet
