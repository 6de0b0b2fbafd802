#include "lab/bench/bindings.h"

#include <fmt/format.h>

#include <algorithm>

#include "lab/bench/synthetic_images.h"
#include "octet/error.h"
#include "octet/hash.h"

namespace octet::lab {

std::uint64_t binding_bytes(const std::vector<TensorInfo>& inputs, const std::vector<TensorInfo>& outputs,
                            int batch) {
  std::uint64_t bytes = 0;
  for (const auto* tensors : {&inputs, &outputs}) {
    for (const TensorInfo& tensor : *tensors) {
      std::uint64_t of_tensor = 0;
      if (__builtin_mul_overflow(static_cast<std::uint64_t>(tensor.shape.elements_per_image()),
                                 sizeof(float) * static_cast<std::uint64_t>(batch), &of_tensor) ||
          __builtin_add_overflow(bytes, of_tensor, &bytes))
        throw Error(ErrorCode::kMemoryLimit,
                    fmt::format("batch {}: the bytes of tensor '{}' exceed 2^64", batch, tensor.name));
    }
  }
  return bytes;
}

Bindings::Bindings(const Engine& engine, int max_batch, std::uint64_t seed) : max_batch_(max_batch) {
  for (const TensorInfo& tensor : engine.inputs()) {
    inputs_.push_back(synthetic_images(tensor.shape, max_batch, seed + inputs_.size()));
  }
  for (const TensorInfo& tensor : engine.outputs())
    outputs_.emplace_back(static_cast<std::size_t>(tensor.shape.elements_per_image()) *
                          static_cast<std::size_t>(max_batch));
}

std::span<const float> Bindings::input(std::size_t i, int batch) const {
  return std::span(inputs_[i]).first(inputs_[i].size() / max_batch_ * batch);
}

std::span<const float> Bindings::output(std::size_t i, int batch) const {
  return std::span(outputs_[i]).first(outputs_[i].size() / max_batch_ * batch);
}

void Bindings::prepare(int batch) {
  input_spans_.clear();
  output_spans_.clear();
  for (std::size_t i = 0; i < inputs_.size(); ++i) input_spans_.push_back(input(i, batch));
  for (auto& values : outputs_)
    output_spans_.push_back(std::span(values).first(values.size() / max_batch_ * batch));
}

void Bindings::run(Context& context, int batch) {
  prepare(batch);
  context.run(batch, input_spans_, output_spans_);
}

void Bindings::run_timed(Context& context, int batch, std::vector<StepTime>& times) {
  prepare(batch);
  context.run_timed(batch, input_spans_, output_spans_, times);
}

std::string Bindings::output_hash(int batch) const {
  std::vector<float> all;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const std::span<const float> values = output(i, batch);
    all.insert(all.end(), values.begin(), values.end());
  }
  return hash_bytes(std::as_bytes(std::span(all)));
}

}  // namespace octet::lab
