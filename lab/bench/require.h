// What the settings of a measurement must hold.
#pragma once

#include <string>

#include "octet/error.h"

namespace octet::lab {

inline void require(bool condition, const std::string& message) {
  if (!condition) throw Error(ErrorCode::kInvalidArgument, message);
}

}  // namespace octet::lab
