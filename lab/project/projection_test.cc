// How near the model comes to the published figures (../shared/facts/study.md). Its parameters are fitted to
// AlexNet on the Tesla P40 only; all the rest is predicted, and the errors are printed.
#include "lab/project/projection.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "lab/project/fit.h"
#include "lab/support/json.h"
#include "octet/error.h"
#include "tests/support/message_of.h"

namespace octet::lab {
namespace {

using test::message_of;
using testing::HasSubstr;

const std::vector<LayerWork>& work_of(const std::string& network) {
  static std::map<std::string, std::vector<LayerWork>> cache;
  std::vector<LayerWork>& work = cache[network];
  if (work.empty()) work = layer_work(Network::zoo(network));
  return work;
}

/// Tesla P40, TensorRT 2.0 EA, March 2017: what the parameters are fitted to.
const std::vector<PublishedRate> kAlexnet{{Precision::kInt8, 1, 791},      {Precision::kInt8, 32, 11464},
                                          {Precision::kInt8, 64, 14438},   {Precision::kInt8, 128, 16292},
                                          {Precision::kInt8, 256, 17101},  {Precision::kInt8, 512, 17502},
                                          {Precision::kInt8, 1024, 17768}, {Precision::kInt8, 2048, 17951},
                                          {Precision::kInt8, 4096, 18011}, {Precision::kFloat32, 128, 5198}};
const std::vector<PublishedScaling> kAlexnetScaling{{2, 32386.0 / 16270}, {4, 64691.0 / 16270}};

/// The same source: what is predicted.
const std::vector<PublishedRate> kGooglenet{
    {Precision::kInt8, 1, 594},     {Precision::kInt8, 32, 5417},   {Precision::kInt8, 64, 6059},
    {Precision::kInt8, 128, 6410},  {Precision::kInt8, 256, 6630},  {Precision::kInt8, 512, 6763},
    {Precision::kInt8, 1024, 6822}, {Precision::kInt8, 2048, 6842}, {Precision::kFloat32, 128, 2215}};
const std::vector<PublishedScaling> kGooglenetScaling{{2, 12808.0 / 6406}, {4, 25592.0 / 6406}};

ProjectedRow row(const std::string& network, const std::string& device, int batch, int devices = 1,
                 Precision precision = Precision::kInt8) {
  return project_row(work_of(network), find_device(device), batch, devices, precision);
}

/// Percent by which projections are off; prints the table.
std::vector<double> errors(const std::string& network, const std::string& device,
                           const std::vector<PublishedRate>& published) {
  fmt::print("{} on {}, images/s\n  precision  batch  published  projected    error\n", network, device);
  std::vector<double> result;
  for (const PublishedRate& at : published) {
    const double projected = row(network, device, at.batch, 1, at.precision).images_per_second;
    result.push_back(100 * (projected / at.images_per_second - 1));
    fmt::print("  {:9}  {:5}  {:9.0f}  {:9.0f}  {:+5.1f} %\n", to_string(at.precision), at.batch,
               at.images_per_second, projected, result.back());
  }
  return result;
}

TEST(FitTest, TheCommittedParametersAreWhatTheFitToAlexnetGives) {
  const DeviceModel committed = find_device("tesla-p40");
  const DeviceModel fitted = fit(committed, work_of("alexnet"), kAlexnet);
  fmt::print(
      "efficiency fp32 {:.4f} int8 {:.4f}, bandwidth share {:.4f}, call {:.1f} us, device cost {:.5f}\n",
      fitted.find(Precision::kFloat32)->efficiency, fitted.find(Precision::kInt8)->efficiency,
      fitted.bandwidth_share, fitted.call_us, fit_device_cost(kAlexnetScaling));
  for (const Precision precision : {Precision::kFloat32, Precision::kInt8})
    EXPECT_NEAR(committed.find(precision)->efficiency, fitted.find(precision)->efficiency, 5e-4);
  EXPECT_NEAR(committed.bandwidth_share, fitted.bandwidth_share, 5e-4);
  EXPECT_NEAR(committed.call_us, fitted.call_us, 0.5);
  EXPECT_NEAR(committed.device_cost, fit_device_cost(kAlexnetScaling), 5e-5);
}

TEST(FitTest, FindsTheParametersThatMadeTheRates) {
  DeviceModel device = find_device("tesla-p4");
  std::vector<PublishedRate> made;
  for (const int batch : {1, 8, 32, 128, 512})
    for (const Precision precision : {Precision::kInt8, Precision::kFloat32})
      made.push_back({precision, batch, row("alexnet", "tesla-p4", batch, 1, precision).images_per_second});
  for (PrecisionModel& precision : device.precisions) precision.efficiency = 0.1;
  const DeviceModel fitted = fit(device, work_of("alexnet"), made);
  const DeviceModel& truth = find_device("tesla-p4");
  EXPECT_NEAR(fitted.call_us, truth.call_us, 0.01 * truth.call_us);
  EXPECT_NEAR(fitted.bandwidth_share, truth.bandwidth_share, 0.01);
  EXPECT_NEAR(fitted.find(Precision::kInt8)->efficiency, truth.find(Precision::kInt8)->efficiency, 0.01);
}

TEST(FitTest, NeedsAsManyRatesAsParameters) {
  EXPECT_THAT(message_of([] {
                fit(find_device("tesla-p40"), work_of("alexnet"), {{Precision::kInt8, 1, 100}});
              }),
              HasSubstr("a fit of 3 parameters: expected at least as many published rates, got 1"));
  EXPECT_EQ(fit_device_cost({}), 0);
  EXPECT_DOUBLE_EQ(fit_device_cost({{2, 1.8}, {4, 2.8}}), 0.1);
}

TEST(ProjectionTest, AlexnetOnTheP40IsWithinTwoPercentOfWhatItWasFittedTo) {
  for (const double error : errors("alexnet", "tesla-p40", kAlexnet)) EXPECT_LT(std::abs(error), 2.0);
}

TEST(ProjectionTest, GooglenetOnTheP40IsPredictedWithinTenPercentFromBatch32On) {
  const std::vector<double> off = errors("googlenet", "tesla-p40", kGooglenet);
  for (std::size_t i = 0; i < off.size(); ++i) {
    const PublishedRate& at = kGooglenet[i];
    if (at.precision == Precision::kInt8)
      EXPECT_LT(std::abs(off[i]), at.batch >= 32 ? 10 : 25) << "batch " << at.batch;
    else
      EXPECT_LT(std::abs(off[i]), 15) << "fp32";
  }
}

TEST(ProjectionTest, SeveralDevicesAreWithinOnePercent) {
  for (const auto& [network, published] :
       {std::pair{"alexnet", kAlexnetScaling}, {"googlenet", kGooglenetScaling}})
    for (const PublishedScaling& scaling : published) {
      const double projected = row(network, "tesla-p40", 128, scaling.devices).images_per_second /
                               row(network, "tesla-p40", 128).images_per_second;
      fmt::print("{} on {} devices: published {:.3f}, projected {:.3f}\n", network, scaling.devices,
                 scaling.relative, projected);
      EXPECT_NEAR(projected / scaling.relative, 1, 0.01);
    }
}

TEST(ProjectionTest, TheP4ToTheP40IsWithinFivePercentOfPublished) {
  for (const char* network : {"alexnet", "googlenet"}) {
    const double ratio =
        row(network, "tesla-p4", 128).images_per_second / row(network, "tesla-p40", 128).images_per_second;
    fmt::print("{}: P4 / P40 published 0.52, projected {:.3f}\n", network, ratio);
    EXPECT_NEAR(ratio / 0.52, 1, 0.05);
  }
}

TEST(ProjectionTest, WhatFittedAndWhatDidNotIsTold) {
  struct Case {
    const char *network, *device;
    int batch;
    bool fits;
  };
  for (const Case& c :
       {Case{"alexnet", "tesla-p4", 1024, true}, Case{"alexnet", "tesla-p4", 2048, false},
        Case{"alexnet", "tesla-p4", 4096, false}, Case{"alexnet", "tesla-p40", 4096, true},
        Case{"googlenet", "tesla-p40", 2048, true}, Case{"googlenet", "tesla-p40", 4096, false}}) {
    const ProjectedRow projected = row(c.network, c.device, c.batch);
    EXPECT_EQ(projected.fits, c.fits)
        << c.network << " on " << c.device << " at " << c.batch << ": " << projected.needed_bytes;
    EXPECT_EQ(projected.images_per_second > 0, c.fits);
  }
}

/// NVIDIA GTC 2017 S7310: another board, TensorRT 2.1 instead of 2.0, other networks. Printed for what it is
/// worth, with a bound that only says that the model is no nonsense there.
TEST(ProjectionTest, TheTitanXIsPredictedWithinAFactorOfTwoFromBatch32On) {
  struct Published {
    const char* network;
    double int8[2], fp32[2];  // batches 32 and 128
  };
  for (const Published& published : {Published{"resnet-50", {3567, 3787}, {1126, 1156}},
                                     {"resnet-152", {1335, 1437}, {415, 436}},
                                     {"vgg-16", {1131, 1178}, {416, 426}},
                                     {"vgg-19", {916, 946}, {336, 339}},
                                     {"googlenet", {6545, 7282}, {2300, 2499}},
                                     {"alexnet", {13899, 18714}, {4758, 5882}}})
    for (const double error : errors(published.network, "titan-x-pascal",
                                     {{Precision::kInt8, 32, published.int8[0]},
                                      {Precision::kInt8, 128, published.int8[1]},
                                      {Precision::kFloat32, 32, published.fp32[0]},
                                      {Precision::kFloat32, 128, published.fp32[1]}})) {
      EXPECT_GT(error, -50) << published.network;
      EXPECT_LT(error, 100) << published.network;
    }
}

/// As `errors`, from the plan of Octet's kernels, of INT8.
std::vector<double> kernel_errors(const std::string& network, const std::string& device,
                                  const std::vector<PublishedRate>& published) {
  const Network net = Network::zoo(network);
  const DeviceModel model = find_device(device);
  fmt::print("{} on {} by Octet's kernels, images/s\n  batch  published  projected    error\n", network,
             device);
  std::vector<double> result;
  for (const PublishedRate& at : published) {
    if (at.precision != Precision::kInt8) continue;
    const double projected =
        project_row(kernel_work(net, model, at.batch), work_of(network), model, at.batch, 1, Precision::kInt8)
            .images_per_second;
    result.push_back(100 * (projected / at.images_per_second - 1));
    fmt::print("  {:5}  {:9.0f}  {:9.0f}  {:+5.1f} %\n", at.batch, at.images_per_second, projected,
               result.back());
  }
  return result;
}

/// Nothing is fitted, so the bounds only say that a roofline of the kernels is neither below what another
/// library reached by a lot, nor beyond all reason; docs/projection.md has the figures.
TEST(KernelProjectionTest, OfTheP40IsPrintedAgainstWhatWasPublished) {
  for (const auto& [network, published] : {std::pair{"alexnet", kAlexnet}, {"googlenet", kGooglenet}})
    for (const double error : kernel_errors(network, "tesla-p40", published)) {
      EXPECT_GT(error, -50) << network;
      EXPECT_LT(error, 400) << network;
    }
}

TEST(KernelProjectionTest, WorkIsAtLeastTheLayersAndMatchesTheirKernels) {
  const Network network = Network::zoo("googlenet");
  const std::vector<StepInfo> steps = kernel_work(network, find_device("tesla-p40"), 32);
  std::int64_t macs = 0;
  for (const StepInfo& step : steps) {
    ASSERT_TRUE(step.device_work) << step.layer;
    EXPECT_GE(step.device_work->macs, 32 * step.macs) << step.layer;
    EXPECT_GE(step.device_work->launches, 1) << step.layer;
    EXPECT_GT(step.device_work->activation_bytes, 0) << step.layer;
    if (step.macs > 0) {
      EXPECT_EQ(step.device_work->unit, DeviceWork::Unit::kDotProducts) << step.kernel;
    }
    macs += step.macs;
  }
  std::int64_t expected = 0;
  for (const LayerWork& layer : work_of("googlenet")) expected += layer.macs;
  EXPECT_EQ(macs, expected);
}

TEST(KernelProjectionTest, AStepIsTheLongerOfComputeAndMemoryAndItsLaunches) {
  DeviceModel device = find_device("tesla-p40");
  StepInfo step;
  DeviceWork work;
  work.unit = DeviceWork::Unit::kDotProducts;
  work.macs = static_cast<std::int64_t>(device.peak(*device.find(Precision::kInt8)) / 1000);
  work.rounds_filled = 0.5;
  work.activation_bytes = 100'000'000, work.weight_bytes = 200'000'000, work.sum_bytes = 46'000'000;
  work.launches = 1, work.clears = 1;
  step.device_work = work;
  const StepSeconds seconds = step_seconds(step, device, *device.find(Precision::kInt8));
  EXPECT_NEAR(seconds.compute, 2e-3, 1e-9);
  EXPECT_NEAR(seconds.memory, 1e-3, 1e-9);
  EXPECT_NEAR(seconds.launch, 10e-6, 1e-12);
  EXPECT_NEAR(seconds.total(), 2.01e-3, 1e-9);
  step.device_work->unit = DeviceWork::Unit::kLanes;  // a quarter of the products a clock
  EXPECT_NEAR(step_seconds(step, device, *device.find(Precision::kInt8)).compute, 8e-3, 1e-9);
}

TEST(KernelProjectionTest, IsForBytesOnDevicesThatHaveTheKernels) {
  DeviceModel device = find_device("tesla-p4");
  EXPECT_TRUE(has_kernels(device, Precision::kInt8));
  EXPECT_FALSE(has_kernels(device, Precision::kFloat32));
  device.compute_capability = 60;
  EXPECT_FALSE(has_kernels(device, Precision::kInt8));
  EXPECT_THAT(message_of([&] { kernel_work(Network::zoo("octet-20"), device, 1); }),
              HasSubstr("compute capability: expected 61 or more, got 60"));
  device.compute_capability = 0;
  const Network network = Network::zoo("octet-20");
  EXPECT_EQ(project(network, device, {1}, {1}, Precision::kInt8).at("model"), "layers");
  // A device with tensor cores takes their kernels.
  device.compute_capability = 75;
  const Json json = project(network, device, {8}, {1}, Precision::kInt8, true);
  EXPECT_EQ(json.at("model"), "kernels");
  EXPECT_THAT(json.dump(), HasSubstr("tensor_cores"));
  double ms = 0;
  for (const Json& layer : json.at("rows")[0].at("layers")) ms += layer.at("ms").get<double>();
  EXPECT_NEAR(ms, json.at("rows")[0].at("latency_ms").get<double>(), 1e-9);
}

TEST(ProjectionTest, ALargerBatchNeverCostsThroughputOrSavesMemory) {
  ProjectedRow before = row("googlenet", "tesla-p40", 1);
  for (int batch = 2; batch <= 2048; batch *= 2) {
    const ProjectedRow now = row("googlenet", "tesla-p40", batch);
    EXPECT_GT(now.images_per_second, before.images_per_second) << batch;
    EXPECT_GT(now.needed_bytes, before.needed_bytes) << batch;
    EXPECT_GT(now.latency_ms, before.latency_ms) << batch;
    before = now;
  }
}

TEST(ProjectionTest, WhatMakesNoSenseIsRefused) {
  EXPECT_THAT(message_of([] { row("alexnet", "tesla-p40", 0); }),
              HasSubstr("batch: expected 1 to 1048576, got 0"));
  EXPECT_THAT(message_of([] { row("alexnet", "tesla-p40", 1, 5); }),
              HasSubstr("devices: expected 1 to 4, got 5"));
  EXPECT_THAT(message_of([] { row("alexnet", "tesla-p40", 1, 1, Precision::kBFloat16); }),
              HasSubstr("tesla-p40: its description has no precision bf16"));
}

TEST(ProjectionTest, TheDocumentSaysThatItIsProjected) {
  const Json json =
      project(Network::zoo("alexnet"), find_device("tesla-p4"), {1, 2048}, {1, 2}, Precision::kInt8);
  EXPECT_EQ(json.at("projected"), true);
  EXPECT_EQ(json.at("network"), "alexnet");
  EXPECT_EQ(json.at("precision"), "int8");
  EXPECT_EQ(json.at("target"), "tesla-p4");
  ASSERT_EQ(json.at("rows").size(), 4u);
  EXPECT_EQ(json.at("rows")[0].at("fits"), true);
  EXPECT_GT(json.at("rows")[0].at("images_per_second"), 0);
  EXPECT_EQ(json.at("rows")[1].at("fits"), false);
  EXPECT_FALSE(json.at("rows")[1].contains("images_per_second"));
  EXPECT_EQ(json.at("rows")[2].at("devices"), 2);
}

}  // namespace
}  // namespace octet::lab
