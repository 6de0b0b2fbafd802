#include "lab/study/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "octet/error.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

StudyConfig parse(const std::string& text) { return parse_config(text, "study.toml", "/studies"); }

std::string message_of(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kParse);
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

TEST(StudyConfig, PresetsAreTheExamplesAndMakeSense) {
  const StudyConfig quick = quick_config(), full = full_config();
  EXPECT_EQ(quick.mode, "quick");
  EXPECT_EQ(full.mode, "full");
  EXPECT_EQ(quick.throughput.networks.size(), 8u);
  EXPECT_THAT(full.throughput.batches, ElementsAre(1, 2, 8, 32, 64, 128, 256, 512, 1024, 2048, 4096));
  EXPECT_NO_THROW(check(quick));
  EXPECT_NO_THROW(check(full));
  std::ifstream file("examples/study-quick.toml");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text, quick_config_text());
}

TEST(StudyConfig, WhatIsWrittenReadsBackToTheSame) {
  for (StudyConfig config : {quick_config(), full_config()}) {
    config.name = "a \"quoted\" \\ name\twith\x01 control letters";
    config.throughput.seconds = 0.1;
    config.limits.memory_bytes = 123456789;
    config.files = {{"squeezenet-1.0", "/data/deploy.prototxt", ""}};
    const std::string text = write_config(config);
    EXPECT_EQ(write_config(parse(text)), text);
    EXPECT_EQ(parse(text).name, config.name);
    EXPECT_EQ(parse(text).files, config.files);
  }
}

TEST(StudyConfig, KeysLeftOutAreThoseOfTheQuickStudy) {
  const StudyConfig config = parse("name = 'mine'\n[throughput]\nbatches = [4]\n");
  EXPECT_EQ(config.name, "mine");
  EXPECT_EQ(config.mode, "custom");
  EXPECT_THAT(config.throughput.batches, ElementsAre(4));
  EXPECT_EQ(config.throughput.networks, quick_config().throughput.networks);
}

TEST(StudyConfig, AMisspeltKeyIsNamedWithItsPlaceAndTheRightOne) {
  EXPECT_THAT(message_of("name = 'x'\n[throughput]\n  batchs = [1]\n"), StartsWith("study.toml:3:3: "));
  EXPECT_THAT(message_of("[throughput]\nbatchs = [1]\n"), HasSubstr("did you mean 'batches'?"));
  EXPECT_THAT(message_of("[thruput]\nbatches = [1]\n"), HasSubstr("throughput"));
  EXPECT_THAT(message_of("[throughput]\nnetworks = ['resnet50']\n"), HasSubstr("did you mean 'resnet-50'?"));
  EXPECT_THAT(message_of("[throughput]\nprecisions = ['int9']\n"), HasSubstr("int8"));
  EXPECT_THAT(message_of("[throughput]\nengines = ['onnx-runtime']\n"), HasSubstr("onnxruntime"));
  EXPECT_THAT(message_of("[[files]]\nnetwork = 'x'\nprototext = 'y'\n"), HasSubstr("prototxt"));
}

TEST(StudyConfig, WrongTypesAndRangesAreNamedWithTheirPlace) {
  EXPECT_THAT(message_of("seed = 'one'\n"),
              HasSubstr("study.toml:1:8: seed: expected a whole number, got a string"));
  EXPECT_THAT(message_of("seed = 1.5\n"), HasSubstr("expected a whole number"));
  EXPECT_THAT(message_of("threads = -1\n"), HasSubstr("expected 0 to 4096, got -1"));
  EXPECT_THAT(message_of("[throughput]\nbatches = 8\n"), HasSubstr("expected a list, got a whole number"));
  EXPECT_THAT(message_of("[throughput]\nbatches = [1, 0]\n"), HasSubstr("study.toml:2:15"));
  EXPECT_THAT(message_of("[throughput]\nbatches = [1, 1]\n"), HasSubstr("1 stands twice"));
  EXPECT_THAT(message_of("[throughput]\nseconds = nan\n"), HasSubstr("got nan"));
  EXPECT_THAT(message_of("[throughput]\nseconds = true\n"),
              HasSubstr("expected a number, got true or false"));
  EXPECT_THAT(message_of("throughput = 3\n"), HasSubstr("expected a table"));
  EXPECT_THAT(message_of("[limits]\nmemory = '3 apples'\n"), HasSubstr("limits.memory"));
  EXPECT_THAT(message_of("name = \n"), StartsWith("study.toml:1:"));
  EXPECT_THAT(message_of("name = ''\n"), HasSubstr("expected a name"));
  EXPECT_THAT(message_of("[[files]]\nnetwork = 'a/b'\nprototxt = 'y'\n"), HasSubstr("expected letters"));
}

