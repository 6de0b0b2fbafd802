// octet build, and the commands that take its file in place of a network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/pictures.h"
#include "tests/cli/program.h"
#include "tests/cli/tiny_network.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Build : public ::testing::Test {
 protected:
  static Finished octet(std::vector<std::string> arguments) { return octet_program()(std::move(arguments)); }

  json document(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--format", "json"});
    const Finished finished = octet(arguments);
    EXPECT_EQ(finished.exit_code, 0) << ::testing::PrintToString(arguments) << finished.err;
    return finished.exit_code == 0 ? json::parse(finished.out) : json();
  }

  json build(std::vector<std::string> options = {}) {
    std::vector<std::string> arguments = {"build", net_, "-o", file_};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return document(std::move(arguments));
  }

  static void refused(const std::vector<std::string>& arguments, const std::string& words) {
    const Finished finished = octet(arguments);
    EXPECT_EQ(finished.exit_code, 2) << ::testing::PrintToString(arguments) << finished.out;
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, StartsWith("octet: "));
    EXPECT_THAT(finished.err, HasSubstr(words));
  }

  TemporaryDirectory directory_;
  std::string net_ = directory_.write("tiny.prototxt", kTinyPrototxt).string();
  std::string file_ = (directory_.path() / "tiny.octet").string();
};

TEST_F(Build, SaysWhatItBuiltAndTheFileRunsWithTheSameOutput) {
  const json built = build({"--batch", "4", "--threads", "1", "--precision", "int8"});
  EXPECT_EQ(built["precision"], "int8");
  EXPECT_EQ(built["batch"], 4);
  EXPECT_EQ(built["file"], file_);
  EXPECT_EQ(built["file_bytes"], std::filesystem::file_size(file_));
  EXPECT_EQ(built["notes"]["synthetic_weights"], "seed 1");
  EXPECT_FALSE(built["kernels"].empty());
  for (const char* time : {"build_ms", "save_ms", "load_ms"}) EXPECT_GT(built[time], 0) << time;

  const std::vector<std::string> brief = {"--iterations", "2", "--warmup", "0"};
  std::vector<std::string> of_net = {"bench", net_, "--batch", "4", "--threads", "1", "--precision", "int8"};
  std::vector<std::string> of_file = {"bench", file_, "--threads", "1"};
  of_net.insert(of_net.end(), brief.begin(), brief.end());
  of_file.insert(of_file.end(), brief.begin(), brief.end());
  const json fresh = document(of_net), loaded = document(of_file);
  EXPECT_EQ(loaded["output_hash"], fresh["output_hash"]);
  EXPECT_EQ(loaded["engine_hash"], fresh["engine_hash"]);
  EXPECT_EQ(loaded["engine_hash"], built["engine_hash"]);
  EXPECT_EQ(loaded["batch"], 4);
  EXPECT_EQ(loaded["precision"], "int8");
  EXPECT_EQ(loaded["synthetic_weights"], true);
  EXPECT_EQ(loaded["saved_engine"], file_);
  EXPECT_TRUE(loaded["build_ms"].is_null());
  EXPECT_GT(loaded["load_ms"], 0);
}

