// Bench helper: one thread's rate at a convolution of integers or BF16, beside the peak.
#pragma once

#include <benchmark/benchmark.h>

#include <random>
#include <span>
#include <vector>

#include "kernels/bfloat16.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/test_convolution.h"
#include "tests/support/layer_bench.h"

namespace octet::kernels::conv_dot {

/// Half of the inputs are zero, as a ReLU leaves them.
inline Problem half_zero_problem(const ConvDesc& desc, int images, Values values) {
  Problem problem(desc, images, 1, values);
  std::mt19937 engine(1);
  std::uniform_int_distribution<int> any(0, 255), coin(0, 1);
  const bool bf16 = desc.input.type == DataType::kBFloat16;
  problem.input.fill([&](int, std::int64_t, std::int64_t) {
    const int value = coin(engine) * any(engine);
    return bf16 ? int{to_bfloat16(static_cast<float>(value) / 256)} : value;
  });
  return problem;
}

/// GOPS of the layer as it is defined, and their share of the peak.
inline void report(benchmark::State& state, const ConvDesc& desc, int images, double peak_gops) {
  const double gigaops = 2 * macs(desc) * images * 1e-9 * static_cast<double>(state.iterations());
  state.counters["GOPS"] = benchmark::Counter(gigaops, benchmark::Counter::kIsRate);
  state.counters["of_peak"] = benchmark::Counter(gigaops / peak_gops, benchmark::Counter::kIsRate);
}

/// The peak is the instruction set's for the input's type, measured just before.
inline void run_convolution(benchmark::State& state, Problem problem, Isa isa, Create create) {
  const ConvDesc& desc = problem.desc;
  const auto kernel = create(desc);
  base::AlignedBuffer packed(kernel->packed_bytes());
  base::AlignedBuffer scratch(kernel->scratch_bytes(problem.images) + base::kCacheLine);
  const bool bf16 = desc.input.type == DataType::kBFloat16;
  if (bf16) {
    const std::vector<std::span<const float>> weights = {problem.real_weights, problem.real_bias};
    kernel->pack(weights, {packed.data(), packed.size()});
  } else {
    kernel->pack_integer(problem.integer_weights(), {packed.data(), packed.size()});
  }
  test::NhwcTensor output(desc.output, problem.images);
  const Operand inputs[] = {problem.input.operand(), desc.residual ? problem.residual->operand() : Operand{}};
  Call call;
  call.images = problem.images;
  call.inputs = inputs;
  call.output = output.operand();
  call.weights = packed.data();
  call.scratch = scratch.data();
  const double peak = test::peak_gops(desc.input.type, isa);
  for (auto _ : state) kernel->run(call);
  report(state, desc, problem.images, peak);
}

}  // namespace octet::kernels::conv_dot
