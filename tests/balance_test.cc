// How the study's networks are shared out on machines that this one is not: 8 to 128 cores, with vector
// instructions and with AMX. Plans are made and the shares that every kernel would take are counted
// (plan/balance.h); nothing runs. Prints, for each network, how much of the threads' time is work if only
// multiply-accumulates took any.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "octet/calibration.h"
#include "optimize/optimizer.h"
#include "plan/balance.h"
#include "plan/batch_split.h"
#include "plan/plan.h"
#include "zoo/synthetic_weights.h"
#include "zoo/zoo.h"

namespace octet::plan {
namespace {

constexpr int kThreads[] = {8, 16, 32, 64, 128};
constexpr int kBatches[] = {1, 8, 16, 32, 100, 128};

struct Case {
  std::string network;
  Precision precision;
  Isa isa;
  std::string name() const { return fmt::format("{} {} {}", network, to_string(precision), to_string(isa)); }
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name(); }

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (const std::string& network : zoo::names()) {
    cases.push_back({network, Precision::kFloat32, Isa::kAvx512Vnni});
    cases.push_back({network, Precision::kInt8, Isa::kAvx512Vnni});
    cases.push_back({network, Precision::kInt8, Isa::kAmx});
  }
  return cases;
}

class SharedOut : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    graph_ = zoo::build(GetParam().network);
    zoo::fill_synthetic_weights(graph_, 1);
    optimize::optimize(graph_, {});
    if (GetParam().precision == Precision::kInt8)
      calibration_ = Calibration::load("tests/golden/int8/" + GetParam().network + ".json");
  }

  Plan plan(int batch, int threads) const {
    PlanOptions options;
    options.max_batch = batch;
    options.threads = threads;
    for (const Isa isa : kAllIsas)
      if (isa <= GetParam().isa) options.isas.push_back(isa);
    options.precision = GetParam().precision;
    options.calibration = &calibration_;
    options.cache_bytes = 1 << 20;
    return build_plan(graph_, options);
  }

  graph::Graph graph_;
  Calibration calibration_;
};

/// The least share of the threads' time that must be work: 10 % off the mean, up to so many threads an image
/// that the grain of the layers shows. Of one image on 64 threads, a layer of 7 x 7 pixels has few pixels of
/// few panels for each, Winograd fewer tiles still, a fully connected layer fewer panels than threads. Tiles
/// of AMX are 16 rows x 16 channels at once.
double least_work(const Case& c, int batch, int threads) {
  const int an_image = std::max(1, threads / batch);
  const bool amx = c.isa == Isa::kAmx;
  if (an_image <= (amx ? 16 : 32)) return 1 / 1.1;
  if (an_image <= 32) return 0.85;
  return an_image <= 64 ? (amx ? 0.7 : 0.85) : (amx ? 0.5 : 0.75);
}

// The whole way through the network: in every stretch between two barriers, the busiest thread against the
// mean.
TEST_P(SharedOut, KeepsThreadsAtWorkWithinATenthOfTheirMean) {
  fmt::print("{}: share of the threads' time at work, %\n  threads", GetParam().name());
  for (const int batch : kBatches) fmt::print("  batch {:<3}", batch);
  fmt::print("\n");
  for (const int threads : kThreads) {
    fmt::print("  {:<7}", threads);
    for (const int batch : kBatches) {
      const Balance balance = balance_of(plan(batch, threads), batch);
      fmt::print("  {:<9.1f}", 100 * balance.efficiency());
      const double least = least_work(GetParam(), batch, threads);
      EXPECT_GE(balance.efficiency(), least) << threads << " threads, batch " << batch;
      EXPECT_LE(balance.efficiency(), 1 + 1e-9);
      EXPECT_LE(balance.thread_imbalance(), 1 / least + 1e-9) << threads << " threads, batch " << batch;
    }
    fmt::print("\n");
  }
}

/// MACs of a layer that a thread must have for its share to be of ten grains: pixels of 16 to 64 channels;
/// tiles of 16 pixels of Winograd; of AMX, of 16 pixels and 32 channels.
double least_even_macs(const Step& step) {
  const std::string_view algorithm = step.entry->algorithm;
  return algorithm.starts_with("winograd") || algorithm == "tiles" ? 32e6 : 2e6;
}

// Layer by layer: within 10 %, if there is enough of it to share (2 M MACs take 9 us). Prints what is not.
TEST_P(SharedOut, SharesEachLayerWithinATenthWhereThereIsEnoughOfIt) {
  double worst = 1;
  std::string where;
  for (const int threads : kThreads) {
    for (const int batch : kBatches) {
      const Plan p = plan(batch, threads);
      const Balance balance = balance_of(p, batch);
      const int teams = split_batch(batch, threads).teams;
      for (std::size_t s = 0; s < p.steps.size(); ++s) {
        const Step& step = p.steps[s];
        if (step.macs > 0) {
          EXPECT_GT(*std::max_element(balance.macs[s].begin(), balance.macs[s].end()), 0)
              << step.entry->name() << " does not say its workers' MACs (Kernel::worker_macs)";
        }
        if (!balance.shared[s]) continue;
        const double imbalance = balance.imbalance(s);
        if (imbalance > worst) {
          worst = imbalance;
          where =
              fmt::format("{} ({}), batch {} on {} threads", step.layer, step.entry->name(), batch, threads);
        }
        const double of_thread = static_cast<double>(step.macs) * teams / threads;
        if (of_thread >= least_even_macs(step)) {
          EXPECT_LE(imbalance, 1.1) << step.layer << ", " << threads << " threads, batch " << batch;
        }
      }
    }
  }
  fmt::print("{}: least even layer {:.2f} times the mean: {}\n", GetParam().name(), worst, where);
}

// A thread's activations and scratch are those of its own images, however many threads there are.
TEST_P(SharedOut, NeedsNoMoreMemoryForManyThreadsThanForTheirImages) {
  const std::int64_t one = plan(1, 1).context_bytes();
  for (const int threads : kThreads) {
    for (const int batch : kBatches) {
      const Plan p = plan(batch, threads);
      EXPECT_EQ(p.chunk_arenas, std::min(batch, threads));
      EXPECT_LE(p.context_bytes() - p.scratch_bytes * threads, 2 * one * batch)
          << threads << " threads, batch " << batch;
      EXPECT_LE(p.scratch_bytes, 4 << 20);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, SharedOut, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<Case>& c) {
                           std::string name = c.param.name();
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char letter) { return letter == '-' || letter == '.' || letter == ' '; },
                               '_');
                           return name;
                         });

}  // namespace
}  // namespace octet::plan
