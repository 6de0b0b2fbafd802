// What the benches of kernel families share: one benchmark a layer and variant, and the memory's own speed
// beside them.
#pragma once

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "base/aligned_buffer.h"
#include "tests/support/kernel_runner.h"

namespace octet::test {

/// Registers "layer/isa" for every layer (which has a `name`) and variant, and "layer/copy" where `copy` is
/// given: run(state, layer, variant), copy(state, layer). Returns true, to initialise a constant with.
template <class Layers, class Run>
bool register_layers(const Layers& layers, const std::vector<Variant>& variants, Run run,
                     void (*copy)(benchmark::State&,
                                  const std::remove_reference_t<decltype(layers[0])>&) = nullptr) {
  for (const auto& layer : layers) {
    for (const Variant& v : variants)
      benchmark::RegisterBenchmark((std::string(layer.name) + "/" + to_string(v.isa)).c_str(),
                                   [&layer, v, run](benchmark::State& s) { run(s, layer, v); });
    if (copy != nullptr)
      benchmark::RegisterBenchmark((std::string(layer.name) + "/copy").c_str(),
                                   [&layer, copy](benchmark::State& s) { copy(s, layer); });
  }
  return true;
}

/// Copies `bytes` bytes; counts them as read and as written.
inline void copy_bytes(benchmark::State& state, std::int64_t bytes) {
  base::AlignedBuffer from(static_cast<std::size_t>(bytes)), to(static_cast<std::size_t>(bytes));
  std::memset(from.data(), 1, from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), to.size());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 2 * bytes);
}

}  // namespace octet::test
