// Runs one kernel the way a plan does, for tests and benchmarks: packs weights, gives every worker its own
// scratch (poisoned with NaN) and lets the workers run one after the other, last first, so that a kernel
// that counts on their order is seen. Also: tensors with room between images, and the instruction sets that
// this machine has.
#pragma once

#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/kernel.h"
#include "octet/types.h"
#include "tests/support/tensors.h"

namespace octet::test {

inline bool machine_has(Isa isa) {
#ifdef OCTET_X86
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  switch (isa) {
    case Isa::kGeneric:
      return true;
    case Isa::kAvx2:
      return avx2;
    case Isa::kAvx512:
      return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    case Isa::kAvx512Vnni:
      return machine_has(Isa::kAvx512) && __builtin_cpu_supports("avx512vnni");
    case Isa::kAvx512Bf16:
      return machine_has(Isa::kAvx512Vnni) && __builtin_cpu_supports("avx512bf16");
    default:
      return false;
  }
#else
  return isa == Isa::kGeneric;
#endif
}

/// One way of computing a family's operations: what a line of kernels.inc names.
struct Variant {
  Isa isa;
  double (*cost)(const kernels::OpDesc& desc, int images);
  std::unique_ptr<kernels::Kernel> (*create)(const kernels::OpDesc& desc);
};

inline std::vector<Variant> usable(std::vector<Variant> variants) {
  std::erase_if(variants, [](const Variant& v) { return !machine_has(v.isa); });
  return variants;
}

/// `nchw` laid out as `map`, with `gap` elements of NaN after each image.
inline LaidOut lay_out(const kernels::FeatureMap& map, int images, const std::vector<float>& nchw,
                       std::int64_t gap = 0) {
  LaidOut tensor(map, images, map.elements() + gap);
  for (int n = 0; n < images; ++n)
    for (std::int64_t c = 0; c < map.padded_channels(); ++c)
      for (std::int64_t p = 0; p < map.pixels(); ++p)
        tensor.at(n, c, p) = c < map.channels
                                 ? nchw[static_cast<std::size_t>((n * map.channels + c) * map.pixels() + p)]
                                 : 0.0f;
  return tensor;
}

/// True if the NaN between the images is still there.
inline bool gaps_untouched(LaidOut& tensor, int images) {
  for (int n = 0; n < images; ++n)
    for (std::int64_t i = tensor.map().elements(); i < tensor.stride(); ++i)
      if (!std::isnan(tensor.floats()[n * tensor.stride() + i])) return false;
  return true;
}

class KernelRunner {
 public:
  explicit KernelRunner(std::unique_ptr<kernels::Kernel> kernel,
                        const std::vector<std::vector<float>>& weights = {})
      : kernel_(std::move(kernel)), packed_(kernel_->packed_bytes()) {
    std::vector<std::span<const float>> spans(weights.begin(), weights.end());
    poison(packed_);
    kernel_->pack(spans, {packed_.data(), packed_.size()});
  }
  KernelRunner(std::unique_ptr<kernels::Kernel> kernel, const kernels::IntegerWeights& weights)
      : kernel_(std::move(kernel)), packed_(kernel_->packed_bytes()) {
    poison(packed_);
    kernel_->pack_integer(weights, {packed_.data(), packed_.size()});
  }

  void run(const std::vector<LaidOut*>& inputs, LaidOut& output, int images, int workers = 1) {
    std::vector<kernels::Operand> operands;
    for (LaidOut* input : inputs) operands.push_back({input->data(), input->stride()});
    run(operands, {output.data(), output.stride()}, images, workers);
  }

  void run(std::span<const kernels::Operand> inputs, kernels::Operand output, int images, int workers = 1) {
    const std::size_t scratch_bytes = kernel_->scratch_bytes(images);
    if (scratch_.size() < scratch_bytes) scratch_ = base::AlignedBuffer(scratch_bytes);
    kernels::Call call;
    call.images = images;
    call.inputs = inputs;
    call.output = output;
    call.weights = packed_.data();
    call.scratch = scratch_.data();
    call.workers = workers;
    for (call.worker = workers - 1; call.worker >= 0; --call.worker) {
      if (poison_scratch) poison(scratch_);
      kernel_->run(call);
    }
  }

  const kernels::Kernel& kernel() const { return *kernel_; }
  bool poison_scratch = true;

 private:
  static void poison(base::AlignedBuffer& buffer) {
    std::fill_n(buffer.floats(), buffer.size() / sizeof(float), std::nanf(""));
  }

  std::unique_ptr<kernels::Kernel> kernel_;
  base::AlignedBuffer packed_, scratch_;
};

}  // namespace octet::test
