#include "cuda/model/entries.h"

#include "cuda/kernels/families.h"
#include "cuda/model/on_model.h"

namespace octet::cuda::model {
namespace {

const kernels::Entry kModelEntries[] = {
#define OCTET_CUDA_KERNEL(family, algorithm, sm, function) \
  {family, algorithm, Isa::kGeneric, function##_cost, on_model<function, sm>, sm},
#include "cuda/kernels.inc"
};

}  // namespace

std::span<const kernels::Entry> all_kernels_on_model() { return kModelEntries; }

}  // namespace octet::cuda::model
