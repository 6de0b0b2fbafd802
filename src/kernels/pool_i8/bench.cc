// Pooling of the study's networks in bytes on one thread, and the share of this machine's peak.
#include <benchmark/benchmark.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

struct Layer {
  const char* name;
  std::int64_t channels, in, out, kernel, stride, pad;
  PoolKind kind;
};
const Layer kLayers[] = {
    {"alexnet_pool1_max_3x3_s2", 96, 55, 27, 3, 2, 0, PoolKind::kMax},
    {"resnet_pool1_max_3x3_s2", 64, 112, 56, 3, 2, 0, PoolKind::kMax},
    {"vgg_pool1_max_2x2_s2", 64, 224, 112, 2, 2, 0, PoolKind::kMax},
    {"googlenet_3a_max_3x3_s1", 192, 28, 28, 3, 1, 1, PoolKind::kMax},
    {"resnet_pool5_average_7x7", 2048, 7, 1, 7, 1, 0, PoolKind::kAverage},
    {"average_3x3_s1", 256, 28, 28, 3, 1, 1, PoolKind::kAverage},
};

PoolDesc describe(const Layer& layer) {
  PoolDesc d;
  d.input = {layer.channels, layer.in, layer.in, Layout::kNhwc, DataType::kUInt8, {0.02f, 0}};
  d.output = d.input;
  d.output.height = d.output.width = layer.out;
  d.window = {layer.kernel, layer.kernel, layer.stride, layer.stride,
              layer.pad,    layer.pad,    layer.pad,    layer.pad};
  d.kind = layer.kind;
  return d;
}

void run_layer(benchmark::State& state, const Layer& layer, const test::Variant& variant) {
  const PoolDesc d = describe(layer);
  test::NhwcTensor input(d.input, 1), output(d.output, 1);
  input.fill_random(1);
  test::KernelRunner runner(variant.create(d));
  runner.poison_scratch = false;
  const Operand in = input.operand();
  for (auto _ : state) runner.run(std::span(&in, 1), output.operand(), 1);
  test::report(state, {d.input.bytes(), d.output.bytes()});
}

const bool registered = test::register_layers(kLayers,
                                              test::usable({
                                                  {Isa::kGeneric, pool_i8_generic_cost, pool_i8_generic},
#ifdef OCTET_X86
                                                  {Isa::kAvx2, pool_i8_avx2_cost, pool_i8_avx2},
                                                  {Isa::kAvx512, pool_i8_avx512_cost, pool_i8_avx512},
#endif
                                              }),
                                              run_layer);

}  // namespace
}  // namespace octet::kernels
