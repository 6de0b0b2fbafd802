// The floating-point environment that results are defined in: round to nearest, exceptions masked, denormals
// treated as zero (they cost a hundred cycles each and arise in the tails of softmax and LRN). A caller's own
// settings come back when the scope ends. Per thread; nothing happens on CPUs other than x86.
#pragma once

namespace octet::cpu {

class ScopedFloatEnvironment {
 public:
  ScopedFloatEnvironment() noexcept;
  ~ScopedFloatEnvironment();
  ScopedFloatEnvironment(const ScopedFloatEnvironment&) = delete;
  ScopedFloatEnvironment& operator=(const ScopedFloatEnvironment&) = delete;

 private:
  unsigned saved_ = 0;
};

}  // namespace octet::cpu
