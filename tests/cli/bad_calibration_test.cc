// Calibrations and pictures with one fault each: exit code 2, nothing on stdout, a message that names the
// place, and nothing half written.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/pictures.h"
#include "tests/cli/program.h"
#include "tests/cli/tiny_network.h"

namespace octet::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class BadCalibration : public ::testing::Test {
 protected:
  BadCalibration() {
    std::filesystem::create_directory(path("val"));
    for (unsigned i = 0; i < 3; ++i) write_png(path(fmt::format("val/p{}.png", i)), 60 * i);
    const Finished made =
        octet_program()({"calibrate", net_, "--images", path("val"), "-o", path("good.json")});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    good_ = read_file(path("good.json"));
  }
  void refused(const std::vector<std::string>& arguments, const std::vector<std::string>& words) {
    const Finished finished = octet_program()(arguments);
    EXPECT_EQ(finished.exit_code, 2) << finished.err;
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, HasSubstr("octet: "));
    for (const std::string& word : words) EXPECT_THAT(finished.err, HasSubstr(word));
  }
  void file_refused(const std::string& text, std::vector<std::string> words) {
    words.push_back("bad.json");
    const std::string file = directory_.write("bad.json", text).string();
    refused({"bench", net_, "--precision", "int8", "--calibration", file}, words);
  }
  /// The value of the first `"key":` becomes `value`.
  std::string edited(const std::string& key, const std::string& value) const {
    const std::size_t at = good_.find("\"" + key + "\":") + key.size() + 3;
    const std::size_t end = good_.find_first_of(",}\n", at);
    return std::string(good_).replace(at, end - at, value);
  }
  /// Without the line that has `text`.
  std::string without_line(const std::string& text) const {
    const std::size_t at = good_.find(text);
    const std::size_t begin = good_.rfind('\n', at), end = good_.find('\n', at);
    return std::string(good_).erase(begin, end - begin);
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  void nothing_is_left(const std::string& name) const {
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
      EXPECT_THAT(entry.path().filename().string(), ::testing::Not(StartsWith(name)));
  }

  TemporaryDirectory directory_;
  std::string net_ = directory_.write("tiny.prototxt", kTinyPrototxt).string();
  std::string good_;
};

TEST_F(BadCalibration, OfAnotherNetworkIsRefusedUnlessForced) {
  const std::vector<std::string> other = {"bench",        net_,   "--seed",        "2",
                                          "--precision",  "int8", "--calibration", path("good.json"),
                                          "--iterations", "5",    "--warmup",      "0"};
  refused(other, {"good.json", "network 'tiny' with hash", "not for"});
  std::vector<std::string> forced = other;
  forced.insert(forced.end(), {"--force", "--format", "json"});
  const Finished finished = octet_program()(forced);
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("accepted although"));
  EXPECT_THAT(finished.out, HasSubstr("\"forced\": [")) << "the report says so too";
  refused({"inspect", net_, "--seed", "2", "--calibration", path("good.json")}, {"network 'tiny' with hash"});
}

TEST_F(BadCalibration, OfOtherPreprocessingIsRefused) {
  const std::vector<std::string> picture = {
      "classify", net_, path("val/p0.png"), "--precision", "int8", "--calibration", path("good.json")};
  EXPECT_EQ(octet_program()(picture).exit_code, 0);
  for (const std::vector<std::string>& change :
       {std::vector<std::string>{"--mean", "1,2,3"}, {"--protocol", "shorter-side"}, {"--resize", "17"}}) {
    std::vector<std::string> arguments = picture;
    arguments.insert(arguments.end(), change.begin(), change.end());
    refused(arguments, {"good.json", "prepared"});
  }
}

TEST_F(BadCalibration, FilesThatAreNone) {
  refused({"bench", net_, "--precision", "int8", "--calibration", path("none.json")}, {"none.json"});
  refused({"bench", net_, "--precision", "int8", "--calibration", directory_.path().string()}, {});
  file_refused("", {});
  file_refused("[]", {});
  file_refused("{}", {"format"});
  file_refused(kTinyPrototxt, {});
}

TEST_F(BadCalibration, CutOffAnywhere) {
  for (std::size_t length : {std::size_t{1}, good_.size() / 3, good_.size() / 2, good_.size() - 3})
    file_refused(good_.substr(0, length), {});
}

