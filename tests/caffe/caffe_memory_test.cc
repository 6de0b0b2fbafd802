// Loading takes memory for the weights and next to nothing more: measured in a process of its own.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "tests/support/sanitizer.h"
#include "tests/support/temporary_directory.h"

namespace {

constexpr const char* kNetwork = R"(
name: "big"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 256 dim: 6 dim: 6 } } }
layer { name: "fc6" type: "InnerProduct" bottom: "data" top: "fc6" inner_product_param { num_output: 2816 } }
layer { name: "fc7" type: "InnerProduct" bottom: "fc6" top: "fc7" inner_product_param { num_output: 1024 } }
)";  // 28.8 M weights, 115 MB

using Words = std::vector<std::string>;

class CaffeMemory : public testing::TestWithParam<Words> {};

TEST_P(CaffeMemory, LoadingALargeModelTakesAtMost1Point4TimesItsSize) {
  const octet::test::TemporaryDirectory directory;
  const std::string prototxt = directory.write("big.prototxt", kNetwork).string();
  const std::string model = (directory.path() / "big.caffemodel").string();
  Words make = {prototxt, model};
  make.insert(make.end(), GetParam().begin(), GetParam().end());
  ASSERT_EQ(octet::test::Program(OCTET_MAKE_CAFFEMODEL)(make).exit_code, 0);
  const double size = static_cast<double>(std::filesystem::file_size(model));
  ASSERT_GT(size, 100e6);

  const octet::test::Finished loaded = octet::test::Program(OCTET_LOAD_CAFFEMODEL)({prototxt, model});
  ASSERT_EQ(loaded.exit_code, 0) << loaded.err;
  std::istringstream output(loaded.out);
  std::string word;
  std::uint64_t peak = 0;
  ASSERT_TRUE(output >> word >> peak) << loaded.out;
  ASSERT_EQ(word, "peak_anonymous_bytes");
  if (!octet::test::kMemoryIsCounted) GTEST_SKIP() << "a sanitizer's own memory would be counted";
  EXPECT_LE(static_cast<double>(peak), 1.4 * size) << "file of " << size << " bytes";
}

INSTANTIATE_TEST_SUITE_P(Forms, CaffeMemory,
                         testing::Values(Words{}, Words{"--v1", "--legacy-dims"}, Words{"--unpacked"},
                                         Words{"--double"}));

}  // namespace
