#include "cuda/kernels/test_device_kernel.h"
#include "kernels/op_desc.h"

namespace octet::cuda {
namespace {

using kernels::SoftmaxDesc;

test::Step softmax(std::int64_t channels, std::int64_t height, std::int64_t width, bool logarithm,
                   float reals) {
  const kernels::FeatureMap map = {channels, height, width};
  test::Step step{SoftmaxDesc{map, logarithm}, {map}, map};
  step.reals = reals;
  return step;
}

TEST(CudaSoftmax, OfVectorsGivesTheReferenceBytes) {
  std::uint32_t seed = 1;
  for (const std::int64_t channels : {1, 3, 16, 17, 130, 1000, 2047, 2048, 2049, 5000})
    for (const bool logarithm : {false, true})
      for (const float reals : {0.01f, 8.0f, 60.0f, 1000.0f, 1e30f}) {
        SCOPED_TRACE(testing::Message()
                     << channels << " channels, within " << reals << (logarithm ? ", logarithm" : ""));
        test::expect_reference_bytes(softmax(channels, 1, 1, logarithm, reals), 3, seed++);
      }
}

TEST(CudaSoftmax, OfEachPixelOfAMap) {
  std::uint32_t seed = 100;
  for (const std::int64_t channels : {1, 16, 21, 40, 70, 150, 300})
    for (const bool logarithm : {false, true}) {
      SCOPED_TRACE(testing::Message() << channels << " channels" << (logarithm ? ", logarithm" : ""));
      test::expect_reference_bytes(softmax(channels, 5, 7, logarithm, 10), 2, seed++);
    }
}

TEST(CudaSoftmax, MayWriteOverItsInput) {
  for (const std::int64_t channels : {21, 1000, 2500})
    for (const bool logarithm : {false, true})
      test::expect_reference_bytes_in_place(softmax(channels, 3, 2, logarithm, 10), 2, 200);
}

}  // namespace
}  // namespace octet::cuda
