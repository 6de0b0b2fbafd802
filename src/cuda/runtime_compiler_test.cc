// A run-time compiler makes the module for what the image lacks, and says what it cannot do. Uses that of
// scripts/setup-cuda, or the system's.
#include "cuda/runtime_compiler.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>

#include "octet/error.h"
#include "tests/support/sanitizer.h"

namespace octet::cuda {
namespace {

struct ListedFunction {
  std::string_view name;
  int least_sm;
};
constexpr ListedFunction kListed[] = {
#define OCTET_DEVICE_FUNCTION(name, Params, body, threads, least_sm) {"octet_" #name, least_sm},
#include "cuda/functions.inc"
};

/// In .venv-cuda; empty if it has not been made.
std::string installed_library() {
  std::error_code none;
  for (const auto& python : std::filesystem::directory_iterator(".venv-cuda/lib", none)) {
    const auto library = python.path() / "site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12";
    if (std::filesystem::exists(library)) return std::filesystem::absolute(library).string();
  }
  return "";
}

template <class Call>
std::string error_of(ErrorCode code, const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

class RuntimeCompilerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (octet::test::kSanitizer)
      GTEST_SKIP() << "a sanitizer's dlopen looks for no library beside the one that asks, as NVRTC needs";
    try {
      compiler_ = std::make_unique<RuntimeCompiler>(installed_library());
    } catch (const Error& error) {
      GTEST_SKIP() << error.what() << "; scripts/setup-cuda installs one";
    }
  }
  std::unique_ptr<RuntimeCompiler> compiler_;
};

TEST_F(RuntimeCompilerTest, MakesEveryFunctionThatTheArchitectureHas) {
  const std::vector<int>& known = compiler_->architectures();
  const int sm = std::find(known.begin(), known.end(), 61) != known.end() ? 61 : 75;
  const std::vector<std::byte> cubin = compiler_->compile("sm_" + std::to_string(sm));
  const std::string_view text(reinterpret_cast<const char*>(cubin.data()), cubin.size());
  EXPECT_EQ(text.substr(1, 3), "ELF");
  for (const ListedFunction& function : kListed) {
    std::string section = ".text." + std::string(function.name);
    section += '\0';
    EXPECT_EQ(text.find(section) != std::string_view::npos, function.least_sm <= sm)
        << function.name << " for compute capability " << sm << ", " << compiler_->description();
  }
  if (sm != 61)
    GTEST_SKIP() << compiler_->description() << " does not compile for sm_61, so it was sm_75; "
                 << "scripts/setup-cuda installs one that does";
}

TEST_F(RuntimeCompilerTest, MakesIntermediateCodeToo) {
  const SourceFile files[] = {{"f.cu", "extern \"C\" __global__ void f() {}\n"}};
  const std::vector<std::byte> ptx = compiler_->compile("compute_80", files);
  ASSERT_EQ(ptx.back(), std::byte{0});
  EXPECT_THAT(reinterpret_cast<const char*>(ptx.data()), testing::HasSubstr(".target sm_80"));
}

TEST_F(RuntimeCompilerTest, ErrorsHaveTheCompilersWords) {
  const SourceFile files[] = {{"wrong.cu", "#include \"part.h\"\nint other = missing;\n"}, {"part.h", "\n"}};
  const std::string message = error_of(ErrorCode::kInternal, [&] { compiler_->compile("sm_80", files); });
  EXPECT_THAT(message, testing::HasSubstr("cannot compile wrong.cu for sm_80"));
  EXPECT_THAT(message, testing::HasSubstr("wrong.cu(2): error: identifier \"missing\" is undefined"));
  error_of(ErrorCode::kInvalidArgument, [&] { compiler_->compile("sm_80", {}); });
}

TEST_F(RuntimeCompilerTest, ErrorsNameTheArchitecturesThatItHas) {
  for (const char* architecture : {"sm_1", "sm_", "sm_80x", "80", "", "compute_9999999999"}) {
    const std::string message = error_of(ErrorCode::kUnsupported, [&] { compiler_->compile(architecture); });
    EXPECT_THAT(message, testing::HasSubstr("does not compile for '" + std::string(architecture) + "'"));
    EXPECT_THAT(message, testing::HasSubstr("80"));
  }
}

TEST(RuntimeCompilerLibrary, ErrorsNameWhatWasLookedFor) {
  const std::string message =
      error_of(ErrorCode::kNotFound, [] { RuntimeCompiler("/nowhere/libnvrtc.so.12"); });
  EXPECT_THAT(message, testing::HasSubstr("/nowhere/libnvrtc.so.12"));
}

TEST(RuntimeCompilerLibrary, OtherLibrariesAreNone) {
  const std::string message = error_of(ErrorCode::kUnsupported, [] { RuntimeCompiler("libm.so.6"); });
  EXPECT_THAT(message, testing::HasSubstr("libm.so.6 has no function nvrtc"));
}

}  // namespace
}  // namespace octet::cuda
