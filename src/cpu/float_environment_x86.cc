#include <xmmintrin.h>

#include "cpu/float_environment.h"

namespace octet::cpu {
namespace {
// MXCSR: all exceptions masked (bits 7-12), round to nearest (bits 13-14 zero), results flushed to zero (15),
// denormal operands taken as zero (6).
constexpr unsigned kMaskAll = 0x1f80, kFlushToZero = 0x8000, kDenormalsAreZero = 0x40;
}  // namespace

ScopedFloatEnvironment::ScopedFloatEnvironment(Denormals denormals) noexcept : saved_(_mm_getcsr()) {
  _mm_setcsr(kMaskAll | (denormals == Denormals::kFlushed ? kFlushToZero | kDenormalsAreZero : 0));
}

ScopedFloatEnvironment::~ScopedFloatEnvironment() { _mm_setcsr(saved_); }

}  // namespace octet::cpu
