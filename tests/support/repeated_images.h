// The same few images as often as a calibration wants to read them.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "octet/calibration.h"

namespace octet::test {

class RepeatedImages : public CalibrationImages {
 public:
  /// `images`: `count` of them, NCHW.
  RepeatedImages(std::vector<float> images, int count) : images_(std::move(images)), count_(count) {}

  void rewind() override { done_ = 0; }
  int next(int most, std::span<float> images) override {
    const int taken = std::min(most, count_ - done_);
    const std::size_t each = images_.size() / static_cast<std::size_t>(count_);
    std::copy_n(images_.begin() + static_cast<std::ptrdiff_t>(each) * done_,
                each * static_cast<std::size_t>(taken), images.begin());
    done_ += taken;
    return taken;
  }

 private:
  std::vector<float> images_;
  int count_;
  int done_ = 0;
};

}  // namespace octet::test
