// Copies between FP32 and narrow maps on one thread, and the share of this machine's peak.
#include <benchmark/benchmark.h>

#include <cstring>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/layer_bench.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

struct Copy {
  const char* name;
  FeatureMap from, to;
  std::int64_t offset = 0;
  bool pixels = false;
};
FeatureMap real(std::int64_t channels, std::int64_t size, Layout layout) {
  return {channels, size, size, layout};
}
FeatureMap narrow(std::int64_t channels, std::int64_t size, DataType type, float scale = 0.02f,
                  std::int64_t pixel_stride = 0) {
  return {channels, size, size, Layout::kNhwc, type, {scale, 0, 30000}, pixel_stride};
}
const Copy kCopies[] = {
    {"picture_less_mean_to_bytes", real(3, 224, Layout::kNchw), narrow(3, 224, DataType::kUInt8, 1, 4), 0,
     true},
    {"picture_to_quantised_bytes", real(3, 224, Layout::kNchw), narrow(3, 224, DataType::kUInt8, 0.5f, 4)},
    {"picture_to_bf16", real(3, 224, Layout::kNchw), narrow(3, 224, DataType::kBFloat16, 1, 4)},
    {"picture_bytes_3_to_4", narrow(3, 224, DataType::kUInt8, 1, 3), narrow(3, 224, DataType::kUInt8, 1, 4),
     0, true},
    {"blocked_to_u8", real(256, 28, Layout::kNchw16c), narrow(256, 28, DataType::kUInt8)},
    {"blocked_to_s16", real(256, 28, Layout::kNchw16c), narrow(256, 28, DataType::kInt16)},
    {"blocked_to_bf16", real(256, 28, Layout::kNchw16c), narrow(256, 28, DataType::kBFloat16)},
    {"planar_to_u8", real(256, 28, Layout::kNchw), narrow(256, 28, DataType::kUInt8)},
    {"u8_to_blocked", narrow(256, 28, DataType::kUInt8), real(256, 28, Layout::kNchw16c)},
    {"bf16_to_blocked", narrow(256, 28, DataType::kBFloat16), real(256, 28, Layout::kNchw16c)},
    {"u8_to_planar", narrow(256, 28, DataType::kUInt8), real(256, 28, Layout::kNchw)},
    {"u8_requantised", narrow(256, 28, DataType::kUInt8), narrow(256, 28, DataType::kUInt8, 0.03f)},
    {"u8_into_concatenation", narrow(64, 28, DataType::kUInt8), narrow(256, 28, DataType::kUInt8), 72},
};

void run_copy(benchmark::State& state, const Copy& copy, const test::Variant& variant) {
  base::AlignedBuffer input(static_cast<std::size_t>(copy.from.bytes()) + 64);
  base::AlignedBuffer output(static_cast<std::size_t>(copy.to.bytes()) + 64);
  std::memset(input.data(), 0, input.size());
  const std::vector<std::vector<float>> mean = {{104, 117, 123}};
  test::KernelRunner runner(variant.create(ReformatDesc{copy.from, copy.to, copy.offset, copy.pixels}), mean);
  const Operand in{input.data(), copy.from.elements()}, out{output.data(), copy.to.elements()};
  for (auto _ : state) runner.run(std::span(&in, 1), out, 1);
  const auto written =
      copy.from.channels * copy.from.pixels() * static_cast<std::int64_t>(size_of(copy.to.type));
  test::report(state, {copy.from.bytes(), written});
}

const bool registered = [] {
  const auto variants = test::usable({
      {Isa::kGeneric, reformat_i8_generic_cost, reformat_i8_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, reformat_i8_avx2_cost, reformat_i8_avx2},
      {Isa::kAvx512, reformat_i8_avx512_cost, reformat_i8_avx512},
#endif
  });
  for (const Copy& copy : kCopies)
    for (const test::Variant& v : variants)
      benchmark::RegisterBenchmark((std::string(copy.name) + "/" + to_string(v.isa)).c_str(),
                                   [&copy, v](benchmark::State& s) { run_copy(s, copy, v); });
  return true;
}();

}  // namespace
}  // namespace octet::kernels
