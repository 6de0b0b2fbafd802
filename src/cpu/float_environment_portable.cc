#include "cpu/float_environment.h"

namespace octet::cpu {

ScopedFloatEnvironment::ScopedFloatEnvironment() noexcept = default;
ScopedFloatEnvironment::~ScopedFloatEnvironment() = default;

}  // namespace octet::cpu