TEST(StudyConfig, FilesAreTakenFromTheFolderOfTheConfig) {
  const StudyConfig config = parse(
      "[[files]]\nnetwork = 'mine'\nprototxt = 'net/deploy.prototxt'\n"
      "[throughput]\nnetworks = ['mine']\n[accuracy]\nimages = '/pictures'\n");
  EXPECT_EQ(config.files[0].prototxt, "/studies/net/deploy.prototxt");
  EXPECT_EQ(config.accuracy.images, "/pictures");
  EXPECT_THAT(config.throughput.networks, ElementsAre("mine"));
}

TEST(StudyConfig, WhatItReachesOutsideIsListedAndTheDefaultsReachNothing) {
  EXPECT_THAT(reach_of(quick_config()), IsEmpty());
  EXPECT_THAT(reach_of(full_config()), IsEmpty());
  EXPECT_THAT(
      reach_of(parse("[[files]]\nnetwork = \"n\"\nprototxt = \"../n.prototxt\"\nweights = \"/w\"\n"
                     "[accuracy]\nimages = \"i\"\nlabels = \"l\"\ndevkit_map = \"m\"\nsynsets = \"s\"\n"
                     "[power]\nwall_meter = \"c\"\nrapl_root = \"r\"\nnvml_library = \"x.so\"\n"
                     "ipmitool = \"./run\"\n[projection]\ntargets = [\"tesla-p4\", \"d.json\"]\n")),
      ElementsAre("files.prototxt = /n.prototxt", "files.weights = /w", "accuracy.images = /studies/i",
                  "accuracy.labels = /studies/l", "accuracy.devkit_map = /studies/m",
                  "accuracy.synsets = /studies/s", "power.wall_meter = /studies/c", "power.rapl_root = r",
                  "power.nvml_library = x.so", "power.ipmitool = ./run", "projection.targets: d.json"));
}

TEST(StudyConfig, OfABundleIsNotReadThroughALink) {
  const test::TemporaryDirectory folder;
  std::filesystem::create_directory(folder.path() / "bundle");
  std::filesystem::create_symlink(folder.write("mine.toml", "name = \"mine\"\n"),
                                  folder.path() / "bundle/study.toml");
  EXPECT_THROW(load_bundle_config(folder.path() / "bundle"), Error);
}

TEST(StudyConfig, AccuracyNeedsTrainedWeightsAndPictures) {
  EXPECT_THROW(check(parse("[accuracy]\nnetworks = ['alexnet']\n")), Error);
  const test::TemporaryDirectory directory;
  std::ofstream(directory.path() / "net.prototxt") << "x";
  std::ofstream(directory.path() / "net.caffemodel") << "x";
  const std::string files =
      "[[files]]\nnetwork = 'alexnet'\nprototxt = 'net.prototxt'\nweights = 'net.caffemodel'\n";
  const auto read = [&](const std::string& rest) {
    return parse_config(files + rest, "study.toml", directory.path());
  };
  EXPECT_THROW(check(read("[accuracy]\nnetworks = ['alexnet']\n")), Error);
  EXPECT_THROW(check(read("[accuracy]\nnetworks = ['alexnet']\nimages = 'none'\n")), Error);
  EXPECT_NO_THROW(check(read("[accuracy]\nnetworks = ['alexnet']\nimages = '.'\n")));
}

TEST(StudyConfig, OnlyNetworksThatAreAskedForStay) {
  StudyConfig config = quick_config();
  keep_networks(config, {"octet-20", "googlenet"});
  EXPECT_THAT(config.throughput.networks, ElementsAre("octet-20", "googlenet"));
  EXPECT_THAT(config.scaling.networks, ElementsAre("googlenet"));
  EXPECT_THAT(config.ladder.networks, IsEmpty());
  EXPECT_THROW(keep_networks(config, {"lenet"}), Error);
}

}  // namespace
}  // namespace octet::lab
