// A caller's memory for a context: inputs and outputs of up to `max_batch` images, and the spans that a
// smaller batch needs. Sizes are checked against a limit before anything is allocated.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "octet/engine.h"

namespace octet::lab {

/// Bytes of all inputs and outputs of `batch` images. Throws Error(kMemoryLimit) if that does not fit 64
/// bits.
std::uint64_t binding_bytes(const std::vector<TensorInfo>& inputs, const std::vector<TensorInfo>& outputs,
                            int batch);

class Bindings {
 public:
  /// Inputs are synthetic images of `seed`, outputs zero.
  Bindings(const Engine& engine, int max_batch, std::uint64_t seed);

  /// Runs the first `batch` images.
  void run(Context& context, int batch);
  void run_timed(Context& context, int batch, std::vector<StepTime>& times);

  std::span<const float> input(std::size_t i, int batch) const;
  std::span<const float> output(std::size_t i, int batch) const;
  std::size_t input_count() const { return inputs_.size(); }
  std::size_t output_count() const { return outputs_.size(); }
  /// XXH3-64 over the first `batch` images of all outputs.
  std::string output_hash(int batch) const;

 private:
  void prepare(int batch);

  int max_batch_;
  std::vector<std::vector<float>> inputs_;
  std::vector<std::vector<float>> outputs_;
  std::vector<std::span<const float>> input_spans_;
  std::vector<std::span<float>> output_spans_;
};

}  // namespace octet::lab
