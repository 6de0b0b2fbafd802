#include "cpu/float_environment.h"

namespace octet::cpu {

ScopedFloatEnvironment::ScopedFloatEnvironment(Denormals) noexcept {}
ScopedFloatEnvironment::~ScopedFloatEnvironment() {}

}  // namespace octet::cpu
