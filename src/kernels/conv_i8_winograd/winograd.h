// Convolution by exact INT8 Winograd over the transforms and micro-kernels of one instruction set: what
// entries.cc makes the registry's lines of.
#pragma once

#include <memory>

#include "kernels/conv_dot/contract.h"
#include "kernels/conv_i8_winograd/contract.h"
#include "kernels/conv_i8_winograd/packing.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_i8_winograd {

/// What a kernel is made of.
struct InstructionSet {
  const Transforms* transforms;
  const conv_dot::ElementKernels* products;  ///< for s16
  int lanes, rows;                           ///< of a product at most; lanes 16 or 32
  const conv_dot::ElementKernels* direct;    ///< for u8, where the condition excludes a layer
};

extern const InstructionSet kAvx2, kAvx512, kAvx512Vnni;

/// The description if this family computes it, else null: 3x3 to 9x9 of stride 1 over whole blocks of
/// channels.
const ConvDesc* as_winograd(const OpDesc& desc);

/// kIgnored: computes what the condition excludes too, wrongly; for the test that shows what it is for.
enum class Condition { kChecked, kIgnored };
std::unique_ptr<Kernel> make_winograd(const ConvDesc& desc, const InstructionSet& isa, Stored stored,
                                      Condition condition = Condition::kChecked);

}  // namespace octet::kernels::conv_i8_winograd
