// The floating-point environment that results are defined in: round to nearest, exceptions masked. A caller
// may have another: a program linked with GCC's -ffast-math, for one, starts with denormals flushed. The
// caller's settings come back when the scope ends. Per thread; threads started within have it too. Nothing
// happens on CPUs other than x86.
#pragma once

namespace octet::cpu {

enum class Denormals {
  kKept,     ///< while networks are read, calibrated and built
  kFlushed,  ///< taken as zero, while engines run: they cost a hundred cycles each, and arise in the tails of
             ///< softmax and LRN
};

class ScopedFloatEnvironment {
 public:
  explicit ScopedFloatEnvironment(Denormals denormals) noexcept;
  ~ScopedFloatEnvironment();
  ScopedFloatEnvironment(const ScopedFloatEnvironment&) = delete;
  ScopedFloatEnvironment& operator=(const ScopedFloatEnvironment&) = delete;

 private:
  unsigned saved_ = 0;
};

}  // namespace octet::cpu
