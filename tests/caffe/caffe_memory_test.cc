// Loading takes memory for the weights and next to nothing more: measured in a process of its own.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/support/temporary_directory.h"

namespace {

constexpr const char* kNetwork = R"(
name: "big"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 256 dim: 6 dim: 6 } } }
layer { name: "fc6" type: "InnerProduct" bottom: "data" top: "fc6" inner_product_param { num_output: 2816 } }
layer { name: "fc7" type: "InnerProduct" bottom: "fc6" top: "fc7" inner_product_param { num_output: 1024 } }
)";  // 28.8 M weights, 115 MB

struct Finished {
  int exit_code;
  std::string output;
};

Finished run(const std::string& command) {
  Finished result{-1, ""};
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return result;
  char buffer[256];
  while (fgets(buffer, sizeof buffer, pipe) != nullptr) result.output += buffer;
  const int status = pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

class CaffeMemory : public testing::TestWithParam<const char*> {};

TEST_P(CaffeMemory, LoadingALargeModelTakesAtMost1Point4TimesItsSize) {
  const octet::test::TemporaryDirectory directory;
  const std::string prototxt = directory.write("big.prototxt", kNetwork).string();
  const std::string model = (directory.path() / "big.caffemodel").string();
  ASSERT_EQ(
      run(std::string(OCTET_MAKE_CAFFEMODEL) + " " + prototxt + " " + model + " " + GetParam()).exit_code, 0);
  const double size = static_cast<double>(std::filesystem::file_size(model));
  ASSERT_GT(size, 100e6);

  const Finished loaded = run(std::string(OCTET_LOAD_CAFFEMODEL) + " " + prototxt + " " + model);
  ASSERT_EQ(loaded.exit_code, 0) << loaded.output;
  unsigned long long peak = 0;
  ASSERT_EQ(std::sscanf(loaded.output.c_str(), "peak_anonymous_bytes %llu", &peak), 1) << loaded.output;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory would be counted";
#endif
  EXPECT_LE(static_cast<double>(peak), 1.4 * size) << "file of " << size << " bytes";
}

INSTANTIATE_TEST_SUITE_P(Forms, CaffeMemory,
                         testing::Values("", "--v1 --legacy-dims", "--unpacked", "--double"));

}  // namespace
