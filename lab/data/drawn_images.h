// The laboratory's own data set, "octet-20": labelled pictures that the program draws from a number, so that
// an accuracy can be measured on any machine without a download. A class is a shape with a fill ("striped
// pentagon", 5 x 4); place, size, turn, stretch, colours, light, noise, clutter and what lies in front vary,
// so that a good network still errs on some (docs/octet-20.md). Every machine draws the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lab/data/dataset.h"
#include "lab/data/image.h"

namespace octet::lab {

inline constexpr int kDrawnClasses = 20;
inline constexpr int kDrawnSide = 40;  ///< pixels, both ways
inline constexpr std::size_t kDrawnBytes = std::size_t{3} * kDrawnSide * kDrawnSide;
/// The most pictures of a set, more than anyone needs: names have up to 8 digits.
inline constexpr std::uint64_t kMaxDrawnImages = 100'000'000;

const char* to_string(DrawnSet set);  // "train", "validation", "calibration", "test"
/// Throws Error(kInvalidArgument) listing the names.
DrawnSet parse_drawn_set(std::string_view text);

/// "striped hexagon".
std::string drawn_class_name(int label);

/// Each class comes once in every 20 successive pictures.
constexpr int drawn_label(std::uint64_t index) { return static_cast<int>(index % kDrawnClasses); }

/// "test-000123.png", by which results and `octet draw --images` call a picture.
std::string drawn_name(const DrawnPicture& picture);

/// Draws the picture: R, G, B interleaved, top row first. Returns its label. Throws Error(kInvalidArgument)
/// unless there is room for kDrawnBytes, or if the index is not below kMaxDrawnImages.
int draw_image(const DrawnPicture& picture, std::span<std::uint8_t> rgb);
Image draw_image(const DrawnPicture& picture);

/// Pictures first .. first + count - 1 of the set, with labels; nothing is drawn yet (InputPipeline does).
/// Throws Error(kInvalidArgument) for none or for more than there are.
Dataset drawn_dataset(DrawnSet set, std::uint64_t count, std::uint64_t first = 0);

}  // namespace octet::lab
