// NVIDIA's run-time compiler (NVRTC), for devices that the module's image has nothing for: CUDA 13 no longer
// compiles for Pascal, the run-time compiler of CUDA 12 does. It is loaded when it is asked for; the few
// functions used are declared here as NVIDIA's NVRTC reference documents them, so that nothing of CUDA is
// needed to build.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/module.h"

namespace octet::cuda {

class RuntimeCompiler {
 public:
  /// Loads `library`, a path or a name as the system's loader takes them; if it is empty, the first of the
  /// usual names that is there. It stays loaded, as it is not made to be unloaded. Throws kNotFound if there
  /// is none, with the loader's words, kUnsupported if it is no run-time compiler or too old.
  explicit RuntimeCompiler(const std::string& library = "");

  /// "libnvrtc.so.12 of CUDA 12.9".
  const std::string& description() const { return description_; }
  /// Compute capabilities that it compiles for, 61 for 6.1, rising.
  const std::vector<int>& architectures() const { return architectures_; }

  /// Compiles the first of `sources`, which include each other by name and nothing else. Of the architecture
  /// "sm_61" it makes a cubin, of "compute_61" PTX with a zero behind it; a driver loads both. Takes seconds.
  /// Throws kUnsupported for an architecture that it does not know, kInternal with the compiler's log if it
  /// finds an error.
  std::vector<std::byte> compile(std::string_view architecture,
                                 std::span<const SourceFile> sources = module_sources()) const;

 private:
  // nvrtcResult and nvrtcProgram.
  using Result = int;
  using Program = void*;

  template <class Function>
  void load(Function*& function, const char* name);
  void check(Result result, std::string_view call) const;

  void* library_ = nullptr;
  std::string description_;
  std::vector<int> architectures_;
  int major_ = 0;

  const char* (*get_error_string_)(Result) = nullptr;
  Result (*version_)(int* major, int* minor) = nullptr;
  Result (*get_num_supported_archs_)(int* count) = nullptr;
  Result (*get_supported_archs_)(int* architectures) = nullptr;
  Result (*create_program_)(Program* program, const char* source, const char* name, int headers,
                            const char* const* header_sources, const char* const* header_names) = nullptr;
  Result (*destroy_program_)(Program* program) = nullptr;
  Result (*compile_program_)(Program program, int count, const char* const* options) = nullptr;
  Result (*get_log_size_)(Program program, std::size_t* bytes) = nullptr;
  Result (*get_log_)(Program program, char* log) = nullptr;
  Result (*get_cubin_size_)(Program program, std::size_t* bytes) = nullptr;
  Result (*get_cubin_)(Program program, char* cubin) = nullptr;
  Result (*get_ptx_size_)(Program program, std::size_t* bytes) = nullptr;
  Result (*get_ptx_)(Program program, char* ptx) = nullptr;
};

}  // namespace octet::cuda
