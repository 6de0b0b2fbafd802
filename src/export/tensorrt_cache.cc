#include "export/tensorrt_cache.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>

#include "octet/error.h"

namespace octet::exporting {
namespace {

constexpr int kSymmetricZeroPoint = 128;  // of Octet's u8

void check(const Calibration& calibration) {
  if (calibration.scheme != QuantizationScheme::kSymmetricInt8)
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("a TensorRT calibration cache holds scales of -127..127 only: expected a calibration "
                    "of scheme {}, got {}",
                    to_string(QuantizationScheme::kSymmetricInt8), to_string(calibration.scheme)));
  for (const TensorCalibration& tensor : calibration.tensors) {
    if (tensor.zero_point != kSymmetricZeroPoint)
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("tensor '{}': a TensorRT calibration cache needs zero point {}, got {}",
                              tensor.name, kSymmetricZeroPoint, tensor.zero_point));
    if (tensor.name.find_first_of("\r\n") != std::string::npos)
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("tensor '{}': a TensorRT calibration cache has a line a tensor, which its name "
                              "would break",
                              tensor.name));
  }
}

}  // namespace

std::string tensorrt_cache(const Calibration& calibration, int tensorrt_version) {
  if (tensorrt_version < 1)
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("TensorRT version: expected a number as 8601 for 8.6.1, got {}", tensorrt_version));
  check(calibration);
  std::string text = fmt::format("TRT-{}-EntropyCalibration2\n", tensorrt_version);
  for (const TensorCalibration& tensor : calibration.tensors)
    text += fmt::format("{}: {:08x}\n", tensor.name, std::bit_cast<std::uint32_t>(tensor.scale));
  return text;
}

}  // namespace octet::exporting
