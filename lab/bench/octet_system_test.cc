#include "lab/bench/octet_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/error.h"

namespace octet::lab {
namespace {

BuildOptions of_batch(int batch) {
  BuildOptions options;
  options.max_batch = batch;
  options.threads = 1;
  return options;
}

TEST(OctetSystem, SaysWhatItIsAndRunsAnyBatchUpToItsLargest) {
  OctetSystem system(Network::zoo("octet-20"), of_batch(3), 1);
  const SystemInfo& info = system.info();
  EXPECT_EQ(info.engine, "octet");
  EXPECT_EQ(info.network, "octet-20");
  EXPECT_EQ(info.precision, "fp32");
  EXPECT_EQ(info.max_batch, 3);
  EXPECT_EQ(info.threads, 1);
  EXPECT_EQ(info.isa, system.engine().target());
  EXPECT_EQ(info.hash, system.engine().hash());
  EXPECT_EQ(info.memory_bytes, system.engine().memory().total());
  EXPECT_EQ(info.calibration, "");
  EXPECT_GT(system.build_ms(), 0);
  system.run(1);
  system.run(3);
  EXPECT_THROW(system.run(4), Error);
}

TEST(OctetSystem, TheOutputHashFollowsTheSeedAndNothingElse) {
  const Network network = Network::zoo("octet-20");
  const std::string hash = OctetSystem(network, of_batch(1), 1).output_hash();
  EXPECT_EQ(hash.size(), 16u);
  OctetSystem again(network, of_batch(1), 1);
  again.run(1);
  EXPECT_EQ(again.output_hash(), hash);
  EXPECT_NE(OctetSystem(network, of_batch(1), 2).output_hash(), hash);
}

TEST(OctetSystem, MemoryIsCountedWithTheImagesAndRefusedBeforeItIsAllocated) {
  const Network network = Network::zoo("octet-20");
  const MemoryNeed one = memory_need(network, of_batch(1));
  const MemoryNeed huge = memory_need(network, of_batch(1 << 20));
  const std::int64_t floats =
      network.inputs()[0].shape.elements_per_image() + network.outputs()[0].shape.elements_per_image();
  EXPECT_EQ(one.binding_bytes, sizeof(float) * static_cast<std::uint64_t>(floats));
  EXPECT_EQ(huge.binding_bytes, one.binding_bytes << 20);
  BuildOptions options = of_batch(1 << 20);
  options.memory_limit = huge.total() - 1;
  try {
    OctetSystem system(network, options, 1);
    FAIL() << "one byte too little";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemoryLimit);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(format_bytes(huge.total())));
  }
  options = of_batch(1);
  options.memory_limit = one.total();
  EXPECT_NO_THROW(OctetSystem(network, options, 1));
}

}  // namespace
}  // namespace octet::lab
