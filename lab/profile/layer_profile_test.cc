#include "lab/profile/layer_profile.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "lab/profile/measure_layers.h"
#include "lab/profile/waterfall.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A layer whose median time on two threads is `ms` at a batch of 10.
LayerSamples layer(const std::string& name, const std::string& kernel, std::int64_t macs, double ms,
                   std::int64_t bytes = 0, std::int64_t weight_bytes = 0) {
  return {name, "Op", kernel, "nhwc", macs, bytes, 0, weight_bytes, 4, {2 * ms + 1, 2 * ms, 2 * ms - 1}};
}

/// FP32 peak 100 GFLOPS, INT8 400 GOPS, memory 10 GB/s; batch 10, 2 threads. At a batch of 10, 50 M MACs are
/// 10 ms of FP32's peak and 2.5 ms of INT8's; 1 M activation bytes are 1 ms of memory.
LayerRecord record_of(std::vector<LayerSamples> layers, double whole_ms,
                      const std::string& precision = "int8") {
  LayerRecord record{"net", precision, 10, 2, "avx512vnni", {100, 400, 10, 50}, std::move(layers), {}, {}};
  record.whole_ms = {whole_ms + 2, whole_ms, whole_ms - 0.5};
  record.untimed_ms = {whole_ms - 1};
  return record;
}

double sum_but_last(const std::vector<WaterfallStep>& steps) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) sum += steps[i].ms;
  return sum;
}

std::vector<std::string> names(const std::vector<WaterfallStep>& steps) {
  std::vector<std::string> names;
  for (const WaterfallStep& step : steps) names.push_back(step.step);
  return names;
}

TEST(LayerProfile, GivesTheFiguresOfALayer) {
  // 50 M MACs in 5 ms; 1 MB of activations an image, 2 MB of weights read for each of the 3 groups.
  const LayerProfile profile = derive_layer_profile(
      record_of({layer("conv", "conv_i8/direct/avx512vnni", 50'000'000, 5, 100'000, 200'000),
                 layer("pool", "pool_i8/window/avx512", 0, 15, 1'000'000)},
                21));
  const LayerFigures& conv = profile.layers[0];
  EXPECT_NEAR(conv.ms, 5, 1e-12);
  EXPECT_NEAR(conv.share, 0.25, 1e-12);
  EXPECT_NEAR(conv.gops, 200, 1e-9);
  EXPECT_NEAR(conv.peak_share, 0.5, 1e-12);
  EXPECT_NEAR(conv.gbps, (1e-3 + 3 * 2e-4) / 5e-3, 1e-12);
  EXPECT_STREQ(conv.bound.by(), "compute");
  EXPECT_STREQ(profile.layers[1].bound.by(), "memory");
  EXPECT_NEAR(profile.sum_ms, 20, 1e-12);
  EXPECT_NEAR(profile.whole_ms, 21, 1e-12);
  EXPECT_NEAR(profile.untimed_ms, 20, 1e-12);
}

TEST(LayerProfile, HoldsLayersAgainstThePeakOfTheirType) {
  const LayerProfile profile = derive_layer_profile(record_of(
      {layer("a", "conv_f32/direct/avx512", 50'000'000, 20), layer("b", "conv_i8/tiles/amx", 50'000'000, 20)},
      40));
  EXPECT_NEAR(profile.layers[0].peak_share, 0.5, 1e-12);
  EXPECT_NEAR(profile.layers[1].peak_share, 0.125, 1e-12);
}

