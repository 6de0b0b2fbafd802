#include "lab/data/protocol.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cctype>

#include "lab/data/resize.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr int kMaxSide = 16384;  // of any picture that a network takes, with much room

struct Size {
  int width;
  int height;
};

Size resized_size(const Image& image, const Preprocessing& preprocessing) {
  const int side = preprocessing.resize;
  if (preprocessing.protocol != Protocol::kShorterSide) return {side, side};
  const std::int64_t shorter = std::min(image.width, image.height);
  const auto in_proportion = [&](std::int64_t length) {
    return static_cast<int>((2 * length * side + shorter) / (2 * shorter));  // to the nearest, halves up
  };
  return {in_proportion(image.width), in_proportion(image.height)};
}

void check_holds_crop(const Image& image, const Preprocessing& p) {
  if (image.width < p.crop_width || image.height < p.crop_height)
    throw Error(ErrorCode::kMismatch,
                fmt::format("preprocessing: a picture of at least {} x {} was expected, as it is taken as it "
                            "is, but one of {} x {} came",
                            p.crop_width, p.crop_height, image.width, image.height));
}

Image resize_as_told(const Image& image, const Preprocessing& preprocessing) {
  if (image.width < 1 || image.height < 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("preprocessing: a picture of {} x {} is empty", image.width, image.height));
  // In the shorter-side protocol a very long strip would become a picture of any size.
  if (preprocessing.protocol == Protocol::kShorterSide) {
    const std::int64_t longer = std::max(image.width, image.height);
    const std::int64_t shorter = std::min(image.width, image.height);
    if (longer * preprocessing.resize / shorter * preprocessing.resize >= kMaxImagePixels)
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("preprocessing: a picture of {} x {} is too long for the shorter side to become {}",
                      image.width, image.height, preprocessing.resize));
  }
  const Size size = resized_size(image, preprocessing);
  return preprocessing.protocol == Protocol::kPillowSquash
             ? resize_pillow_bilinear(image, size.width, size.height)
             : resize_opencv_linear(image, size.width, size.height);
}

// Start of a centre crop, as Caffe's DataTransformer takes it: the odd pixel stays below and to the right.
int crop_start(std::int64_t full, int crop) { return static_cast<int>((full - crop) / 2); }

const char* filter_name(Protocol protocol) {
  return protocol == Protocol::kPillowSquash ? "pillow-bilinear" : "opencv-linear";
}

void check_output(std::size_t got, const Preprocessing& preprocessing) {
  if (got != static_cast<std::size_t>(preprocessing.elements()))
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("preprocessing: room for 3 x {} x {} = {} elements was expected, {} came",
                    preprocessing.crop_height, preprocessing.crop_width, preprocessing.elements(), got));
}

}  // namespace

const char* to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::kCaffeSquash:
      return "caffe-squash";
    case Protocol::kPillowSquash:
      return "pillow-squash";
    case Protocol::kShorterSide:
      return "shorter-side";
    case Protocol::kAsIs:
      return "as-is";
  }
  return "?";
}

Protocol parse_protocol(std::string_view text) {
  for (Protocol protocol : kAllProtocols)
    if (text == to_string(protocol)) return protocol;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("'{}' is no preprocessing protocol; expected caffe-squash, pillow-squash, shorter-side or "
                  "as-is",
                  text));
}

void validate(const Preprocessing& p) {
  for (int side : {p.resize, p.crop_height, p.crop_width})
    if (side < 1 || side > kMaxSide)
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("preprocessing: resize {} and crop {} x {} (width x height): each must be in 1..{}",
                      p.resize, p.crop_width, p.crop_height, kMaxSide));
  // The shorter-side protocol guarantees `resize` in both directions, and no more.
  if (p.protocol != Protocol::kAsIs && (p.crop_height > p.resize || p.crop_width > p.resize))
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "preprocessing: a crop of {} x {} (width x height) does not fit into pictures resized to {}",
            p.crop_width, p.crop_height, p.resize));
  if (!p.mean_image) return;
  const MeanImage& mean = *p.mean_image;
  if (mean.channels != 3)
    throw Error(ErrorCode::kMismatch,
                fmt::format("mean image: 3 channels were expected, {} came", mean.channels));
  if (mean.height < 1 || mean.width < 1 || mean.height > kMaxSide || mean.width > kMaxSide ||
      mean.values.size() != static_cast<std::size_t>(3 * mean.height * mean.width))
    throw Error(ErrorCode::kMismatch,
                fmt::format("mean image: 3 planes of {} x {} (width x height) were expected, {} values came",
                            mean.width, mean.height, mean.values.size()));
  if (mean.height < p.crop_height || mean.width < p.crop_width)
    throw Error(ErrorCode::kMismatch,
                fmt::format("mean image: {} x {} (width x height) is smaller than the crop of {} x {}",
                            mean.width, mean.height, p.crop_width, p.crop_height));
}

