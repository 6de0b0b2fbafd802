#include "lab/bundle/predictions.h"

#include <fmt/format.h>

#include <limits>

#include "lab/support/json.h"

namespace octet::lab {
namespace {

std::vector<int> classes(const JsonReader& reader, const char* key, std::size_t count) {
  const std::vector<std::int64_t> values = reader.integers(key);
  if (values.size() != count)
    reader.at(key).fail(
        fmt::format("a list of {} integers, one a picture (it has {})", count, values.size()));
  std::vector<int> result;
  result.reserve(count);
  for (const std::int64_t value : values) {
    if (value < 0 || value > std::numeric_limits<int>::max())
      reader.at(key).fail(fmt::format("classes and ranks from 0 on ({} is none)", value));
    result.push_back(static_cast<int>(value));
  }
  return result;
}

}  // namespace

std::vector<PrecisionPredictions> predictions_of(const JsonReader& record) {
  const std::size_t images = record.at("labels").json().size();
  const std::vector<int> labels = classes(record, "labels", images);
  std::vector<PrecisionPredictions> all;
  for (const JsonReader& entry : record.list("results")) {
    const std::vector<int> top1 = classes(entry, "top1", images), rank = classes(entry, "rank", images);
    std::vector<Prediction> predictions;
    predictions.reserve(images);
    for (std::size_t i = 0; i < images; ++i) predictions.push_back({i, labels[i], rank[i], {top1[i]}});
    all.push_back({entry.text("precision"), accuracy_of(std::move(predictions))});
  }
  if (all.empty()) record.at("results").fail("at least one precision");
  return all;
}

}  // namespace octet::lab
