#include "cpu/float_environment.h"

namespace octet::cpu {

ScopedFloatEnvironment::ScopedFloatEnvironment() noexcept {}
ScopedFloatEnvironment::~ScopedFloatEnvironment() {}

}  // namespace octet::cpu