TEST_F(BadCalibration, OfAnotherVersion) { file_refused(edited("version", " 99"), {"version 99"}); }

TEST_F(BadCalibration, EditedByHand) {
  file_refused(edited("scale", "0.125"), {"checksum"});
  file_refused(edited("zero_point", "17"), {"checksum"});
  file_refused(without_line("p1.png"), {"checksum"});
}

TEST_F(BadCalibration, WithScalesThatAreNone) {
  file_refused(edited("scale", "0"), {"scale"});
  file_refused(edited("scale", "-0.5"), {"scale"});
  file_refused(edited("scale", "1e99"), {"scale"});
  file_refused(edited("scale", "NaN"), {});  // not JSON
  file_refused(edited("scale", "\"wide\""), {"scale"});
  file_refused(edited("zero_point", "256"), {"zero_point"});
}

TEST_F(BadCalibration, WithATensorMissingOrUnknown) {
  file_refused(without_line("{\"name\":\"conv\""), {});
  std::string unknown = good_;
  unknown.replace(unknown.find("{\"name\":\"conv\""), 14, "{\"name\":\"pond\"");
  file_refused(unknown, {});
}

TEST_F(BadCalibration, ThatThePrecisionHasNoUseFor) {
  refused({"bench", net_, "--calibration", path("good.json")}, {"--calibration", "fp32"});
  refused({"check", net_, "--precision", "bf16", "--calibration", path("good.json")}, {"bf16"});
}

TEST_F(BadCalibration, PicturesThatCannotCalibrate) {
  const auto calibrate = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"calibrate", net_, "-o", path("made.json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  std::filesystem::create_directory(path("empty"));
  refused(calibrate({"--images", path("empty")}), {"empty", "no pictures"});
  refused(calibrate({"--images", path("nowhere")}), {"nowhere"});
  refused(calibrate({}), {"--images"});
  refused(calibrate({"--images", path("val"), "--synthetic"}), {"--synthetic"});
  refused(calibrate({"--images", path("val"), "--every", "0"}), {"every"});
  refused(calibrate({"--images", path("val"), "--offset", "3"}), {"no picture is left of 3"});
  refused(calibrate({"--images", path("val"), "--batches", "0"}), {"batches"});
  refused(calibrate({"--images", path("val"), "--method", "guess"}), {"guess", "entropy"});
  refused(calibrate({"--images", path("val"), "--scheme", "u4"}), {"u4"});
  refused(calibrate({"--images", path("val"), "--method", "percentile", "--percentile", "101"}), {"101"});

  directory_.write("val.txt", "p0.png 0\np9.png 0\n");
  refused(calibrate({"--images", path("val"), "--list", path("val.txt")}), {"val.txt:2", "p9.png"});
  directory_.write("val.txt", "p0.png 0\np0.png 1\n");
  refused(calibrate({"--images", path("val"), "--list", path("val.txt")}), {"val.txt:2", "line 1"});
  directory_.write("val.txt", "n01440764 tench\n");
  refused(calibrate({"--images", path("val"), "--list", path("val.txt")}), {"val.txt"});

  directory_.write("val/p1.png", "not a picture");
  refused(calibrate({"--images", path("val")}), {"p1.png"});
  nothing_is_left("made.json");
  const Finished skipped = octet_program()(calibrate({"--images", path("val"), "--skip-broken"}));
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_THAT(skipped.err, HasSubstr("p1.png"));
  EXPECT_THAT(skipped.out, HasSubstr("2 pictures"));
}

TEST_F(BadCalibration, AFileThatCannotBeWritten) {
  refused({"calibrate", net_, "--images", path("val"), "-o", path("no/such/folder/c.json")}, {"c.json"});
  EXPECT_FALSE(std::filesystem::exists(path("no")));
}

TEST_F(BadCalibration, LabelsOutOfRangeEndTuning) {
  directory_.write("val.txt", "p0.png 0\np1.png 10\n");
  refused({"tune", net_, "--images", path("val"), "--labels", path("val.txt"), "--max-drop", "1", "-o",
           path("tuned.json")},
          {"val.txt:2", "10"});
  nothing_is_left("tuned.json");
}

}  // namespace
}  // namespace octet::test
