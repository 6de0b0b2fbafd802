#include "cpu/features.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace octet::cpu {
namespace {

struct Requirement {
  bool CpuFeatures::*has;
  const char* name;  // as /proc/cpuinfo spells it
};

struct IsaRequirements {
  Isa isa;
  std::vector<Requirement> cpu;
  bool CpuFeatures::*saved;
  const char* registers;
};

// What each instruction set adds to the one before it: the flags that its files are compiled with
// (octet_isa_sources in cmake/octet_component.cmake).
const std::vector<IsaRequirements>& requirements() {
  using F = CpuFeatures;
  static const std::vector<IsaRequirements> list = {
      {Isa::kAvx2, {{&F::avx2, "avx2"}, {&F::fma, "fma"}}, &F::saves_ymm, "AVX"},
      {Isa::kAvx512,
       {{&F::avx512f, "avx512f"},
        {&F::avx512bw, "avx512bw"},
        {&F::avx512dq, "avx512dq"},
        {&F::avx512vl, "avx512vl"}},
       &F::saves_zmm,
       "AVX-512"},
      {Isa::kAvx512Vnni, {{&F::avx512_vnni, "avx512_vnni"}}, &F::saves_zmm, "AVX-512"},
      {Isa::kAvx512Bf16, {{&F::avx512_bf16, "avx512_bf16"}}, &F::saves_zmm, "AVX-512"},
      {Isa::kAmx,
       {{&F::amx_tile, "amx_tile"}, {&F::amx_int8, "amx_int8"}, {&F::amx_bf16, "amx_bf16"}},
       &F::saves_tiles,
       "AMX"},
  };
  return list;
}

/// Why the features that this set adds cannot be used; empty if they can.
std::string obstacle(const CpuFeatures& features, const IsaRequirements& needs) {
  std::vector<std::string> lacking;
  for (const Requirement& r : needs.cpu) {
    if (!(features.*r.has)) lacking.emplace_back(r.name);
  }
  if (!lacking.empty()) return fmt::format("the CPU lacks {}", fmt::join(lacking, ", "));
  if (!(features.*needs.saved)) {
    return fmt::format("the operating system does not save {} registers", needs.registers);
  }
  if (needs.isa == Isa::kAmx && !features.tiles_permitted) {
    return features.tiles_refusal.empty()
               ? "the operating system has no permission to give for AMX"
               : fmt::format("the operating system refuses AMX: {}", features.tiles_refusal);
  }
  return {};
}

}  // namespace

std::vector<IsaStatus> usable_isas(const CpuFeatures& features) {
  std::vector<IsaStatus> result = {{Isa::kGeneric, true, ""}};
  std::string reason;  // of the lowest that fails: whatever stands above it fails with it
  for (const IsaRequirements& needs : requirements()) {
    if (reason.empty()) reason = obstacle(features, needs);
    result.push_back({needs.isa, reason.empty(), reason});
  }
  return result;
}

Isa best_isa(const std::vector<IsaStatus>& isas) {
  Isa best = Isa::kGeneric;
  for (const IsaStatus& status : isas) {
    if (status.usable && status.isa > best) best = status.isa;
  }
  return best;
}

}  // namespace octet::cpu
