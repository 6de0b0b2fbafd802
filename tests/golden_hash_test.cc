// Golden output bytes: with the calibration files committed here, every machine and every instruction set
// must give these hashes. A machine with other instructions that runs this test checks the promise of equal
// bits.
//
// The expected hashes are in golden/int8/hashes.json; scripts/golden-hashes writes both them and the
// calibrations (only when the arithmetic or the synthetic weights are changed on purpose).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/golden_networks.h"

namespace octet {
namespace {

using test::golden_calibration;
using test::golden_hashes;
using test::output_hash;

constexpr int kImages = test::kGoldenImages;

TEST(WriteGoldenHashes, WhenAsked) {
  if (std::getenv("OCTET_WRITE_GOLDEN") == nullptr) GTEST_SKIP() << "OCTET_WRITE_GOLDEN is not set";
  nlohmann::json hashes;
  for (const std::string& name : Network::zoo_names()) {
    const Isa isa = describe_machine().best_isa;
    hashes[name] = output_hash(Network::zoo(name, 1), golden_calibration(name), isa, 1, 1, kImages);
  }
  std::ofstream(test::kGoldenFolder / "hashes.json") << hashes.dump(1) << "\n";
}

class GoldenHash : public testing::TestWithParam<std::string> {};

TEST_P(GoldenHash, IsGivenByEveryInstructionSetThreadCountAndBatch) {
  if (std::getenv("OCTET_WRITE_GOLDEN") != nullptr) GTEST_SKIP() << "hashes are being written";
  const std::string expected = golden_hashes().at(GetParam());
  const Network network = Network::zoo(GetParam(), 1);
  const std::shared_ptr<Calibration> calibration = golden_calibration(GetParam());
  calibration->check(network, "", false);
  const std::vector<Isa> isas = test::usable_isas();
  for (const Isa isa : isas) {
    // Plain loops over 10 GMAC take minutes; the families' own tests compare them layer by layer.
    if (isa == Isa::kGeneric && network.layers().size() > 30 && GetParam() != "squeezenet-1.0" &&
        GetParam() != "octet-20") {
      std::cout << "skipped: generic (too slow for this network)\n";
      continue;
    }
    EXPECT_EQ(output_hash(network, calibration, isa, 2, kImages, kImages), expected) << to_string(isa);
  }
  EXPECT_EQ(output_hash(network, calibration, isas.back(), 1, 1, kImages), expected) << "batch 1, 1 thread";
}

TEST(IntegerNetworks, GiveTheSameBytesForBatchesOf1To128) {
  for (const std::string name : {"octet-20", "squeezenet-1.0", "googlenet"}) {
    constexpr int kMany = 128;
    const Network network = Network::zoo(name, 1);
    const Isa isa = describe_machine().best_isa;
    std::set<std::string> hashes;
    for (const auto& [batch, threads] : {std::pair{128, 2}, {128, 1}, {8, 2}, {3, 1}, {1, 2}})
      hashes.insert(output_hash(network, golden_calibration(name), isa, threads, batch, kMany));
    EXPECT_EQ(hashes.size(), 1u) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, GoldenHash, testing::ValuesIn(Network::zoo_names()),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace octet
