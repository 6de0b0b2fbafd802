#include "cuda/runtime_compiler.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "octet/error.h"

namespace octet::cuda {
namespace {

constexpr int kSuccess = 0;           // NVRTC_SUCCESS
constexpr int kCompilationError = 6;  // NVRTC_ERROR_COMPILATION

// CUDA 12's first: it compiles for everything from compute capability 5.0 on.
constexpr const char* kUsualNames[] = {"libnvrtc.so.12", "libnvrtc.so.13", "libnvrtc.so.11.2"};

void* open_library(const std::string& library, std::string& opened) {
  std::string reasons;
  const auto attempt = [&](const std::string& name) {
    void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) {
      opened = name;
    } else {
      const char* why = ::dlerror();
      reasons += fmt::format("{}{}", reasons.empty() ? "" : "; ", why != nullptr ? why : name);
    }
    return handle;
  };
  void* handle = nullptr;
  if (!library.empty()) {
    handle = attempt(library);
  } else {
    for (const char* name : kUsualNames)
      if (handle == nullptr) handle = attempt(name);
  }
  if (handle == nullptr)
    throw Error(ErrorCode::kNotFound, fmt::format("no CUDA run-time compiler (NVRTC): {}", reasons));
  return handle;
}

/// 61 of "sm_61" and "compute_61", 0 of anything else.
int capability_of(std::string_view architecture) {
  for (const std::string_view kind : {"sm_", "compute_"}) {
    if (!architecture.starts_with(kind)) continue;
    const std::string_view digits = architecture.substr(kind.size());
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc() && end == digits.data() + digits.size()) return value;
  }
  return 0;
}

}  // namespace

template <class Function>
void RuntimeCompiler::load(Function*& function, const char* name) {
  function = reinterpret_cast<Function*>(::dlsym(library_, name));
  if (function == nullptr)
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{} has no function {}: expected NVRTC of CUDA 11.2 or later", description_, name));
}

void RuntimeCompiler::check(Result result, std::string_view call) const {
  if (result == kSuccess) return;
  throw Error(ErrorCode::kInternal,
              fmt::format("{}: {}: error {}, {}", description_, call, result, get_error_string_(result)));
}

RuntimeCompiler::RuntimeCompiler(const std::string& library) {
  library_ = open_library(library, description_);
  load(get_error_string_, "nvrtcGetErrorString");
  load(version_, "nvrtcVersion");
  load(get_num_supported_archs_, "nvrtcGetNumSupportedArchs");
  load(get_supported_archs_, "nvrtcGetSupportedArchs");
  load(create_program_, "nvrtcCreateProgram");
  load(destroy_program_, "nvrtcDestroyProgram");
  load(compile_program_, "nvrtcCompileProgram");
  load(get_log_size_, "nvrtcGetProgramLogSize");
  load(get_log_, "nvrtcGetProgramLog");
  load(get_cubin_size_, "nvrtcGetCUBINSize");
  load(get_cubin_, "nvrtcGetCUBIN");
  load(get_ptx_size_, "nvrtcGetPTXSize");
  load(get_ptx_, "nvrtcGetPTX");
  int minor = 0, count = 0;
  check(version_(&major_, &minor), "nvrtcVersion");
  description_ += fmt::format(" of CUDA {}.{}", major_, minor);
  check(get_num_supported_archs_(&count), "nvrtcGetNumSupportedArchs");
  architectures_.resize(static_cast<std::size_t>(std::max(count, 0)));
  check(get_supported_archs_(architectures_.data()), "nvrtcGetSupportedArchs");
  std::sort(architectures_.begin(), architectures_.end());
}

std::vector<std::byte> RuntimeCompiler::compile(std::string_view architecture,
                                                std::span<const SourceFile> sources) const {
  const int capability = capability_of(architecture);
  if (std::find(architectures_.begin(), architectures_.end(), capability) == architectures_.end())
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} does not compile for '{}': expected sm_ or compute_ and one of {}",
                            description_, architecture, fmt::join(architectures_, ", ")));
  if (sources.empty()) throw Error(ErrorCode::kInvalidArgument, "nothing to compile for a CUDA device");

  std::vector<std::string> strings;  // with a zero behind them: texts and names by turns
  for (const SourceFile& source : sources) {
    strings.emplace_back(source.text);
    strings.emplace_back(source.name);
  }
  std::vector<const char*> texts, names;
  for (std::size_t i = 2; i < strings.size(); i += 2) {
    texts.push_back(strings[i].c_str());
    names.push_back(strings[i + 1].c_str());
  }
  Program created = nullptr;
  check(create_program_(&created, strings[0].c_str(), strings[1].c_str(), static_cast<int>(texts.size()),
                        texts.data(), names.data()),
        "nvrtcCreateProgram");
  const auto destroy = [this](Program program) { destroy_program_(&program); };
  const std::unique_ptr<void, decltype(destroy)> program(created, destroy);

  // As cmake/cuda.cmake has them; CUDA 11 does not know C++20.
  const std::string target = fmt::format("--gpu-architecture={}", architecture);
  const char* options[] = {target.c_str(), major_ >= 12 ? "--std=c++20" : "--std=c++17", "--fmad=false",
                           "-default-device"};  // generic lambdas are unannotated
  const Result result = compile_program_(program.get(), static_cast<int>(std::size(options)), options);
  if (result != kSuccess) {
    std::size_t bytes = 0;
    std::string log;
    if (get_log_size_(program.get(), &bytes) == kSuccess && bytes > 0) {
      log.resize(bytes);
      if (get_log_(program.get(), log.data()) != kSuccess) log.clear();
      log.resize(std::min(log.size(), log.find('\0')));
    }
    throw Error(ErrorCode::kInternal,
                fmt::format("{} cannot compile {} for {}: {}{}", description_, sources[0].name, architecture,
                            result == kCompilationError ? "" : get_error_string_(result),
                            log.empty() ? "" : "\n" + log));
  }

  const bool machine_code = architecture.starts_with("sm_");
  std::size_t bytes = 0;
  check((machine_code ? get_cubin_size_ : get_ptx_size_)(program.get(), &bytes), "size of what was compiled");
  std::vector<std::byte> made(bytes);
  check((machine_code ? get_cubin_ : get_ptx_)(program.get(), reinterpret_cast<char*>(made.data())),
        "what was compiled");
  if (made.empty())
    throw Error(ErrorCode::kInternal,
                fmt::format("{} made nothing of {} for {}", description_, sources[0].name, architecture));
  return made;
}

}  // namespace octet::cuda