TEST_F(Build, PrintsTheSameForAPerson) {
  const Finished finished = octet({"build", net_, "-o", file_, "--threads", "1"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  for (const char* words :
       {"fp32, batch 1, 1 thread", "kernels ", "packed weights", "built in", "loads in", "tiny.octet"})
    EXPECT_THAT(finished.out, HasSubstr(words));
}

TEST_F(Build, BatchAndThreadsAreChosenAnewWhereTheFileIsUsed) {
  build({"--batch", "2"});
  const json loaded =
      document({"bench", file_, "--batch", "5", "--threads", "1", "--iterations", "2", "--warmup", "0"});
  EXPECT_EQ(loaded["batch"], 5);
  EXPECT_EQ(loaded["threads"], 1);
}

TEST_F(Build, APixelInputIsPartOfTheFile) {
  const json built = build({"--precision", "int8", "--input-type", "u8"});
  EXPECT_EQ(built["input_type"], "u8");
  const json loaded = document({"bench", file_, "--iterations", "2", "--warmup", "0"});
  EXPECT_EQ(loaded["input_type"], "u8");
}

TEST_F(Build, InspectAndProfileTakeTheFile) {
  const json built = build({"--threads", "1"});
  const json inspected = document({"inspect", file_});
  EXPECT_EQ(inspected["engine_hash"], built["engine_hash"]);
  EXPECT_EQ(inspected["notes"], built["notes"]);
  EXPECT_EQ(inspected["plan"].size(), document({"inspect", net_, "--plan"})["plan"].size());
  EXPECT_EQ(inspected["memory"]["weight_bytes"], built["weight_bytes"]);
  EXPECT_THAT(octet({"inspect", file_}).out, HasSubstr(built["engine_hash"].get<std::string>()));
  EXPECT_EQ(document({"profile", file_, "--iterations", "1", "--threads", "1"})["layers"].size(),
            inspected["plan"].size());
}

TEST_F(Build, RunAndClassifyTakeTheFile) {
  build({"--batch", "2"});
  std::vector<float> input(std::size_t{3} * 3 * 16 * 16);
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i % 251) - 100;
  const std::string x = directory_.write("x.npy", npy("<f4", "3, 3, 16, 16", float_bytes(input))).string();
  std::vector<std::string> outputs;
  for (const std::string& net : {net_, file_}) {
    outputs.push_back((directory_.path() / "y.npy").string());
    const Finished finished = octet({"run", net, "--input", x, "-o", outputs.back()});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    outputs.back() = read_file(outputs.back());
  }
  EXPECT_TRUE(outputs[0] == outputs[1]);

  const std::string picture = (directory_.path() / "picture.png").string();
  write_png(picture, 70);
  EXPECT_EQ(document({"classify", file_, picture}), document({"classify", net_, picture}));
}

TEST_F(Build, PicturesMustBePreparedAsThoseThatCalibrated) {
  const std::filesystem::path folder = directory_.path() / "pictures";
  std::filesystem::create_directory(folder);
  for (unsigned i = 0; i < 4; ++i) write_png(folder / (std::to_string(i) + ".png"), 40 * i);
  const std::string calibration = (directory_.path() / "tiny.json").string();
  document(
      {"calibrate", net_, "--images", folder.string(), "--protocol", "pillow-squash", "-o", calibration});
  const json built = build({"--precision", "int8", "--calibration", calibration});
  EXPECT_EQ(built["notes"]["preprocessing_hash"].get<std::string>().size(), 16u);

  const std::string picture = (folder / "1.png").string();
  EXPECT_EQ(octet({"classify", file_, picture, "--protocol", "pillow-squash"}).exit_code, 0);
  refused({"classify", file_, picture}, "calibrated on pictures prepared in another way");
  const Finished forced = octet({"classify", file_, picture, "--force"});
  EXPECT_EQ(forced.exit_code, 0);
  EXPECT_THAT(forced.err, HasSubstr("accepted although"));
}

TEST_F(Build, RefusesWhatWasSettled) {
  build();
  for (const std::vector<std::string>& settled :
       std::vector<std::vector<std::string>>{{"--precision", "int8"},
                                             {"--isa", "generic"},
                                             {"--no-winograd"},
                                             {"--input-type", "fp32"},
                                             {"--tensor", "x"}}) {
    std::vector<std::string> arguments = {"bench", file_};
    arguments.insert(arguments.end(), settled.begin(), settled.end());
    refused(arguments, settled[0] + ": that was settled when");
  }
}

TEST_F(Build, RefusesNamesAndFilesThatAreNoEngines) {
  refused({"build", net_, "-o", "tiny.bin"}, "expected a name ending in .octet");
  refused({"build", net_, "-o", (directory_.path() / "none" / "tiny.octet").string()}, "cannot be written");
  refused({"bench", (directory_.path() / "none.octet").string()}, "none.octet: no such file");
  refused({"bench", directory_.write("text.octet", "a text").string()}, "text.octet: no saved engine");
  build();
  std::string cut = read_file(file_);
  cut.pop_back();
  refused({"bench", directory_.write("cut.octet", cut).string()}, "cut.octet: cut short");
  refused({"check", file_}, "is a saved engine; expected a network here");
}

}  // namespace
}  // namespace octet::test
