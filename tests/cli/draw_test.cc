// octet draw: what it writes is what the other commands and NumPy read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/program.h"

namespace octet::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Draw : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }

  TemporaryDirectory directory_;
};

TEST_F(Draw, WritesArraysThatStartWhereTheyAreToldTo) {
  ASSERT_EQ(
      octet_program()({"draw", "--count", "40", "-o", path("all.npy"), "--labels", path("y.npy")}).exit_code,
      0);
  ASSERT_EQ(octet_program()({"draw", "--count", "30", "--first", "10", "-o", path("rest.npy")}).exit_code, 0);
  const std::string all = read_file(path("all.npy")), rest = read_file(path("rest.npy"));
  constexpr std::size_t kPicture = 40 * 40 * 3;
  EXPECT_THAT(all, HasSubstr("'descr': '|u1', 'fortran_order': False, 'shape': (40, 40, 40, 3, )"));
  ASSERT_GT(rest.size(), 30 * kPicture);
  EXPECT_TRUE(all.substr(all.size() - 30 * kPicture) == rest.substr(rest.size() - 30 * kPicture));
  const std::string labels = read_file(path("y.npy"));
  ASSERT_GT(labels.size(), 40u);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(labels[labels.size() - 40 + i], static_cast<char>(i % 20));
}

TEST_F(Draw, WritesAFolderThatAccuracyTakes) {
  const Finished drawn =
      octet_program()({"draw", "--set", "validation", "--count", "25", "--images", path("pictures")});
  ASSERT_EQ(drawn.exit_code, 0) << drawn.err;
  EXPECT_THAT(read_file(path("pictures/val.txt")),
              StartsWith("validation-000000.png 0\nvalidation-000001.png 1\n"));
  EXPECT_THAT(read_file(path("pictures/classes.txt")), StartsWith("plain triangle\nstriped triangle\n"));
  const Finished accuracy = octet_program()(
      {"accuracy", "octet-20", "--images", path("pictures"), "--labels", path("pictures/val.txt")});
  EXPECT_EQ(accuracy.exit_code, 0) << accuracy.err;
  EXPECT_THAT(accuracy.out, HasSubstr("as-is: centre crop 40x40"));
}

TEST_F(Draw, RefusesWhatItCannotDraw) {
  const std::string x = path("x.npy");
  for (const auto& [arguments, words] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"draw"}, "where should the pictures go?"},
           {{"draw", "-o", x, "--set", "all"}, "'all' is no set of drawn pictures"},
           {{"draw", "-o", x, "--count", "0"}, "1 to 100000000 were expected"},
           {{"draw", "-o", x, "--first", "100000000"}, "1 to 100000000 were expected"},
           {{"draw", "-o", path("none/x.npy")}, "none/x.npy"},
           {{"draw", "--images", "/dev/null/pictures"}, "/dev/null/pictures"}}) {
    const Finished finished = octet_program()(arguments);
    EXPECT_NE(finished.exit_code, 0) << words;
    EXPECT_THAT(finished.err, HasSubstr(words));
    EXPECT_EQ(finished.out, "");
  }
  EXPECT_FALSE(std::filesystem::exists(x));
}

}  // namespace
}  // namespace octet::test
