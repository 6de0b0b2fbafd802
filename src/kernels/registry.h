// The list of all kernels, and the pure function that picks one. Adding a kernel is one line in registry.cc;
// that line feeds selection, the conformance tests and the benchmarks.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/kernel.h"
#include "kernels/op_desc.h"
#include "octet/types.h"

namespace octet::kernels {

struct Entry {
  const char* family;     // "conv_f32": the folder
  const char* algorithm;  // "direct", "winograd", ...
  Isa isa;                // needed to run; kGeneric runs everywhere and is the family's reference
  /// Estimated time of one image on one core, in arbitrary units common to all entries of a family; below 0
  /// if the entry cannot compute this desc (also when the variant holds another family's struct). `images`:
  /// images a call will see.
  double (*cost)(const OpDesc& desc, int images);
  std::unique_ptr<Kernel> (*create)(const OpDesc& desc);
  /// Of a CUDA device's kernels (cuda/registry.h) the least compute capability, 61 being 6.1; 0: of the CPU.
  int sm = 0;

  std::string name() const;  // "conv_f32/direct/avx512", "conv_i8/tensor_cores/sm80"
};

std::span<const Entry> all_kernels();

struct SelectionOptions {
  std::span<const Entry> entries = all_kernels();
  std::vector<Isa> isas = {Isa::kGeneric};  // that may be used
  int sm = 0;                               // of the device, if the entries are a device's
  bool winograd = true;
  int images = 1;  // images that one call will see
};

/// Whether the machine or device of these options can run the entry.
bool is_allowed(const Entry& entry, const SelectionOptions& options);

/// The cheapest entry that can compute `desc`; ties go to the higher instruction set, then to the earlier
/// line. Pure: depends on its arguments only. Throws Error(kUnsupported) if there is none.
const Entry& select(const OpDesc& desc, const SelectionOptions& options);

/// All entries that can compute `desc` with these instruction sets, cheapest first (tests and benches).
std::vector<const Entry*> candidates(const OpDesc& desc, const SelectionOptions& options);

}  // namespace octet::kernels
