#include "cuda/kernels/test_device_kernel.h"
#include "kernels/op_desc.h"

namespace octet::cuda {
namespace {

using kernels::Layout;
using kernels::LrnDesc;

LrnDesc lrn_of_bytes(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t size,
                     float beta) {
  LrnDesc desc;
  desc.map = {channels, height, width, Layout::kNhwc, DataType::kUInt8};
  desc.map.quantization = {0.35f, 12};
  desc.output = desc.map;
  desc.output.quantization = {0.11f, 130};
  desc.size = size;
  desc.alpha = 0.002f, desc.beta = beta, desc.k = 1.5f;
  return desc;
}
LrnDesc lrn_of_reals(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t size,
                     float beta) {
  LrnDesc desc = lrn_of_bytes(channels, height, width, size, beta);
  desc.map = desc.output = {channels, height, width};
  desc.alpha = 0.3f;
  return desc;
}
test::Step step_of(const LrnDesc& desc) { return {desc, {desc.map}, desc.output}; }

constexpr float kBetas[] = {0.75f, 0.5f, 1.3f};

TEST(CudaLrn, AcrossChannelsOfBytesGivesTheReferenceBytes) {
  std::uint32_t seed = 1;
  for (const std::int64_t channels : {5, 16, 96, 100, 256})
    for (const std::int64_t size : {1, 3, 5, 7, 39, 1001})
      for (const float beta : kBetas) {
        SCOPED_TRACE(testing::Message() << channels << " channels, size " << size << ", beta " << beta);
        test::expect_reference_bytes(step_of(lrn_of_bytes(channels, 5, 7, size, beta)), 3, seed++);
      }
}

TEST(CudaLrn, AcrossMoreChannelsThanABlockHasThreadsFor) {
  std::uint32_t seed = 100;
  for (const std::int64_t channels : {4096, 4100, 8200})
    for (const std::int64_t size : {5, 35, 9001}) {
      SCOPED_TRACE(testing::Message() << channels << " channels, size " << size);
      test::expect_reference_bytes(step_of(lrn_of_bytes(channels, 1, 2, size, 0.75f)), 2, seed++);
    }
}

TEST(CudaLrn, OfManyQuantisations) {
  std::uint32_t seed = 200;
  for (const std::int32_t zero_in : {0, 128, 255})
    for (const std::int32_t zero_out : {0, 77})
      for (const float k : {0.01f, 1.0f, 30.0f})
        for (const bool across : {true, false}) {
          LrnDesc desc = lrn_of_bytes(40, 6, 5, 5, 0.75f);
          desc.map.quantization.zero_point = zero_in;
          desc.output.quantization.zero_point = zero_out;
          desc.k = k;
          desc.across_channels = across;
          test::expect_reference_bytes(step_of(desc), 2, seed++);
        }
}

TEST(CudaLrn, OfPartsOfConcatenations) {
  for (const std::int64_t size : {5, 9})
    for (const bool across : {true, false}) {
      LrnDesc desc = lrn_of_bytes(40, 6, 9, size, 0.75f);
      desc.map.pixel_stride = 80;
      desc.output.pixel_stride = 64;
      desc.across_channels = across;
      test::expect_reference_bytes(step_of(desc), 3, 300);
    }
}

TEST(CudaLrn, WithinChannelsOfBytesGivesTheReferenceBytes) {
  std::uint32_t seed = 400;
  for (const std::int64_t channels : {16, 37})
    for (const std::int64_t size : {1, 3, 5, 21})
      for (const float beta : kBetas) {
        SCOPED_TRACE(testing::Message() << channels << " channels, size " << size << ", beta " << beta);
        LrnDesc desc = lrn_of_bytes(channels, 6, 9, size, beta);
        desc.across_channels = false;
        test::expect_reference_bytes(step_of(desc), 2, seed++);
      }
}

TEST(CudaLrn, MayWriteOverItsInput) {
  for (const std::int64_t size : {5, 9}) {
    LrnDesc desc = lrn_of_bytes(96, 5, 7, size, 0.75f);
    desc.output.quantization = desc.map.quantization;
    test::expect_reference_bytes_in_place(step_of(desc), 2, 500);
  }
}

TEST(CudaLrn, OfRealsGivesTheReferenceBytes) {
  std::uint32_t seed = 600;
  for (const std::int64_t channels : {3, 16, 50})
    for (const std::int64_t size : {1, 3, 5, 15, 201})
      for (const float beta : kBetas)
        for (const bool across : {true, false}) {
          SCOPED_TRACE(testing::Message() << channels << " channels, size " << size << ", beta " << beta);
          LrnDesc desc = lrn_of_reals(channels, 4, 7, size, beta);
          desc.across_channels = across;
          test::Step step = step_of(desc);
          step.reals = seed % 2 == 0 ? 4.0f : 1e6f;
          test::expect_reference_bytes(step, 2, seed++);
        }
}

TEST(CudaLrn, RefusesWhatTheReferenceRefuses) {
  const LrnDesc good = lrn_of_bytes(16, 2, 2, 5, 0.75f), real = lrn_of_reals(16, 2, 2, 5, 0.75f);
  LrnDesc even = good, alpha = good, k = good, even_real = real, k_real = real;
  even.size = even_real.size = 4;
  alpha.alpha = -1;
  k.k = k_real.k = 0;
  kernels::SelectionOptions options;
  options.entries = all_kernels();
  options.sm = 90;
  for (const LrnDesc& desc : {good, real}) EXPECT_EQ(kernels::candidates(desc, options).size(), 1u);
  for (const LrnDesc& desc : {even, alpha, k, even_real, k_real})
    EXPECT_TRUE(kernels::candidates(desc, options).empty());
}

}  // namespace
}  // namespace octet::cuda
