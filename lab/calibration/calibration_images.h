// What a network is calibrated on, for octet::calibrate: picture files, pictures that the program draws, or
// synthetic images; which of them, and how they are recorded, so that a measurement can leave them out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lab/data/dataset.h"
#include "lab/data/pipeline.h"
#include "lab/data/protocol.h"
#include "octet/calibration.h"
#include "octet/types.h"

namespace octet::lab {

/// The study's: the first 50 batches of 25. `every` 2 takes every second picture of the list, from `offset`.
struct CalibrationSelection {
  int batches = 50;
  int batch = 25;
  int every = 1;
  int offset = 0;
};

/// Pictures offset, offset + every, ... of the list, at most batches * batch of them; fewer if the list is
/// shorter. Throws Error(kInvalidArgument) for numbers out of range or if no picture is left.
Dataset select_pictures(const Dataset& list, const CalibrationSelection& selection);

/// Pictures, decoded again at each pass.
class PictureImages : public CalibrationImages {
 public:
  /// Throws what InputPipeline throws.
  PictureImages(Dataset pictures, const Preprocessing& preprocessing, const PipelineOptions& options);

  void rewind() override;
  int next(int most, std::span<float> images) override;

  /// Pictures that could not be decoded and were left out, if the options allow that; after a whole pass.
  const std::vector<BrokenImage>& broken() const { return broken_; }
  /// Fills in data (from `place`, "folder val" for instance), its hash, pictures, images and preprocessing.
  /// Reads every file. After a whole pass, so that broken pictures are not among them.
  void describe(const std::string& place, CalibrationSource& source) const;

 private:
  Dataset pictures_;
  Preprocessing preprocessing_;
  PipelineOptions options_;
  std::unique_ptr<InputPipeline> pipeline_;
  Batch batch_;
  std::size_t used_ = 0;  // images of batch_ that are handed out
  std::vector<BrokenImage> broken_;
};

/// The images that benchmarks run on (lab/bench/synthetic_images.h).
class SyntheticImages : public CalibrationImages {
 public:
  SyntheticImages(const Shape& shape, int images, std::uint64_t seed);

  void rewind() override { done_ = 0; }
  int next(int most, std::span<float> images) override;
  void describe(CalibrationSource& source) const;

 private:
  Shape shape_;
  int images_;
  std::uint64_t seed_;
  int done_ = 0;
};

/// What preprocessing subtracts, as CalibrationOptions takes it: {C} values, or {C, H, W} of a mean image's
/// centre crop.
std::vector<float> pixel_mean(const Preprocessing& preprocessing);

/// XXH3-64 over the picture's file, or over the pixels of a drawn one. Throws Error(kNotFound, kIo).
std::string content_hash(const Sample& sample);

struct WithoutCalibrated {
  Dataset kept;
  std::size_t excluded = 0;
};
/// Leaves out the pictures that `source` says were calibrated on: those of the same name and content. Reads
/// only files whose name is recorded.
WithoutCalibrated exclude_calibrated(const Dataset& dataset, const CalibrationSource& source);

}  // namespace octet::lab
