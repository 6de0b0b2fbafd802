// CPUID, XCR0 and Linux's permission for AMX. Bit positions: Intel 64 Software Developer's Manual, volume 2,
// CPUID leaves 1 and 7; volume 1, section 13.3 (XCR0).
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "cpu/features.h"

namespace octet::cpu {
namespace {

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

constexpr bool bit(unsigned value, int position) { return (value >> position & 1u) != 0; }

/// The register sets that the operating system saves. Only to be read if CPUID says OSXSAVE.
std::uint32_t read_xcr0() {
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

/// Tile data is 8 KiB a thread, so Linux saves it only for processes that ask (since 5.16,
/// Documentation/arch/x86/xstate.rst).
void ask_for_tiles(CpuFeatures& features) {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  features.tiles_permitted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  if (!features.tiles_permitted) features.tiles_refusal = std::strerror(errno);
}

CpuFeatures detect() {
  CpuFeatures f;
  const Registers basic = cpuid(1, 0), extended = cpuid(7, 0);
  f.fma = bit(basic.ecx, 12);
  f.avx2 = bit(extended.ebx, 5);
  f.avx512f = bit(extended.ebx, 16);
  f.avx512dq = bit(extended.ebx, 17);
  f.avx512bw = bit(extended.ebx, 30);
  f.avx512vl = bit(extended.ebx, 31);
  f.avx512_vnni = bit(extended.ecx, 11);
  f.amx_bf16 = bit(extended.edx, 22);
  f.amx_tile = bit(extended.edx, 24);
  f.amx_int8 = bit(extended.edx, 25);
  if (extended.eax >= 1) f.avx512_bf16 = bit(cpuid(7, 1).eax, 5);

  const bool os_xsave = bit(basic.ecx, 27);
  const std::uint32_t saved = os_xsave ? read_xcr0() : 0;
  constexpr std::uint32_t kYmm = 0x6, kZmm = 0xe6, kTiles = 0x60000;
  f.saves_ymm = (saved & kYmm) == kYmm;
  f.saves_zmm = (saved & kZmm) == kZmm;
  f.saves_tiles = (saved & kTiles) == kTiles;
  if (f.amx_tile && f.saves_tiles) ask_for_tiles(f);
  return f;
}

}  // namespace

const CpuFeatures& detect_features() {
  static const CpuFeatures features = detect();
  return features;
}

}  // namespace octet::cpu
