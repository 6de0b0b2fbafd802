// What the CPU can do and what the operating system lets it do, as plain data: detected once, faked in tests.
// Everything that depends on the instruction set is decided from this, never from the machine itself.
#pragma once

#include <string>
#include <vector>

#include "octet/machine.h"

namespace octet::cpu {

struct CpuFeatures {
  // The CPU's own claims (CPUID).
  bool avx2 = false, fma = false;
  bool avx512f = false, avx512bw = false, avx512dq = false, avx512vl = false;
  bool avx512_vnni = false, avx512_bf16 = false;
  bool amx_tile = false, amx_int8 = false, amx_bf16 = false;
  // What the operating system saves at a task switch (XCR0); without it the registers must not be used.
  bool saves_ymm = false, saves_zmm = false, saves_tiles = false;
  // Linux gives AMX to a process that asks for it.
  bool tiles_permitted = false;
  std::string tiles_refusal;  // the system's words, if it was asked and said no
};

/// This machine's. The first call asks Linux for the permission to use AMX, if there is AMX.
const CpuFeatures& detect_features();

/// One entry per Isa, rising, with the reason why one is not usable. Pure.
std::vector<IsaStatus> usable_isas(const CpuFeatures& features);

/// The highest usable one.
Isa best_isa(const std::vector<IsaStatus>& isas);

}  // namespace octet::cpu
