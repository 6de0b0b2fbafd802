// Commands that write a file where it cannot be written: no room on the disk, a folder that is read-only.
// They say which file and why, end with another exit code than 0, leave no part of the new file and all of
// the old one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/cli/mount_namespace.h"

namespace octet::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct Output {
  const char* file;  ///< that is written first
  std::vector<std::string>
      arguments;  ///< after the program; "OUT" is the file, "DIR" its folder, "PICTURES" one of two
};
// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's name
void PrintTo(const Output& output, std::ostream* out) { *out << output.arguments[0] << ' ' << output.file; }

class OutputInTrouble : public ::testing::TestWithParam<Output> {
 protected:
  void SetUp() override {
    if (!has_mount_namespaces()) GTEST_SKIP() << "no mount namespaces here";
    fs::create_directory(folder_);
    const Finished drawn = octet_program()({"draw", "--count", "2", "--images", pictures_});
    ASSERT_EQ(drawn.exit_code, 0) << drawn.err;
  }

  /// The command on a small disk of its own with an old file, after `prepare` ($1: the folder). 90 and up:
  /// it could not be made, or something is not as it was.
  Finished run_after(const std::string& prepare) const {
    const std::string script = R"sh(
        dir=$1 old=$1/$2; shift 2
        mount -t tmpfs -o size=256k tmpfs "$dir" || exit 90
        echo old > "$old" || exit 91
        )sh" + prepare + R"sh(
        before=$(ls -A "$dir")
        "$@"; code=$?
        [ "$(cat "$old")" = old ] || exit 93
        [ "$(ls -A "$dir")" = "$before" ] || exit 94
        exit $code)sh";
    std::vector<std::string> arguments = {folder_.string(), GetParam().file, OCTET_PROGRAM};
    const std::map<std::string, std::string> paths = {
        {"OUT", folder_ / GetParam().file}, {"DIR", folder_}, {"PICTURES", pictures_}};
    for (const std::string& argument : GetParam().arguments)
      arguments.push_back(paths.contains(argument) ? paths.at(argument) : argument);
    return in_mount_namespace(script, arguments);
  }
  void expect_refused(const Finished& run, const fs::path& path, const std::string& reason) const {
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_THAT(run.err, HasSubstr(path.string()));
    EXPECT_THAT(run.err, HasSubstr(reason));
  }

  TemporaryDirectory directory_;
  fs::path folder_ = directory_.path() / "disk";
  std::string pictures_ = (directory_.path() / "pictures").string();
};

TEST_P(OutputInTrouble, OnAFullDiskItIsRefusedAndTheOldFileKept) {
  expect_refused(run_after(R"(dd if=/dev/zero of="$dir/filler" bs=4k 2> /dev/null)"),
                 folder_ / GetParam().file, "No space left on device");
}

TEST_P(OutputInTrouble, InAReadOnlyFolderItIsRefusedAndTheOldFileKept) {
  expect_refused(run_after(R"(mount -o remount,ro "$dir" || exit 92)"), folder_, "Read-only file system");
}

INSTANTIATE_TEST_SUITE_P(
    Commands, OutputInTrouble,
    testing::Values(Output{"y.npy", {"run", "octet-20", "--images", "PICTURES", "-o", "OUT"}},
                    Output{"x.octet", {"build", "octet-20", "-o", "OUT"}},
                    Output{"x.onnx", {"export", "octet-20", "-o", "OUT"}},
                    Output{"c.json", {"calibrate", "octet-20", "--drawn", "4", "-o", "OUT"}},
                    Output{"m.json", {"tune", "octet-20", "--drawn", "20", "--max-drop", "50", "-o", "OUT"}},
                    Output{"s.json", {"bench", "octet-20", "--iterations", "2", "--samples", "OUT"}},
                    Output{"r.json", {"scale", "octet-20", "--duration", "0.01", "--records", "OUT"}},
                    Output{"x.npy", {"draw", "--count", "20", "-o", "OUT"}},
                    Output{"test-000000.png", {"draw", "--count", "2", "--images", "DIR"}}));

}  // namespace
}  // namespace octet::test
