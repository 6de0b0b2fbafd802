// How this library was built: a result that is kept must say by what it was made.
#pragma once

#include <string>

#include "octet/api.h"

namespace octet {

struct BuildInfo {
  std::string version;     ///< "0.1.0"
  std::string revision;    ///< git commit, "-dirty" if the tree had changes; "unknown" outside a checkout
  std::string compiler;    ///< "GNU 12.2.0"
  std::string flags;       ///< of the common code; instruction-set files have more
  std::string build_type;  ///< "Release"
};
OCTET_API const BuildInfo& build_info();

}  // namespace octet
