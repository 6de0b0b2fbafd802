// The CUDA driver library of this machine, opened when it is first asked for.
#pragma once

#include <optional>
#include <string>

#include "cuda/driver/api.h"

namespace octet::cuda::driver {

struct Library {
  std::optional<Api> api;
  int version = 0;     ///< of CUDA that the driver supports; 0: unknown
  std::string reason;  ///< why there is no `api`
};

/// `file` as dlopen takes it. It stays open until the process ends.
Library open_library(const char* file);

/// libcuda.so.1, opened once in a process.
const Library& library();

/// 12040 -> "12.4".
std::string version_text(int version);

}  // namespace octet::cuda::driver
