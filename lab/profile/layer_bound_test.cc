#include "lab/profile/layer_bound.h"

#include <gtest/gtest.h>

#include "lab/profile/layer_profile.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

// FP32 100 GFLOPS, INT8 400 GOPS, memory 10 GB/s, L2 200, L3 50; 5 G outputs/s FP32 and 20 INT8; 1 MB of L2
// and 8 MB of L3. Two threads, batch 4: a MB of activations takes 0.02 ms an image from L2, 0.08 from L3, 0.4
// from memory.
LayerRecord record_of(const LayerSamples& layer) {
  LayerRecord record{"net", "int8", 4, 2, "avx512vnni", {100, 400, 10, 200, 0, 50, 5, 20}, {layer}, {4}, {4}};
  record.l2_bytes = 1'000'000;
  record.l3_bytes = 8'000'000;
  return record;
}

LayerSamples convolution(std::int64_t macs, std::int64_t bytes, std::int64_t weight_bytes = 0) {
  LayerSamples layer{
      "conv", "Convolution", "conv_i8/direct/avx512vnni", "nhwc", macs, bytes, 0, weight_bytes, 1, {8}};
  return layer;
}

LayerBound bound(const LayerSamples& layer) { return bound_of(layer, record_of(layer)); }

TEST(LayerBound, IsTheArithmeticOfALayerOfManyMacs) {
  const LayerBound b = bound(convolution(100'000'000, 100'000));
  EXPECT_NEAR(b.compute, 2, 1e-12);  // 0.8 G operations at 400 a second
  EXPECT_NEAR(b.l2, 0.002, 1e-12);
  EXPECT_STREQ(b.by(), "compute");
  EXPECT_EQ(b.ms(), b.compute);
}

TEST(LayerBound, CountsWhatTheKernelExecutesNotWhatTheLayerDefines) {
  LayerSamples winograd = convolution(100'000'000, 1000);
  winograd.kernel_macs = 25'000'000;
  EXPECT_NEAR(bound(winograd).compute, 0.5, 1e-12);
}

TEST(LayerBound, MultipliesNumbersOf16BitsAtHalfThePeakOfBytes) {
  LayerSamples winograd = convolution(100'000'000, 1000);
  winograd.kernel_macs = 25'000'000;
  winograd.kernel = "conv_i8/winograd_f4/avx512vnni";
  EXPECT_NEAR(bound(winograd).compute, 1, 1e-12);
  winograd.kernel = "conv_i16/direct/avx512vnni";
  EXPECT_NEAR(bound(winograd).compute, 1, 1e-12);
}

TEST(LayerBound, MultipliesBf16AtItsOwnPeakAndItsWinogradInFp32) {
  LayerSamples layer = convolution(100'000'000, 1000);
  layer.kernel = "conv_bf16/direct/avx512bf16";
  LayerRecord record = record_of(layer);
  EXPECT_NEAR(bound_of(layer, record).compute, 8, 1e-12);  // a record without this peak
  record.peak.bf16_gflops = 200;
  EXPECT_NEAR(bound_of(layer, record).compute, 4, 1e-12);
  layer.kernel = "conv_bf16/winograd/avx512";
  layer.kernel_macs = 25'000'000;
  EXPECT_NEAR(bound_of(layer, record).compute, 2, 1e-12);
}

TEST(LayerBound, ReadsActivationsFromTheLevelThatHoldsACall) {
  EXPECT_NEAR(bound(convolution(1, 1'000'000)).l2, 0.02, 1e-12);
  EXPECT_STREQ(bound(convolution(1, 1'000'000)).by(), "l2");
  const LayerBound beyond_l2 = bound(convolution(1, 1'500'000));
  EXPECT_EQ(beyond_l2.l2, 0);
  EXPECT_NEAR(beyond_l2.l3, 0.12, 1e-12);
  EXPECT_STREQ(beyond_l2.by(), "l3");
  const LayerBound beyond_l3 = bound(convolution(1, 5'000'000));  // two threads hold 10 MB
  EXPECT_NEAR(beyond_l3.memory, 2, 1e-12);
  EXPECT_STREQ(beyond_l3.by(), "memory");
}

TEST(LayerBound, AGroupOfImagesFillsTheCacheTogether) {
  LayerSamples layer = convolution(1, 400'000);
  EXPECT_GT(bound(layer).l2, 0);
  layer.images_per_group = 4;
  EXPECT_GT(bound(layer).l3, 0);
}

TEST(LayerBound, ThreadsThatShareACallHoldPartsOfIt) {
  LayerSamples layer = convolution(1, 1'500'000);
  layer.shared_by_threads = true;
  EXPECT_GT(bound(layer).l2, 0);
  EXPECT_EQ(bound(layer).l3, 0);
}

TEST(LayerBound, ReadsWeightsFromTheLevelThatHoldsAllOfThem) {
  LayerRecord record = record_of(convolution(1, 1000, 900'000));
  EXPECT_NEAR(bound_of(record.layers[0], record).l2, 1e-3 * 4 * (0.9e6 + 1000) / 200e3,
              1e-9);  // once an image
  record.layers.push_back(convolution(1, 1000, 3'000'000));
  EXPECT_NEAR(bound_of(record.layers[0], record).l3, 1e-3 * 4 * 0.9e6 / 50e3, 1e-9);
  record.layers.push_back(convolution(1, 1000, 9'000'000));
  EXPECT_NEAR(bound_of(record.layers[0], record).memory, 1e-3 * 4 * 0.9e6 / 10e3, 1e-9);
  // Layers of another phase are not in between, as long as this one goes on to its next group.
  record.layers[2].shared_by_threads = true;
  EXPECT_GT(bound_of(record.layers[0], record).l3, 0);
  record.layers[0].images_per_group = 4;
  EXPECT_GT(bound_of(record.layers[0], record).memory, 0);
}

TEST(LayerBound, TheCallersMemoryIsThatOfTheWholeBatch) {
  LayerSamples layer = convolution(1, 400'000);
  layer.reads_caller = true;  // 800 KB for each of two threads
  EXPECT_GT(bound(layer).l2, 0);
  layer.input_bytes = 1'000'000;
  EXPECT_GT(bound(layer).l3, 0);
}

TEST(LayerBound, IsTheEpilogueOfALayerOfManyOutputsAndFewMacs) {
  LayerSamples layer = convolution(1, 1000);
  layer.outputs = 2'000'000;
  EXPECT_NEAR(bound(layer).epilogue, 0.4, 1e-12);
  EXPECT_STREQ(bound(layer).by(), "epilogue");
  layer.kernel = "conv_f32/direct/avx512";
  EXPECT_NEAR(bound(layer).epilogue, 1.6, 1e-12);
}

TEST(LayerBound, OfAnOlderRecordKnowsComputeAndMemory) {
  LayerRecord record = record_of(convolution(100'000'000, 5'000'000));
  record.peak = {100, 400, 10, 200};
  record.l2_bytes = record.l3_bytes = 0;
  const LayerBound b = bound_of(record.layers[0], record);
  EXPECT_NEAR(b.compute, 2, 1e-12);
  EXPECT_NEAR(b.memory, 2, 1e-12);
  EXPECT_EQ(b.l2 + b.l3 + b.epilogue, 0);
}

TEST(LayerBound, IsInTheProfileWithItsShare) {
  LayerRecord record = record_of(convolution(100'000'000, 1000));
  record.layers[0].wait_ms = {3};
  const LayerProfile profile = derive_layer_profile(record);
  EXPECT_NEAR(profile.layers[0].ms, 4, 1e-12);
  EXPECT_NEAR(profile.layers[0].bound_share, 0.5, 1e-12);
  EXPECT_NEAR(profile.layers[0].wait_ms, 1.5, 1e-12);
  EXPECT_NEAR(profile.waiting_ms, 1.5, 1e-12);
  const Json layer = to_json(profile)["layers"][0];
  EXPECT_EQ(layer["bound"], "compute");
  EXPECT_NEAR(layer["bound_share"].get<double>(), 50, 1e-9);
  EXPECT_TRUE(layer["bounds"].contains("compute"));
  EXPECT_FALSE(layer["bounds"].contains("l3"));
}

}  // namespace
}  // namespace octet::lab
