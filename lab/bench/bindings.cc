#include "lab/bench/bindings.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "lab/bench/synthetic_images.h"
#include "octet/error.h"
#include "octet/hash.h"

namespace octet::lab {

std::uint64_t binding_bytes(const std::vector<TensorInfo>& inputs, const std::vector<TensorInfo>& outputs,
                            int batch, bool pixel_input) {
  std::uint64_t bytes = 0;
  const auto add = [&](const TensorInfo& tensor, std::uint64_t element_bytes) {
    std::uint64_t of_tensor = 0;
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(tensor.shape.elements_per_image()),
                               element_bytes * static_cast<std::uint64_t>(batch), &of_tensor) ||
        __builtin_add_overflow(bytes, of_tensor, &bytes))
      throw Error(ErrorCode::kMemoryLimit,
                  fmt::format("batch {}: the bytes of tensor '{}' exceed 2^64", batch, tensor.name));
  };
  for (const TensorInfo& tensor : inputs) add(tensor, pixel_input ? 1 : sizeof(float));
  for (const TensorInfo& tensor : outputs) add(tensor, sizeof(float));
  return bytes;
}

Bindings::Bindings(const Engine& engine, int max_batch, std::uint64_t seed)
    : max_batch_(static_cast<std::size_t>(max_batch)) {
  if (engine.pixel_input()) {
    pixels_ = synthetic_pixels(engine.inputs().front().shape, max_batch, seed);
  } else {
    for (const TensorInfo& tensor : engine.inputs())
      inputs_.push_back(synthetic_images(tensor.shape, max_batch, seed + inputs_.size()));
  }
  for (const TensorInfo& tensor : engine.outputs())
    outputs_.emplace_back(static_cast<std::size_t>(tensor.shape.elements_per_image()) * max_batch_);
}

std::size_t Bindings::part(std::size_t values, int batch) const {
  if (batch < 1 || static_cast<std::size_t>(batch) > max_batch_)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("batch: expected 1 to {}, got {}", max_batch_, batch));
  return values / max_batch_ * static_cast<std::size_t>(batch);
}

void Bindings::prepare(int batch) {
  input_spans_.clear();
  output_spans_.clear();
  for (const auto& values : inputs_)
    input_spans_.push_back(std::span(values).first(part(values.size(), batch)));
  for (auto& values : outputs_) output_spans_.push_back(std::span(values).first(part(values.size(), batch)));
}

void Bindings::run(Context& context, int batch) {
  prepare(batch);
  if (pixels_.empty()) {
    context.run(batch, input_spans_, output_spans_);
  } else {
    const std::span<const std::uint8_t> pixels(pixels_);
    context.run(batch, pixels.first(part(pixels.size(), batch)), output_spans_.front());
  }
}

void Bindings::run_timed(Context& context, int batch, std::vector<StepTime>& times) {
  prepare(batch);
  context.run_timed(batch, input_spans_, output_spans_, times);
}

std::span<std::byte> Bindings::input() {
  return pixels_.empty() ? std::as_writable_bytes(std::span(inputs_.front()))
                         : std::as_writable_bytes(std::span(pixels_));
}

std::span<const float> Bindings::output(int batch) const {
  const std::vector<float>& values = outputs_.front();
  return std::span(values).first(part(values.size(), batch));
}

std::string Bindings::output_hash(int batch) const {
  std::vector<float> all;
  for (const auto& values : outputs_) {
    const std::span<const float> images = std::span(values).first(part(values.size(), batch));
    all.insert(all.end(), images.begin(), images.end());
  }
  return hash_bytes(std::as_bytes(std::span(all)));
}

}  // namespace octet::lab
