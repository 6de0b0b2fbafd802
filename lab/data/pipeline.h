// Decoding and preprocessing in threads of their own while the caller computes: a bounded queue of finished
// pictures, handed out as batches in the order of the data set whatever the number of threads. Memory is
// bounded by `queue_images` inputs plus one decoded picture a thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "lab/data/dataset.h"
#include "lab/data/image.h"
#include "lab/data/protocol.h"

namespace octet::lab {

struct PipelineOptions {
  int batch = 32;            ///< pictures a batch; only the last may have fewer
  int threads = 0;           ///< decoding threads; 0: one each CPU of the affinity mask
  int queue_images = 0;      ///< finished pictures kept ahead; 0: two batches
  bool skip_broken = false;  ///< leave out pictures that cannot be decoded, and count them
  std::int64_t max_pixels = kMaxImagePixels;
};

/// A picture that was left out, and the message that says why (with its file).
struct BrokenImage {
  std::size_t sample = 0;  ///< index in the data set
  std::string message;
};

struct Batch {
  std::vector<std::size_t> samples;  ///< indices in the data set, rising
  std::vector<float> input;          ///< samples.size() images, FP32 NCHW, BGR
  int size() const { return static_cast<int>(samples.size()); }
};

class InputPipeline {
 public:
  /// Starts the threads. Throws Error(kInvalidArgument) for options out of range, and what `validate` throws.
  InputPipeline(Dataset dataset, const Preprocessing& preprocessing, const PipelineOptions& options);
  ~InputPipeline();  // stops the threads, whatever they have left to do
  InputPipeline(const InputPipeline&) = delete;
  InputPipeline& operator=(const InputPipeline&) = delete;

  /// Fills `batch` (reusing its memory) and returns true, or returns false at the end. Throws the error of
  /// the first picture, in order, that cannot be decoded, unless skip_broken; Error(kInterrupted) after
  /// `cancel`. After a throw the pipeline is at its end. To be called from one thread at a time.
  bool next(Batch& batch);

  /// Makes the present or next call of `next` throw. May be called from any thread.
  void cancel();

  /// Pictures left out so far, in order; to be called from the thread that calls `next`.
  const std::vector<BrokenImage>& broken() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet::lab
