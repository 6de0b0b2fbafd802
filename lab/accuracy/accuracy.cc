#include "lab/accuracy/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr int kTop = 5;

double percent(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

void check_arguments(std::span<const Runner> runners, const Dataset& dataset,
                     const EvaluateOptions& options) {
  if (runners.empty()) throw Error(ErrorCode::kInvalidArgument, "accuracy: there is no engine to measure");
  if (dataset.empty()) throw Error(ErrorCode::kInvalidArgument, "accuracy: there are no pictures");
  if (options.classes < 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("accuracy: a network of {} outputs", options.classes));
  if (options.part && (options.part->first > options.part->end || options.part->end > dataset.size() ||
                       options.resumed != nullptr))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("accuracy: pictures {} to {} of {} cannot be measured by themselves",
                            options.part->first, options.part->end, dataset.size()));
  for (const Sample& sample : dataset) {
    if (!sample.label)
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the picture has no label", sample.path.string()));
    if (*sample.label < 0 || *sample.label >= options.classes)
      throw Error(ErrorCode::kMismatch,
                  fmt::format("{}: a label in 0..{} was expected, {} came", sample.path.string(),
                              options.classes - 1, *sample.label));
  }
}

Prediction predict(std::size_t sample, int label, std::span<const float> scores) {
  return {sample, label, rank_of_label(scores, label), top_k(scores, kTop)};
}

void add_prediction(AccuracyResult& result, Prediction prediction) {
  ++result.images;
  result.top1_correct += prediction.rank < 1;
  result.top5_correct += prediction.rank < kTop;
  result.predictions.push_back(std::move(prediction));
}

Evaluation starting_point(std::size_t runners, std::size_t pictures, const Evaluation* resumed) {
  Evaluation evaluation;
  evaluation.results.resize(runners);
  if (resumed == nullptr) return evaluation;
  if (resumed->results.size() != runners || resumed->done > pictures)
    throw Error(ErrorCode::kMismatch,
                fmt::format("accuracy: cannot go on from {} engines' results on {} pictures with {} engines "
                            "and {} pictures",
                            resumed->results.size(), resumed->done, runners, pictures));
  for (std::size_t r = 0; r < runners; ++r)
    for (const Prediction& prediction : resumed->results[r].predictions)
      add_prediction(evaluation.results[r], prediction);
  evaluation.broken = resumed->broken;
  evaluation.done = resumed->done;
  return evaluation;
}

void finish(AccuracyResult& result) {
  result.top1 = percent(result.top1_correct, result.images);
  result.top5 = percent(result.top5_correct, result.images);
  result.top1_ci95 = wilson_interval95(result.top1_correct, result.images);
  result.top5_ci95 = wilson_interval95(result.top5_correct, result.images);
}

}  // namespace

std::vector<int> top_k(std::span<const float> scores, int k) {
  std::vector<int> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto better = [&](int a, int b) {
    const float x = scores[static_cast<std::size_t>(a)];
    const float y = scores[static_cast<std::size_t>(b)];
    if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
    if (x == y || std::isnan(x)) return a < b;
    return x > y;
  };
  const std::size_t kept = std::min(order.size(), static_cast<std::size_t>(std::max(k, 0)));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), better);
  order.resize(kept);
  return order;
}

int rank_of_label(std::span<const float> scores, int label) {
  const float own = scores[static_cast<std::size_t>(label)];
  int rank = 0;
  // "Not below" rather than "at least", so that NaN on either side counts against the label.
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (i != static_cast<std::size_t>(label) && !(scores[i] < own)) ++rank;
  return rank;
}

ConfidenceInterval wilson_interval95(std::int64_t successes, std::int64_t trials) {
  if (trials <= 0) return {0, 100};
  constexpr double kZ = 1.959963984540054;
  const double n = static_cast<double>(trials);
  const double share = static_cast<double>(successes) / n;
  const double center = share + kZ * kZ / (2 * n);
  const double spread = kZ * std::sqrt(share * (1 - share) / n + kZ * kZ / (4 * n * n));
  const double divisor = 1 + kZ * kZ / n;
  return {100 * std::max(0.0, (center - spread) / divisor), 100 * std::min(1.0, (center + spread) / divisor)};
}

AccuracyResult accuracy_of(std::vector<Prediction> predictions) {
  AccuracyResult result;
  result.predictions.reserve(predictions.size());
  for (Prediction& prediction : predictions) add_prediction(result, std::move(prediction));
  finish(result);
  return result;
}

Evaluation evaluate(std::span<const Runner> runners, const Dataset& dataset,
                    const Preprocessing& preprocessing, const EvaluateOptions& options) {
  check_arguments(runners, dataset, options);
  Evaluation evaluation = starting_point(runners.size(), dataset.size(), options.resumed);
  const Part part = options.part.value_or(Part{evaluation.done, dataset.size()});
  const std::size_t first = part.first;
  const std::size_t classes = static_cast<std::size_t>(options.classes);
  std::vector<float> scores;
  std::size_t broken_before = evaluation.broken.size();
  InputPipeline pipeline(Dataset(dataset.begin() + static_cast<std::ptrdiff_t>(first),
                                 dataset.begin() + static_cast<std::ptrdiff_t>(part.end)),
                         preprocessing, options.pipeline);
  const auto note_broken = [&] {
    evaluation.broken.resize(broken_before);
    for (const BrokenImage& image : pipeline.broken())
      evaluation.broken.push_back({first + image.sample, image.message});
  };
  for (Batch batch; pipeline.next(batch);) {
    scores.resize(batch.samples.size() * classes);
    for (std::size_t r = 0; r < runners.size(); ++r) {
      runners[r](batch.size(), batch.input, scores);
      for (std::size_t i = 0; i < batch.samples.size(); ++i) {
        const std::size_t sample = first + batch.samples[i];
        add_prediction(evaluation.results[r],
                       predict(sample, *dataset[sample].label,
                               std::span<const float>(scores).subspan(i * classes, classes)));
      }
    }
    note_broken();
    evaluation.done = first + batch.samples.back() + 1;
    if (options.after_batch) options.after_batch(evaluation);
  }
  note_broken();
  evaluation.done = part.end;
  if (!options.part) require_decoded(evaluation);
  for (AccuracyResult& result : evaluation.results) finish(result);
  return evaluation;
}

void require_decoded(const Evaluation& evaluation) {
  if (evaluation.results.front().images > 0 || evaluation.broken.empty()) return;
  throw Error(ErrorCode::kParse,
              fmt::format("accuracy: none of the {} pictures could be decoded; the first: {}",
                          evaluation.done, evaluation.broken.front().message));
}

}  // namespace octet::lab
