// Direct convolution against oneDNN on every convolution of the study's networks, at full size. That they
// agree says that the study's own shapes are right; direct_test.cc says so of everything else against exact
// sums.
#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/conv_f32/onednn_convolution.h"
#include "kernels/conv_f32/study_shapes.h"
#include "kernels/families.h"
#include "tests/support/tensors.h"

namespace octet::kernels {
namespace {

std::vector<float> compute(const Kernel& kernel, const ConvDesc& desc, const std::vector<float>& input,
                           const std::vector<float>& weights, const std::vector<float>& bias) {
  base::AlignedBuffer packed(kernel.packed_bytes()), scratch(kernel.scratch_bytes(1) + base::kCacheLine);
  const std::vector<std::span<const float>> spans = {weights, bias};
  kernel.pack(spans, {packed.data(), packed.size()});
  test::LaidOut in(desc.input, 1, input), out(desc.output, 1);
  const Operand operands[] = {{in.data(), in.stride()}};
  Call call;
  call.images = 1;
  call.inputs = operands;
  call.output = {out.data(), out.stride()};
  call.weights = packed.data();
  call.scratch = scratch.data();
  kernel.run(call);
  return out.to_nchw();
}

#ifdef OCTET_X86
void expect_agreement(const conv_f32::StudyShape& shape) {
  SCOPED_TRACE(shape.name());
  const ConvDesc desc = shape.desc();
  const auto count = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  const std::uint32_t seed = 11;
  const auto input = test::random_floats(count(desc.input.channels * desc.input.pixels()), seed);
  const auto weights = test::random_floats(count(desc.output.channels * (desc.input.channels / desc.groups) *
                                                 desc.window.kernel_h * desc.window.kernel_w),
                                           seed + 1);
  const auto bias = test::random_floats(count(desc.output.channels), seed + 2);
  conv_f32::OneDnnConvolution peer(desc, 1, weights, bias);
  peer.set_input(input);
  peer.run();
  const std::vector<float> expected = peer.output();

  const auto avx2 = test::compare(compute(*conv_f32_direct_avx2(desc), desc, input, weights, bias), expected);
  EXPECT_LT(avx2.max_error, 2e-5) << "avx2, seed " << seed << ": " << avx2.text;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl")) return;
  const auto avx512 =
      test::compare(compute(*conv_f32_direct_avx512(desc), desc, input, weights, bias), expected);
  EXPECT_LT(avx512.max_error, 2e-5) << "avx512, seed " << seed << ": " << avx512.text;
}
#endif

class StudyNetwork : public testing::TestWithParam<const char*> {};

TEST_P(StudyNetwork, ConvolutionsAgreeWithOneDnn) {
#ifdef OCTET_X86
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) GTEST_SKIP() << "the CPU lacks AVX2";
  omp_set_num_threads(1);  // oneDNN's; its barriers are slow where other tests run beside this one
  int shapes = 0;
  for (const conv_f32::StudyShape& shape : conv_f32::kStudyShapes) {
    if (std::string(shape.network) != GetParam()) continue;
    expect_agreement(shape);
    ++shapes;
  }
  EXPECT_GT(shapes, 0);
#else
  GTEST_SKIP() << "no fast kernels for this machine";
#endif
}

INSTANTIATE_TEST_SUITE_P(DirectConvolution, StudyNetwork,
                         testing::Values("AlexNet", "GoogLeNet", "ResNet-50", "VGG-16", "SqueezeNet"));

}  // namespace
}  // namespace octet::kernels