Preprocessing default_preprocessing(std::string_view network_name, const Shape& input_shape) {
  const bool fits = input_shape.rank() == 4 && input_shape[1] == 3 && input_shape[2] >= 1 &&
                    input_shape[3] >= 1 && input_shape[2] <= kMaxSide / 2 && input_shape[3] <= kMaxSide / 2;
  if (!fits) {
    std::string sizes;
    for (std::int64_t d : input_shape.dims()) sizes += fmt::format("{}{}", sizes.empty() ? "" : "x", d);
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("network '{}': pictures go into an input of 1x3xHxW with sides up to {}, this one is {}",
                    network_name, kMaxSide / 2, sizes));
  }
  Preprocessing p;
  p.crop_height = static_cast<int>(input_shape[2]);
  p.crop_width = static_cast<int>(input_shape[3]);
  const int longer = std::max(p.crop_height, p.crop_width);
  p.resize = longer > 192 && longer <= 256 ? 256 : (longer * 8 + 3) / 7;
  std::string lower(network_name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower.find("vgg") != std::string::npos) p.mean_bgr = {103.939f, 116.779f, 123.68f};
  if (lower == "octet-20") {
    p.protocol = Protocol::kAsIs;
    p.mean_bgr = {128, 128, 128};
  }
  return p;
}

void preprocess_u8(const Image& image, const Preprocessing& p, std::span<std::uint8_t> output) {
  validate(p);
  check_output(output.size(), p);
  Image resized;
  if (p.protocol == Protocol::kAsIs)
    check_holds_crop(image, p);
  else
    resized = resize_as_told(image, p);
  const Image& full = p.protocol == Protocol::kAsIs ? image : resized;
  const int top = crop_start(full.height, p.crop_height);
  const int left = crop_start(full.width, p.crop_width);
  std::uint8_t* to = output.data();
  for (int y = 0; y < p.crop_height; ++y) {
    const std::uint8_t* rgb = full.row(top + y) + left * 3;
    for (int x = 0; x < p.crop_width; ++x, rgb += 3, to += 3) {
      to[0] = rgb[2];
      to[1] = rgb[1];
      to[2] = rgb[0];
    }
  }
}

void preprocess(const Image& image, const Preprocessing& p, std::span<float> output) {
  validate(p);
  check_output(output.size(), p);
  std::vector<std::uint8_t> pixels(output.size());
  preprocess_u8(image, p, pixels);
  for (int channel = 0; channel < 3; ++channel) {
    const std::uint8_t* from = pixels.data() + channel;
    float* to = output.data() + static_cast<std::size_t>(channel) * p.crop_height * p.crop_width;
    for (int y = 0; y < p.crop_height; ++y, to += p.crop_width, from += 3 * p.crop_width) {
      if (p.mean_image) {
        const MeanImage& mean = *p.mean_image;
        const std::int64_t mean_row = channel * mean.height + crop_start(mean.height, p.crop_height) + y;
        const float* mean_at =
            mean.values.data() + mean_row * mean.width + crop_start(mean.width, p.crop_width);
        for (int x = 0; x < p.crop_width; ++x) to[x] = static_cast<float>(from[3 * x]) - mean_at[x];
      } else {
        const float mean = p.mean_bgr[static_cast<std::size_t>(channel)];
        for (int x = 0; x < p.crop_width; ++x) to[x] = static_cast<float>(from[3 * x]) - mean;
      }
    }
  }
}

std::string description(const Preprocessing& p) {
  std::string resize = fmt::format("resize {0}x{0} {1}, ", p.resize, filter_name(p.protocol));
  if (p.protocol == Protocol::kShorterSide)
    resize = fmt::format("shorter side to {} {}, ", p.resize, filter_name(p.protocol));
  if (p.protocol == Protocol::kAsIs) resize.clear();
  const std::string mean = p.mean_image
                               ? fmt::format("mean image {}x{}", p.mean_image->width, p.mean_image->height)
                               : fmt::format("mean {} {} {}", p.mean_bgr[0], p.mean_bgr[1], p.mean_bgr[2]);
  return fmt::format("{}: {}centre crop {}x{}, BGR, {}", to_string(p.protocol), resize, p.crop_width,
                     p.crop_height, mean);
}

std::string hash(const Preprocessing& p) {
  const std::string text = description(p);
  std::uint64_t value = XXH3_64bits(text.data(), text.size());
  if (p.mean_image)
    value =
        XXH3_64bits_withSeed(p.mean_image->values.data(), p.mean_image->values.size() * sizeof(float), value);
  return fmt::format("{:016x}", value);
}

}  // namespace octet::lab