TEST(TimeParts, OfALayerBoundByArithmeticAreArithmeticAndKernel) {
  const TimeParts parts =
      time_parts(layer("c", "conv_i8/direct/avx2", 50'000'000, 0, 100'000), 4, 10, {100, 400, 10, 50});
  EXPECT_NEAR(parts.arithmetic, 2.5, 1e-12);
  EXPECT_NEAR(parts.kernel, 1.5, 1e-12);
  EXPECT_EQ(parts.memory, 0);
  EXPECT_EQ(parts.saved, 0);
}

TEST(TimeParts, OfALayerBoundByMemoryNameWhatItsBytesNeedBeyondItsArithmetic) {
  const LayerSamples bound = layer("fc", "fully_connected_i8/gemm/avx2", 50'000'000, 0, 6'000'000);  // 6 ms
  const TimeParts slow = time_parts(bound, 9, 10, {100, 400, 10, 50});
  EXPECT_NEAR(slow.arithmetic, 2.5, 1e-12);
  EXPECT_NEAR(slow.memory, 3.5, 1e-12);
  EXPECT_NEAR(slow.kernel, 3, 1e-12);
  const TimeParts cached = time_parts(bound, 4, 10, {100, 400, 10, 50});  // faster than memory could be
  EXPECT_NEAR(cached.memory, 1.5, 1e-12);
  EXPECT_NEAR(cached.kernel, 0, 1e-12);
}

TEST(TimeParts, OfALayerFasterThanItsOperationsSaveTime) {
  const TimeParts parts =
      time_parts(layer("w", "conv_f32/winograd/avx512", 50'000'000, 0), 6, 10, {100, 400, 10, 50});
  EXPECT_NEAR(parts.arithmetic, 10, 1e-12);
  EXPECT_NEAR(parts.saved, -4, 1e-12);
  EXPECT_NEAR(parts.total(), 6, 1e-12);
}

TEST(TimeParts, OfALayerWithoutMacsAreItsKind) {
  EXPECT_EQ(time_parts(layer("p", "pool_i8/window/avx2", 0, 0), 3, 10, {100, 400, 10, 50}).other, 3);
  EXPECT_EQ(time_parts(layer("r", "reformat_i8/copy/avx2", 0, 0), 3, 10, {100, 400, 10, 50}).layout, 3);
}

TEST(Waterfall, LeadsFromThePeakOfFp32ToTheTimeMeasured) {
  const LayerProfile profile = derive_layer_profile(record_of(
      {layer("in", "reformat_i8/copy/avx2", 0, 0.5), layer("c1", "conv_i8/direct/avx2", 50'000'000, 4),
       layer("c2", "conv_f32/winograd/avx2", 50'000'000, 6), layer("pool", "pool_i8/window/avx2", 0, 2),
       layer("fc", "fully_connected_i8/gemm/avx2", 50'000'000, 9, 6'000'000)},
      23));
  const std::vector<WaterfallStep>& steps = profile.waterfall;
  EXPECT_THAT(names(steps),
              ElementsAre("FP32 at its peak", "INT8's instructions", "fewer operations", "kernels", "memory",
                          "other layers", "layout", "waiting", "INT8 measured"));
  const double expected[] = {30, -15, -4, 4.5, 3.5, 2, 0.5, 1.5, 23};
  for (std::size_t i = 0; i < steps.size(); ++i) EXPECT_NEAR(steps[i].ms, expected[i], 1e-9) << steps[i].step;
  for (const WaterfallStep& step : steps) EXPECT_FALSE(step.text.empty());
}

TEST(Waterfall, OfFp32LeavesOutWhatDoesNotHappen) {
  const LayerProfile profile =
      derive_layer_profile(record_of({layer("c", "conv_f32/direct/avx2", 50'000'000, 12)}, 12.5, "fp32"));
  EXPECT_THAT(names(profile.waterfall),
              ElementsAre("FP32 at its peak", "kernels", "waiting", "FP32 measured"));
}

TEST(Waterfall, IsEmptyWithoutAPeakToStartFrom) {
  LayerRecord record = record_of({layer("c", "conv_f32/direct/avx2", 50'000'000, 12)}, 12.5);
  record.peak = {};
  EXPECT_TRUE(derive_layer_profile(record).waterfall.empty());
}

TEST(Waterfall, AddsUpForAnyLayersAndSoDoTheirParts) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  const std::vector<std::string> kernels = {"conv_i8/direct/avx2", "conv_f32/winograd/avx2",
                                            "pool_i8/window/avx2", "conv_bf16/direct/avx2",
                                            "reformat_f32/copy/generic"};
  for (int round = 0; round < 200; ++round) {
    std::vector<LayerSamples> layers;
    for (int i = 0; i < 12; ++i) {
      const std::string& kernel = kernels[random() % kernels.size()];
      const bool dot = kernel.starts_with("conv");
      layers.push_back(layer("l", kernel, dot ? static_cast<std::int64_t>(uniform(1, 1e9)) : 0,
                             uniform(0.5, 100), static_cast<std::int64_t>(uniform(0, 1e8)),
                             static_cast<std::int64_t>(uniform(0, 1e8))));
    }
    LayerRecord record = record_of(std::move(layers), uniform(1, 2000));
    record.peak.int8_gops = round % 3 == 0 ? 0 : uniform(1, 1000);
    record.peak.memory_read_gbps = round % 5 == 0 ? 0 : uniform(1, 100);
    const LayerProfile profile = derive_layer_profile(record);
    for (const LayerFigures& figures : profile.layers) {
      EXPECT_NEAR(figures.parts.total(), figures.ms, 1e-9 * (1 + figures.parts.arithmetic));
      EXPECT_LE(figures.parts.saved, 0);
      EXPECT_GE(figures.parts.memory, 0);
      EXPECT_GE(figures.parts.kernel, 0);
    }
    EXPECT_NEAR(sum_but_last(profile.waterfall), profile.whole_ms, 1e-9 * profile.waterfall[0].ms);
    EXPECT_EQ(profile.waterfall.back().ms, profile.whole_ms);
  }
}

TEST(LayerRecord, SurvivesJsonAndDerivesTheSame) {
  const LayerRecord record =
      record_of({layer("c", "conv_i8/direct/avx2", 50'000'000, 4.123456789, 77, 88)}, 12.5);
  const Json json = to_json(record);
  const LayerRecord again = layer_record_from(Json::parse(json.dump()));
  EXPECT_EQ(to_json(again).dump(), json.dump());
  EXPECT_EQ(to_json(derive_layer_profile(again)).dump(), to_json(derive_layer_profile(record)).dump());
}

TEST(LayerRecord, OfAnOlderOctetIsReadWithoutWhatItDoesNotKnow) {
  LayerRecord record = record_of({layer("c", "conv_i8/direct/avx2", 50'000'000, 4, 77, 88)}, 12.5);
  const Json now = to_json(record);
  Json older = now;
  for (const char* key : {"l2_bytes", "l3_bytes"}) older.erase(key);
  for (const char* key :
       {"wait_ms", "kernel_macs", "outputs", "shared_by_threads", "reads_caller", "writes_caller"})
    older["layers"][0].erase(key);
  EXPECT_EQ(to_json(layer_record_from(older)).dump(), now.dump());  // none of it was set
}

TEST(LayerRecord, NamesTheKeyAndTheLayerThatItCannotRead) {
  const Json good = to_json(record_of({layer("c", "conv_i8/direct/avx2", 50'000'000, 4)}, 12.5));
  const auto message = [&](const std::function<void(Json&)>& spoil) -> std::string {
    Json json = good;
    spoil(json);
    try {
      layer_record_from(json);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kParse);
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message([](Json& json) { json.erase("peak"); }), HasSubstr("'peak'"));
  EXPECT_THAT(message([](Json& json) { json["peak"] = 3; }), HasSubstr("peak"));
  EXPECT_THAT(message([](Json& json) { json["threads"] = 0; }), HasSubstr("threads: expected 1 or more"));
  EXPECT_THAT(message([](Json& json) { json["layers"] = "x"; }), HasSubstr("layers"));
  EXPECT_THAT(message([](Json& json) { json["layers"][0] = 1; }), HasSubstr("entry 1"));
  EXPECT_THAT(message([](Json& json) { json["layers"][0]["busy_ms"] = Json::array(); }),
              HasSubstr("'c': busy_ms"));
  EXPECT_THAT(message([](Json& json) { json["layers"][0]["macs"] = "many"; }), HasSubstr("'c': macs"));
  EXPECT_THAT(message([](Json& json) { json["layers"][0]["wait_ms"] = {1.0}; }),
              HasSubstr("'c': wait_ms: expected 3 samples as of busy_ms, got 1"));
  EXPECT_THAT(message([](Json& json) { json["layers"][0]["outputs"] = "x"; }), HasSubstr("'c': outputs"));
  EXPECT_THAT(message([](Json& json) { json["whole_ms"] = Json::array({"x"}); }), HasSubstr("whole_ms"));
  EXPECT_THAT(message([](Json& json) { json = 1; }), HasSubstr("expected an object"));
}

TEST(MeasureLayers, KeepsASampleOfEveryLayerAndRun) {
  BuildOptions options;
  options.max_batch = 2;
  options.threads = 1;
  const Engine engine = Engine::build(Network::zoo("octet-20"), options);
  int calls = 0;
  LayerMeasurement measurement;
  measurement.iterations = 3;
  measurement.on_progress = [&](double) { ++calls; };
  const LayerRecord record = measure_layers(engine, measurement);
  EXPECT_EQ(record.network, "octet-20");
  EXPECT_EQ(record.batch, 2);
  EXPECT_EQ(record.layers.size(), engine.steps().size());
  for (const LayerSamples& samples : record.layers) {
    EXPECT_EQ(samples.busy_ms.size(), 3u) << samples.layer;
    EXPECT_EQ(samples.wait_ms.size(), 3u) << samples.layer;
    EXPECT_EQ(samples.kernel_macs > 0, samples.macs > 0) << samples.layer;
    EXPECT_GT(samples.outputs, 0) << samples.layer;
  }
  EXPECT_TRUE(record.layers.front().reads_caller);
  EXPECT_TRUE(record.layers.back().writes_caller);
  EXPECT_EQ(record.whole_ms.size(), 3u);
  EXPECT_EQ(record.untimed_ms.size(), 3u);
  EXPECT_EQ(calls, 3);
  EXPECT_GT(record.peak.fp32_gflops, 0);
  const LayerProfile profile = derive_layer_profile(layer_record_from(to_json(record)));
  EXPECT_NEAR(sum_but_last(profile.waterfall), profile.whole_ms, 1e-9 * profile.waterfall[0].ms);
}

TEST(MeasureLayers, RefusesSettingsThatMakeNoSense) {
  BuildOptions options;
  options.threads = 1;
  const Engine engine = Engine::build(Network::zoo("octet-20"), options);
  LayerMeasurement measurement;
  measurement.iterations = 0;
  EXPECT_THROW(measure_layers(engine, measurement), Error);
  measurement.iterations = 1;
  measurement.most_seconds = -1;
  EXPECT_THROW(measure_layers(engine, measurement), Error);
}

}  // namespace
}  // namespace octet::lab
