// Preprocessing protocols: how a decoded picture becomes a network's input. Each is resize, centre crop, BGR,
// minus mean; values 0..255, no scaling. An accuracy means little without its protocol, so every result
// carries `description` and `hash` of the one used.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lab/data/image.h"
#include "octet/mean_image.h"
#include "octet/types.h"

namespace octet::lab {

enum class Protocol {
  kCaffeSquash,   ///< both sides to `resize` with OpenCV's linear filter: Caffe's own
  kPillowSquash,  ///< the same with Pillow's antialiased filter
  kShorterSide,   ///< shorter side to `resize`, the other in proportion (to the nearest pixel), OpenCV's
                  ///< linear
  kAsIs,          ///< no resize: for pictures that have the network's size already, or a little more
};
inline constexpr Protocol kAllProtocols[] = {Protocol::kCaffeSquash, Protocol::kPillowSquash,
                                             Protocol::kShorterSide, Protocol::kAsIs};
const char* to_string(Protocol protocol);  // "caffe-squash", "pillow-squash", "shorter-side", "as-is"
/// Throws Error(kInvalidArgument) listing the names.
Protocol parse_protocol(std::string_view text);

struct Preprocessing {
  Protocol protocol = Protocol::kCaffeSquash;
  int resize = 256;  ///< pixels; kAsIs has no use for it
  int crop_height = 224;
  int crop_width = 224;
  std::array<float, 3> mean_bgr = {104, 117, 123};  ///< used where there is no mean image
  /// 3 channels of the crop's size, or larger and then cropped at its centre like the picture.
  std::optional<MeanImage> mean_image;

  /// Floats of one preprocessed picture.
  std::int64_t elements() const { return std::int64_t{3} * crop_height * crop_width; }
};

/// Throws Error if the parts do not fit together: kInvalidArgument (sizes < 1 or > 16384, crop larger than
/// the resized picture), kMismatch (mean image not of 3 channels, smaller than the crop or of another length
/// than its shape says).
void validate(const Preprocessing& preprocessing);

/// What the study used for this network (study.md's Caffe protocol): caffe-squash, crop from `input_shape`
/// ({1, 3, H, W}), means 103.939, 116.779, 123.68 for VGG and 104, 117, 123 for all others. `resize` is 256
/// for inputs of 193 to 256 pixels, otherwise 8/7 of the longer input side, rounded. The drawn
/// pictures' own network, "octet-20", takes them as they are, mean 128. A zoo name and a
/// prototxt's name serve alike. Throws Error(kUnsupported) if the shape is not that of one 3-channel picture.
Preprocessing default_preprocessing(std::string_view network_name, const Shape& input_shape);

/// FP32 planes B, G, R (one image of an NCHW batch), mean subtracted. `output`: elements() floats, else
/// Error(kInvalidArgument). Throws also what `validate` throws.
void preprocess(const Image& image, const Preprocessing& preprocessing, std::span<float> output);

/// The crop before the mean is subtracted: 8-bit, interleaved B, G, R (one image of an NHWC batch),
/// elements() bytes. Both throw Error(kMismatch) if a picture taken as it is is smaller than the crop.
void preprocess_u8(const Image& image, const Preprocessing& preprocessing, std::span<std::uint8_t> output);

/// "caffe-squash: resize 256x256 opencv-linear, centre crop 227x227, BGR, mean 104 117 123".
std::string description(const Preprocessing& preprocessing);
/// 16 hex digits (XXH3-64) over the description and the mean image's values; stable across machines.
std::string hash(const Preprocessing& preprocessing);

}  // namespace octet::lab
