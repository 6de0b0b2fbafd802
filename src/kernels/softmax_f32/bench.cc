// Softmax of a thousand classes and of a segmentation map on one thread, and the share of this machine's
// peak.
#include <benchmark/benchmark.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"

namespace octet::kernels {
namespace {

void softmax(benchmark::State& state) {
  const FeatureMap map = {state.range(0), state.range(1), state.range(1)};
  test::LaidOut input(map, 1, test::random_floats(static_cast<std::size_t>(map.channels * map.pixels()), 1));
  test::LaidOut output(map, 1);
  test::KernelRunner runner(softmax_f32_generic(SoftmaxDesc{map}));
  runner.poison_scratch = false;
  for (auto _ : state) runner.run({&input}, output, 1);
  test::report(state, {map.bytes(), map.bytes()});
}
BENCHMARK(softmax)->ArgNames({"channels", "size"})->Args({1000, 1})->Args({21, 128});

}  // namespace
}  // namespace octet::kernels
