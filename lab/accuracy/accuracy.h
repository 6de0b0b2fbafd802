// Top-1 and top-5 accuracy of one or several engines over a data set. All engines see the same preprocessed
// batches of one pass, and every picture's prediction is kept, so that differences can be tested pair by
// pair. Shares are percent. The engine is known only as a function.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lab/confidence_interval.h"
#include "lab/data/dataset.h"
#include "lab/data/pipeline.h"
#include "lab/data/protocol.h"

namespace octet::lab {

/// Indices of the `k` largest scores (all of them if there are fewer), best first. Of equal scores the lower
/// index comes first; NaN comes last.
std::vector<int> top_k(std::span<const float> scores, int k);

/// How many other classes score at least as high as `label`: 0 means top-1 correct, below 5 top-5 correct. A
/// tie counts against the label, as in Caffe's Accuracy layer, and so does NaN: constant outputs score
/// nothing.
int rank_of_label(std::span<const float> scores, int label);

/// 95 % interval of a share, in percent (Wilson 1927). {0, 100} without trials.
ConfidenceInterval wilson_interval95(std::int64_t successes, std::int64_t trials);

struct Prediction {
  std::size_t sample = 0;  ///< index in the data set
  int label = -1;
  int rank = 0;          ///< rank_of_label
  std::vector<int> top;  ///< top_k(scores, 5)
};

struct AccuracyResult {
  std::int64_t images = 0;  ///< measured, broken ones not among them
  std::int64_t top1_correct = 0;
  std::int64_t top5_correct = 0;
  double top1 = 0;  ///< percent
  double top5 = 0;
  ConfidenceInterval top1_ci95;
  ConfidenceInterval top5_ci95;
  std::vector<Prediction> predictions;  ///< in the data set's order
};

/// Counts, shares and intervals of predictions; only their ranks count.
AccuracyResult accuracy_of(std::vector<Prediction> predictions);

/// Runs a batch: `input` batch * 3 * H * W floats (NCHW), `output` batch * classes floats.
using Runner = std::function<void(int batch, std::span<const float> input, std::span<float> output)>;

struct Evaluation {
  std::vector<AccuracyResult> results;  ///< one a runner
  std::vector<BrokenImage> broken;      ///< left out, if the options allow that
  std::size_t done = 0;                 ///< pictures of the data set that are through, broken ones included
};

/// The pictures [first, end) of a data set.
struct Part {
  std::size_t first = 0;
  std::size_t end = 0;
};

struct EvaluateOptions {
  int classes = 1000;        ///< outputs of one image
  PipelineOptions pipeline;  ///< its batch is the batch of the runners
  /// Goes on after the first `done` pictures of an earlier, interrupted evaluation of the same pictures by
  /// the same engines; only their predictions and broken pictures are used. Null: from the beginning.
  const Evaluation* resumed = nullptr;
  /// Only these pictures, which others measure the rest of (parts.h): all of them may be broken, and there
  /// may be none. Not together with `resumed`.
  std::optional<Part> part;
  /// Called after each batch with what there is so far (shares and intervals are not filled in yet); what it
  /// throws ends the evaluation.
  std::function<void(const Evaluation& so_far)> after_batch;
};

/// Throws Error: kInvalidArgument (no runners, a sample without label), kMismatch (label outside
/// 0..classes-1), what the pipeline throws, kParse if every picture is broken.
Evaluation evaluate(std::span<const Runner> runners, const Dataset& dataset,
                    const Preprocessing& preprocessing, const EvaluateOptions& options);

/// Throws Error(kParse) if every picture was broken.
void require_decoded(const Evaluation& evaluation);

}  // namespace octet::lab
