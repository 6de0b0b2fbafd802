#include "cuda/driver/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace octet::cuda::driver {
namespace {

/// Null where the library does not have it.
template <class Call>
void resolve(void* handle, const char* symbol, Call*& call) {
  call = reinterpret_cast<Call*>(::dlsym(handle, symbol));
}

/// The first function that the library lacks, or null.
const char* resolve_all(void* handle, Api& api) {
  const char* missing = nullptr;
#define OCTET_DRIVER_CALL(symbol, parameters, names) \
  resolve(handle, #symbol, api.symbol);              \
  if (api.symbol == nullptr && missing == nullptr) missing = #symbol;
#include "cuda/driver/calls.inc"
  return missing;
}

}  // namespace

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

Library open_library(const char* file) {
  Library result;
  void* const handle = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const why = ::dlerror();
    result.reason =
        fmt::format("no CUDA driver: {}", why != nullptr ? why : fmt::format("{} cannot be opened", file));
    return result;
  }
  Api api;
  const char* const missing = resolve_all(handle, api);
  if (api.cuDriverGetVersion != nullptr && api.cuDriverGetVersion(&result.version) != Status::kSuccess)
    result.version = 0;
  if (result.version != 0 && result.version < kLeastDriverVersion)
    result.reason = fmt::format("the CUDA driver is too old: it supports CUDA {}, {} or later is needed",
                                version_text(result.version), version_text(kLeastDriverVersion));
  else if (missing != nullptr)
    result.reason = fmt::format("{} is no CUDA driver that we know: it has no function {}", file, missing);
  else
    result.api = api;
  return result;
}

const Library& library() {
  static const Library opened = open_library("libcuda.so.1");
  return opened;
}

}  // namespace octet::cuda::driver
