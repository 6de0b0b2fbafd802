// Pooling of the study's networks on one thread, and the share of this machine's peak.
#include <benchmark/benchmark.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"

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
    {"average_5x5_s3", 512, 14, 4, 5, 3, 0, PoolKind::kAverage},
};

PoolDesc describe(const Layer& layer) {
  PoolDesc d;
  d.input = {layer.channels, layer.in, layer.in};
  d.output = {layer.channels, layer.out, layer.out};
  d.window = {layer.kernel, layer.kernel, layer.stride, layer.stride,
              layer.pad,    layer.pad,    layer.pad,    layer.pad};
  d.kind = layer.kind;
  return d;
}

void run_layer(benchmark::State& state, const Layer& layer, const test::Variant& variant) {
  const PoolDesc d = describe(layer);
  test::LaidOut input(d.input, 1, std::vector<float>(static_cast<std::size_t>(d.input.elements()), 1.0f));
  test::LaidOut output(d.output, 1);
  test::KernelRunner runner(variant.create(d));
  runner.poison_scratch = false;
  for (auto _ : state) runner.run({&input}, output, 1);
  test::report(state, {d.input.bytes(), d.output.bytes()});
}

const bool registered = test::register_layers(kLayers,
                                              test::usable({
                                                  {Isa::kGeneric, pool_f32_generic_cost, pool_f32_generic},
#ifdef OCTET_X86
                                                  {Isa::kAvx2, pool_f32_avx2_cost, pool_f32_avx2},
                                                  {Isa::kAvx512, pool_f32_avx512_cost, pool_f32_avx512},
#endif
                                              }),
                                              run_layer);

}  // namespace
}  // namespace octet::kernels
