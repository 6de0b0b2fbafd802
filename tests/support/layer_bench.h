// What the benches of kernel families share: one benchmark a layer and variant, and how near a kernel comes
// to what the machine can do.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "octet/machine.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/stream.h"

namespace octet::test {

/// Registers "layer/isa" for every layer (which has a `name`) and variant: run(state, layer, variant).
/// Returns true, to initialise a constant with.
template <class Layers, class Run>
bool register_layers(const Layers& layers, const std::vector<Variant>& variants, Run run) {
  for (const auto& layer : layers) {
    for (const Variant& v : variants)
      benchmark::RegisterBenchmark((std::string(layer.name) + "/" + to_string(v.isa)).c_str(),
                                   [&layer, v, run](benchmark::State& s) { run(s, layer, v); });
  }
  return true;
}

/// What one run of a kernel cannot do without.
struct Work {
  std::int64_t read = 0, written = 0;  ///< bytes, each counted once
  double operations = 0;               ///< two a multiply-add; 0 where bytes are all that counts
  double peak_gops = 0;                ///< of such operations, of one thread
};

/// Sets the bytes a second and of_peak: the shortest time in which one thread of this machine could do the
/// work -- its operations at their peak, or streaming its bytes (stream.h), whichever is longer -- over the
/// time that it takes. The label says which.
inline void report(benchmark::State& state, const Work& work) {
  const double streamed = Stream(work.read, work.written).seconds();
  const double computed = work.operations > 0 ? work.operations * 1e-9 / work.peak_gops : 0;
  state.SetBytesProcessed(state.iterations() * (work.read + work.written));
  state.counters["of_peak"] =
      benchmark::Counter(std::max(streamed, computed), benchmark::Counter::kIsIterationInvariantRate);
  state.SetLabel(computed > streamed ? "of compute" : "of bandwidth");
}

/// Operations a second of one thread on such elements, at their instruction set's peak: of dot products two
/// elements of 16 bits take the place of four bytes, except where bytes are widened to 16 bits before.
inline double peak_gops(DataType type, Isa isa) {
  const MachinePeaks peaks = measure_peaks(1, isa);
  if (type == DataType::kFloat32) return peaks.fp32_gflops;
  if (type == DataType::kUInt8) return peaks.int8_gops;
  if (type == DataType::kInt16) return isa >= Isa::kAvx512Vnni ? peaks.int8_gops / 2 : peaks.int8_gops;
  return peaks.bf16_gflops > 0 ? peaks.bf16_gflops : peaks.fp32_gflops;  // BF16
}

}  // namespace octet::test
