// A caller's memory for a context: inputs and outputs of up to `max_batch` images, and the spans that a
// smaller batch needs. Sizes are checked against a limit before anything is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "octet/engine.h"

namespace octet::lab {

/// Bytes of all inputs and outputs of `batch` images; inputs are FP32, or bytes with `pixel_input`. Throws
/// Error(kMemoryLimit) if that does not fit 64 bits.
std::uint64_t binding_bytes(const std::vector<TensorInfo>& inputs, const std::vector<TensorInfo>& outputs,
                            int batch, bool pixel_input = false);

class Bindings {
 public:
  /// Inputs are synthetic images of `seed` (bytes for an engine with pixel_input), outputs zero.
  Bindings(const Engine& engine, int max_batch, std::uint64_t seed);

  /// Runs the first `batch` images. Throws Error(kInvalidArgument) for none or more than there are, as all
  /// functions here do.
  void run(Context& context, int batch);
  /// Not of an engine with pixel_input.
  void run_timed(Context& context, int batch, std::vector<StepTime>& times);

  /// The images of the first input as they lie in memory, `max_batch` of them, to be replaced by others.
  std::span<std::byte> input();
  /// The first output's, of the last run's first `batch` images.
  std::span<const float> output(int batch) const;
  /// XXH3-64 over the first `batch` images of all outputs.
  std::string output_hash(int batch) const;

 private:
  void prepare(int batch);
  /// How many of all images' `values` are the first `batch` images'.
  std::size_t part(std::size_t values, int batch) const;

  std::size_t max_batch_;
  std::vector<std::vector<float>> inputs_;
  std::vector<std::uint8_t> pixels_;  // instead of inputs_
  std::vector<std::vector<float>> outputs_;
  std::vector<std::span<const float>> input_spans_;
  std::vector<std::span<float>> output_spans_;
};

}  // namespace octet::lab
