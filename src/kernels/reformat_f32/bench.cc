// Layout conversions on one thread, and the share of this machine's peak.
#include <benchmark/benchmark.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"

namespace octet::kernels {
namespace {

void reformat(benchmark::State& state, const FeatureMap& from, const FeatureMap& to, std::int64_t offset) {
  test::LaidOut input(from, 1, std::vector<float>(static_cast<std::size_t>(from.elements()), 1.0f));
  test::LaidOut output(to, 1);
  test::KernelRunner runner(reformat_f32_generic(ReformatDesc{from, to, offset}));
  for (auto _ : state) runner.run({&input}, output, 1);
  test::report(state, {from.bytes(), from.bytes()});
}

const FeatureMap kPlain = {64, 56, 56, Layout::kNchw}, kBlocked = {64, 56, 56, Layout::kNchw16c};
const FeatureMap kPicture = {3, 227, 227, Layout::kNchw}, kBlockedPicture = {3, 227, 227, Layout::kNchw16c};
const FeatureMap kWhole = {128, 56, 56, Layout::kNchw16c};

void nchw_to_blocked(benchmark::State& state) { reformat(state, kPlain, kBlocked, 0); }
void blocked_to_nchw(benchmark::State& state) { reformat(state, kBlocked, kPlain, 0); }
void picture_to_blocked(benchmark::State& state) { reformat(state, kPicture, kBlockedPicture, 0); }
void into_concatenation_by_blocks(benchmark::State& state) { reformat(state, kBlocked, kWhole, 32); }
void into_concatenation_by_lanes(benchmark::State& state) { reformat(state, kBlocked, kWhole, 29); }
BENCHMARK(nchw_to_blocked);
BENCHMARK(blocked_to_nchw);
BENCHMARK(picture_to_blocked);
BENCHMARK(into_concatenation_by_blocks);
BENCHMARK(into_concatenation_by_lanes);

}  // namespace
}  // namespace octet::kernels
