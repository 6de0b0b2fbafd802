#include "cuda/registry.h"

#include "cuda/kernels/families.h"

namespace octet::cuda {
namespace {

const kernels::Entry kEntries[] = {
#define OCTET_CUDA_KERNEL(family, algorithm, sm, function) \
  {family, algorithm, Isa::kGeneric, function##_cost, function, sm},
#include "cuda/kernels.inc"
};

}  // namespace

std::span<const kernels::Entry> all_kernels() { return kEntries; }

}  // namespace octet::cuda
