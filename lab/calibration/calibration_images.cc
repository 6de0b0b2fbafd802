#include "lab/calibration/calibration_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "lab/bench/synthetic_images.h"
#include "octet/error.h"
#include "octet/hash.h"

namespace octet::lab {
namespace {

constexpr int kMaxPictures = 1 << 24;

std::string hash_text(const std::string& text) { return hash_bytes(std::as_bytes(std::span(text))); }

void check(const CalibrationSelection& selection) {
  const auto require = [](const char* what, int value, int least) {
    if (value < least || value > kMaxPictures)
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("calibration: {} must be in {}..{}, not {}", what, least, kMaxPictures, value));
  };
  require("the number of batches", selection.batches, 1);
  require("the batch", selection.batch, 1);
  require("every", selection.every, 1);
  require("the offset", selection.offset, 0);
}

// "9f86d081884c7d65 n01440764.JPEG"
std::string record_of(const Sample& sample) {
  return content_hash(sample) + " " + sample.path.filename().string();
}

}  // namespace

Dataset select_pictures(const Dataset& list, const CalibrationSelection& selection) {
  check(selection);
  const std::int64_t most = std::int64_t{selection.batches} * selection.batch;
  Dataset selected;
  for (std::size_t i = static_cast<std::size_t>(selection.offset);
       i < list.size() && static_cast<std::int64_t>(selected.size()) < most;
       i += static_cast<std::size_t>(selection.every))
    selected.push_back(list[i]);
  if (selected.empty())
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("calibration: no picture is left of {} when they are counted from {}",
                            list.size(), selection.offset));
  return selected;
}

PictureImages::PictureImages(Dataset pictures, const Preprocessing& preprocessing,
                             const PipelineOptions& options)
    : pictures_(std::move(pictures)), preprocessing_(preprocessing), options_(options) {
  rewind();
}

void PictureImages::rewind() {
  pipeline_ = std::make_unique<InputPipeline>(pictures_, preprocessing_, options_);
  batch_.samples.clear();
  used_ = 0;
}

int PictureImages::next(int most, std::span<float> images) {
  if (used_ == batch_.samples.size()) {
    used_ = 0;
    if (!pipeline_->next(batch_)) {
      batch_.samples.clear();
      broken_ = pipeline_->broken();
      return 0;
    }
  }
  const auto elements = static_cast<std::size_t>(preprocessing_.elements());
  const std::size_t count = std::min(
      {static_cast<std::size_t>(std::max(most, 0)), batch_.samples.size() - used_, images.size() / elements});
  const auto from = batch_.input.begin() + static_cast<std::ptrdiff_t>(used_ * elements);
  std::copy(from, from + static_cast<std::ptrdiff_t>(count * elements), images.begin());
  used_ += count;
  return static_cast<int>(count);
}

void PictureImages::describe(const std::string& place, CalibrationSource& source) const {
  std::set<std::size_t> broken;
  for (const BrokenImage& image : broken_) broken.insert(image.sample);
  std::string contents;
  source.pictures.clear();
  source.images = 0;
  for (std::size_t i = 0; i < pictures_.size(); ++i) {
    if (broken.contains(i)) continue;
    std::string record = record_of(pictures_[i]);
    contents += record.substr(0, record.find(' ')) + "\n";
    ++source.images;
    // Drawn pictures are known by their stream; measurements use another.
    if (!pictures_[i].drawn) source.pictures.push_back(std::move(record));
  }
  source.data = fmt::format("{}, {} pictures", place, source.images);
  source.data_hash = hash_text(contents);
  source.preprocessing = description(preprocessing_);
  source.preprocessing_hash = hash(preprocessing_);
}

SyntheticImages::SyntheticImages(const Shape& shape, int images, std::uint64_t seed)
    : shape_(shape), images_(images), seed_(seed) {
  if (images < 1 || images > kMaxPictures)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("synthetic images: expected 1 to {}, got {}", kMaxPictures, images));
}

int SyntheticImages::next(int most, std::span<float> images) {
  const auto elements = static_cast<std::size_t>(shape_.elements_per_image());
  const int count =
      std::min({std::max(most, 0), images_ - done_, static_cast<int>(images.size() / elements)});
  if (count == 0) return 0;
  const std::vector<float> values = synthetic_images(shape_, count, seed_, done_);
  std::copy(values.begin(), values.end(), images.begin());
  done_ += count;
  return count;
}

void SyntheticImages::describe(CalibrationSource& source) const {
  source.data = fmt::format("synthetic, seed {}, {} images", seed_, images_);
  source.data_hash = hash_text(fmt::format("{} {}", source.data, shape_.to_string()));
  source.images = images_;
  source.pictures.clear();
  source.preprocessing = "none";
  source.preprocessing_hash.clear();
}

std::vector<float> pixel_mean(const Preprocessing& preprocessing) {
  validate(preprocessing);
  if (!preprocessing.mean_image) return {preprocessing.mean_bgr.begin(), preprocessing.mean_bgr.end()};
  // The mean is what a black picture lacks of zero: one rule for the crop, preprocess()'s own.
  Image black = make_image(preprocessing.crop_width, preprocessing.crop_height);
  Preprocessing as_it_is = preprocessing;
  as_it_is.protocol = Protocol::kAsIs;
  std::vector<float> mean(static_cast<std::size_t>(preprocessing.elements()));
  preprocess(black, as_it_is, mean);
  for (float& value : mean) value = 0.0f - value;
  return mean;
}

std::string content_hash(const Sample& sample) {
  if (sample.drawn) {
    const Image image = load_image(sample);
    return hash_bytes(std::as_bytes(std::span(image.rgb)));
  }
  std::ifstream file(sample.path, std::ios::binary);
  if (!file)
    throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no such picture", sample.path.string()));
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (!file || !bytes)
    throw Error(ErrorCode::kIo, fmt::format("{}: the picture cannot be read", sample.path.string()));
  return hash_text(bytes.str());
}

WithoutCalibrated exclude_calibrated(const Dataset& dataset, const CalibrationSource& source) {
  const std::set<std::string> records(source.pictures.begin(), source.pictures.end());
  std::set<std::string> names;
  for (const std::string& record : records) names.insert(record.substr(record.find(' ') + 1));
  WithoutCalibrated result;
  for (const Sample& sample : dataset) {
    if (!sample.drawn && names.contains(sample.path.filename().string()) &&
        records.contains(record_of(sample)))
      ++result.excluded;
    else
      result.kept.push_back(sample);
  }
  return result;
}

}  // namespace octet::lab
