// Whole networks in integers by a GPU's kernels: the bytes that every instruction set of a CPU gives. On a
// model of a GPU, which runs on this CPU, and on this machine's GPU if it has one.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "cuda/model/entries.h"
#include "tests/support/golden_networks.h"
#include "tests/support/plans.h"

namespace octet {
namespace {

constexpr int kPascal = 61, kAmpere = 80;

plan::Plan plan_for(const Network& network, const Calibration& calibration, int sm, int batch) {
  plan::PlanOptions options;
  options.max_batch = batch;
  options.threads = 1;
  options.entries = cuda::model::all_kernels_on_model();
  options.sm = sm;
  options.isas = {Isa::kGeneric};
  options.whole_batch = true;
  options.precision = Precision::kInt8;
  options.calibration = &calibration;
  return test::build_plan(network, options);
}

struct Case {
  const char* network;
  int sm;
};

class CudaNetworks : public testing::TestWithParam<Case> {};

TEST_P(CudaNetworks, GiveTheCommittedBytes) {
  const auto& [name, sm] = GetParam();
  const Network network = Network::zoo(name, 1);
  const auto calibration = test::golden_calibration(name);
  plan::Plan plan = plan_for(network, *calibration, sm, test::kGoldenImages);
  std::set<std::string> convolutions;
  for (const plan::Step& step : plan.steps)
    if (std::holds_alternative<kernels::ConvDesc>(step.desc)) convolutions.insert(step.entry->algorithm);
  EXPECT_EQ(convolutions, std::set<std::string>{sm >= 75 ? "tensor_cores" : "dp4a"});
  const auto count = static_cast<std::size_t>(network.inputs()[0].shape.elements_per_image());
  const std::vector<float> input =
      test::pictures(count * test::kGoldenImages, test::takes_bytes(*calibration));
  const auto outputs = test::run_plan(plan, test::kGoldenImages, input);
  EXPECT_EQ(hash_bytes(std::as_bytes(std::span(outputs[0]))),
            test::golden_hashes().at(name).get<std::string>());
}

// Residuals in octet-20, concatenations in SqueezeNet, LRN, groups and fully connected layers in AlexNet.
INSTANTIATE_TEST_SUITE_P(Zoo, CudaNetworks,
                         testing::Values(Case{"octet-20", kPascal}, Case{"octet-20", kAmpere},
                                         Case{"squeezenet-1.0", kPascal}, Case{"alexnet", kAmpere}),
                         [](const auto& instance) {
                           std::string name = instance.param.network;
                           std::erase_if(name, [](char c) { return c == '-' || c == '.'; });
                           return name + "_sm" + std::to_string(instance.param.sm);
                         });

class NetworksOnTheGpu : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const CudaDevices found = describe_cuda_devices();
    if (!found.reason.empty()) GTEST_SKIP() << "no GPU to run on: " << found.reason;
  }
};

TEST_P(NetworksOnTheGpu, GiveTheCommittedBytes) {
  const auto calibration = test::golden_calibration(GetParam());
  const Network network = Network::zoo(GetParam(), 1);
  const auto expected = test::golden_hashes().at(GetParam()).get<std::string>();
  for (const int batch : {1, 2, 3}) {
    BuildOptions options;
    options.device = {Device::Kind::kCuda, 0};
    EXPECT_EQ(test::output_hash(network, calibration, options, batch, test::kGoldenImages), expected)
        << "batch " << batch;
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, NetworksOnTheGpu,
                         testing::Values("octet-20", "squeezenet-1.0", "alexnet", "googlenet", "resnet-50",
                                         "resnet-101", "resnet-152", "vgg-16", "vgg-19"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::erase_if(name, [](char c) { return c == '-' || c == '.'; });
                           return name;
                         });

}  // namespace
}  // namespace octet
