#include "export/tensorrt_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/error.h"
#include "tests/support/message_of.h"

namespace octet::exporting {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Calibration symmetric() {
  Calibration calibration;
  calibration.scheme = QuantizationScheme::kSymmetricInt8;
  for (const auto& [name, scale] :
       {std::pair("data", 1.0f), std::pair("fire2/relu", 1.0f / 127), std::pair("a: b", 0x1p-130f)}) {
    TensorCalibration tensor;
    tensor.name = name;
    tensor.scale = scale;
    tensor.zero_point = 128;
    calibration.tensors.push_back(tensor);
  }
  return calibration;
}

// 3c010204 is 1 / 127, 3f800000 is 1.
TEST(TensorRtCache, HasAHeaderAndThenTheScalesBitsATensor) {
  EXPECT_EQ(tensorrt_cache(symmetric(), 8601),
            "TRT-8601-EntropyCalibration2\n"
            "data: 3f800000\n"
            "fire2/relu: 3c010204\n"
            "a: b: 00080000\n");
  EXPECT_THAT(tensorrt_cache(symmetric(), 101401), HasSubstr("TRT-101401-EntropyCalibration2\n"));
}

TEST(TensorRtCache, OtherSchemesAreRefusedWithTheReason) {
  Calibration calibration = symmetric();
  calibration.scheme = QuantizationScheme::kUnsigned8;
  EXPECT_THAT(test::message_of([&] { tensorrt_cache(calibration, 8601); }),
              AllOf(HasSubstr("symmetric-s8"), HasSubstr("got u8")));
}

TEST(TensorRtCache, ATensorThatIsNotSymmetricIsNamed) {
  Calibration calibration = symmetric();
  calibration.tensors[1].zero_point = 0;
  EXPECT_THAT(test::message_of([&] { tensorrt_cache(calibration, 8601); }),
              AllOf(HasSubstr("'fire2/relu'"), HasSubstr("got 0")));
}

TEST(TensorRtCache, NamesThatBreakALineAndVersionsThatAreNoneAreRefused) {
  Calibration calibration = symmetric();
  EXPECT_THAT(test::message_of([&] { tensorrt_cache(calibration, 0); }), HasSubstr("got 0"));
  calibration.tensors[0].name = "da\nta";
  EXPECT_THAT(test::message_of([&] { tensorrt_cache(calibration, 8601); }), HasSubstr("line"));
}

}  // namespace
}  // namespace octet::exporting
