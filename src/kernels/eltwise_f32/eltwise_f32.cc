// Element-wise kernels: what does not depend on the instruction set. Splits the images' vectors over workers.
#include <algorithm>

#include "kernels/eltwise_f32/contract.h"
#include "kernels/eltwise_f32/relu_form.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace {

const EltwiseFunction* functions_of(const EltwiseDesc& desc, const EltwiseF32Functions& functions) {
  switch (desc.kind) {
    case EltwiseKind::kProduct:
      return functions.product;
    case EltwiseKind::kMax:
      return functions.max;
    case EltwiseKind::kMin:
      return functions.min;
    case EltwiseKind::kQuotient:
      return functions.quotient;
    case EltwiseKind::kSum:
      break;
  }
  return desc.coefficients.empty() ? functions.sum : functions.weighted_sum;
}

/// Vectors of a run with an input of one pixel, which is repeated into scratch as often: 4 KiB an input.
constexpr std::int64_t kRepeats = 64;

class Eltwise final : public Kernel {
 public:
  Eltwise(const EltwiseDesc& desc, const EltwiseF32Functions& functions)
      : desc_(desc), relu_(parameters_of(desc.relu)) {
    function_ = functions_of(desc, functions)[form_of(desc.relu)];
    // Present in any case, so that the functions may form their addresses.
    desc_.coefficients.resize(static_cast<std::size_t>(desc.inputs), 1.0f);
    desc_.input_maps.resize(static_cast<std::size_t>(desc.inputs), desc.map);
    any_repeated_ = std::any_of(desc_.input_maps.begin(), desc_.input_maps.end(),
                                [&](const FeatureMap& input) { return is_repeated(input); });
    // A quotient of padding lanes is 0 / 0.
    writes_padding_ = desc.kind == EltwiseKind::kQuotient && desc.map.channels % kChannelBlock != 0;
  }

  /// The inputs' addresses, then what is repeated of each.
  std::size_t scratch_bytes(int) const override {
    const std::int64_t repeated = any_repeated_ ? desc_.inputs * kRepeats * kChannelBlock : 0;
    return addresses_bytes() + static_cast<std::size_t>(repeated) * sizeof(float);
  }
  bool in_place(int input) const override {
    return !is_repeated(desc_.input_maps[static_cast<std::size_t>(input)]);
  }

  void run(const Call& call) const noexcept override {
    const std::int64_t pixels = desc_.map.pixels(), vectors_per_image = desc_.map.blocks() * pixels;
    const Share share = share_of(call.images * vectors_per_image, call.worker, call.workers);
    for (std::int64_t item = share.begin; item < share.end;) {
      const std::int64_t image = item / vectors_per_image, vector = item % vectors_per_image;
      std::int64_t vectors = std::min(vectors_per_image - vector, share.end - item);
      if (any_repeated_ || writes_padding_) vectors = std::min(vectors, pixels - vector % pixels);
      if (any_repeated_) vectors = std::min(vectors, kRepeats);
      run_vectors(call, image, vector, vectors, item == share.begin || vector % pixels == 0);
      item += vectors;
    }
  }

 private:
  bool is_repeated(const FeatureMap& input) const { return !input.same_sizes(desc_.map); }
  std::size_t addresses_bytes() const {
    constexpr std::size_t kLine = 64;
    return (static_cast<std::size_t>(desc_.inputs) * sizeof(const float*) + kLine - 1) / kLine * kLine;
  }

  /// `first_of_block`: what is repeated changes.
  void run_vectors(const Call& call, std::int64_t image, std::int64_t vector, std::int64_t vectors,
                   bool first_of_block) const noexcept {
    const std::int64_t offset = vector * kChannelBlock, block = vector / desc_.map.pixels();
    const auto inputs = reinterpret_cast<const float**>(call.scratch);
    for (std::size_t i = 0; i < static_cast<std::size_t>(desc_.inputs); ++i) {
      const float* map = call.inputs[i].floats() + image * call.inputs[i].image_stride;
      if (!is_repeated(desc_.input_maps[i])) {
        inputs[i] = map + offset;
        continue;
      }
      float* const repeated = reinterpret_cast<float*>(call.scratch + addresses_bytes()) +
                              static_cast<std::int64_t>(i) * kRepeats * kChannelBlock;
      if (first_of_block) repeat(map + block * kChannelBlock, repeated);
      inputs[i] = repeated;
    }
    EltwiseRun run;
    run.inputs = inputs;
    run.coefficients = desc_.coefficients.data();
    run.input_count = desc_.inputs;
    run.output = call.output.floats() + image * call.output.image_stride + offset;
    run.vectors = vectors;
    run.relu = relu_;
    function_(run);
    if (writes_padding_ && block + 1 == desc_.map.blocks()) zero_padding(run.output, vectors);
  }

  void repeat(const float* pixel, float* to) const noexcept {
    const std::int64_t count = std::min(kRepeats, desc_.map.pixels());
    for (std::int64_t i = 0; i < count; ++i) std::copy_n(pixel, kChannelBlock, to + i * kChannelBlock);
  }
  void zero_padding(float* block, std::int64_t vectors) const noexcept {
    const std::int64_t lane = desc_.map.channels % kChannelBlock;
    for (std::int64_t i = 0; i < vectors; ++i)
      std::fill_n(block + i * kChannelBlock + lane, kChannelBlock - lane, 0.0f);
  }

  EltwiseDesc desc_;
  ReluParameters relu_;
  EltwiseFunction function_;
  bool any_repeated_, writes_padding_;
};

double cost(const OpDesc& desc, double unit) {
  const auto* eltwise = std::get_if<EltwiseDesc>(&desc);
  if (eltwise == nullptr) return -1;
  if (eltwise->map.layout != Layout::kNchw16c || eltwise->map.type != DataType::kFloat32) return -1;
  if (eltwise->inputs < 2) return -1;
  const auto inputs = static_cast<std::size_t>(eltwise->inputs);
  for (const std::size_t given : {eltwise->coefficients.size(), eltwise->input_maps.size()})
    if (given != 0 && given != inputs) return -1;
  for (const FeatureMap& input : eltwise->input_maps) {
    if (input.layout != eltwise->map.layout || input.type != eltwise->map.type) return -1;
    if (!input.same_sizes(eltwise->map) && !is_repeated_over(input, eltwise->map)) return -1;
  }
  return unit * static_cast<double>(eltwise->map.elements()) * eltwise->inputs;
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const EltwiseF32Functions& functions) {
  return std::make_unique<Eltwise>(std::get<EltwiseDesc>(desc), functions);
}

}  // namespace

double eltwise_f32_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> eltwise_f32_generic(const OpDesc& desc) { return create(desc, kEltwiseF32Generic); }

#ifdef OCTET_X86
double eltwise_f32_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> eltwise_f32_avx2(const OpDesc& desc) { return create(desc, kEltwiseF32Avx2); }
double eltwise_f32_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> eltwise_f32_avx512(const OpDesc& desc) { return create(desc, kEltwiseF32Avx512); }
#endif

}  // namespace octet::kernels
