#include "lab/accuracy/parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "octet/error.h"

namespace octet::lab {
namespace {

/// Pictures that a part has an answer for: predictions in order, and as many broken ones.
void check_part(const Evaluation& evaluation, std::size_t first, std::size_t results) {
  if (evaluation.results.size() != results)
    throw Error(ErrorCode::kMismatch, fmt::format("accuracy: a part has results of {} engines, another of {}",
                                                  evaluation.results.size(), results));
  for (const AccuracyResult& result : evaluation.results) {
    std::size_t next = first;
    for (const Prediction& prediction : result.predictions) {
      if (prediction.sample < next || prediction.sample >= evaluation.done)
        throw Error(ErrorCode::kMismatch,
                    fmt::format("accuracy: expected predictions of pictures {} to {} in order, got one of {}",
                                first, evaluation.done, prediction.sample));
      next = prediction.sample + 1;
    }
    if (result.predictions.size() + evaluation.broken.size() != evaluation.done - first)
      throw Error(
          ErrorCode::kMismatch,
          fmt::format("accuracy: expected {} predictions or broken pictures from picture {} on, got {}",
                      evaluation.done - first, first, result.predictions.size() + evaluation.broken.size()));
  }
}

}  // namespace

Part part_of(std::size_t pictures, int batch, int part, int parts) {
  if (batch < 1 || part < 0 || part >= parts)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("accuracy: part {} of {} in batches of {}", part, parts, batch));
  const std::size_t size = static_cast<std::size_t>(batch);
  const std::size_t batches = (pictures + size - 1) / size;
  const std::size_t index = static_cast<std::size_t>(part), count = static_cast<std::size_t>(parts);
  // The first `more` parts have a batch more than the others.
  const std::size_t each = batches / count, more = batches % count;
  const auto first_of = [&](std::size_t i) {
    return std::min(pictures, (i * each + std::min(i, more)) * size);
  };
  return {first_of(index), first_of(index + 1)};
}

Evaluation join_parts(std::span<const Evaluation> parts, std::size_t pictures) {
  if (parts.empty()) throw Error(ErrorCode::kMismatch, "accuracy: no parts to put together");
  Evaluation whole;
  std::vector<std::vector<Prediction>> predictions(parts.front().results.size());
  for (const Evaluation& part : parts) {
    if (part.done < whole.done) throw Error(ErrorCode::kMismatch, "accuracy: parts are out of order");
    check_part(part, whole.done, predictions.size());
    for (std::size_t r = 0; r < predictions.size(); ++r)
      predictions[r].insert(predictions[r].end(), part.results[r].predictions.begin(),
                            part.results[r].predictions.end());
    whole.broken.insert(whole.broken.end(), part.broken.begin(), part.broken.end());
    whole.done = part.done;
  }
  if (whole.done != pictures)
    throw Error(ErrorCode::kMismatch,
                fmt::format("accuracy: the parts have {} pictures, expected {}", whole.done, pictures));
  for (std::vector<Prediction>& all : predictions) whole.results.push_back(accuracy_of(std::move(all)));
  require_decoded(whole);
  return whole;
}

}  // namespace octet::lab
