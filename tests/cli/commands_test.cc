// Every command on a tiny network: what it prints, and that its JSON has the promised keys.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/cli/program.h"
#include "tests/cli/tiny_network.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Commands : public ::testing::Test {
 protected:
  json run_json(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--format", "json"});
    const Finished finished = octet_program()(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_EQ(finished.err, "");
    return json::parse(finished.out, nullptr, false);
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }

  std::string picture(const std::string& name, unsigned char shade) {
    png_image image = {};
    image.version = PNG_IMAGE_VERSION;
    image.width = 20;
    image.height = 30;
    image.format = PNG_FORMAT_RGB;
    const std::vector<unsigned char> pixels(20 * 30 * 3, shade);
    EXPECT_NE(png_image_write_to_file(&image, path(name).c_str(), 0, pixels.data(), 0, nullptr), 0);
    return path(name);
  }

  TemporaryDirectory directory_;
  std::string net_ = directory_.write("tiny.prototxt", kTinyPrototxt).string();
  std::string weights_ = directory_.write("tiny.caffemodel", caffemodel(tiny_layers())).string();
};

TEST_F(Commands, BenchHasThePromisedKeys) {
  const json result = run_json({"bench", net_, "--iterations", "10", "--warmup", "0", "--batch", "3"});
  EXPECT_EQ(result["network"], "tiny");
  EXPECT_EQ(result["precision"], "fp32");
  EXPECT_EQ(result["batch"], 3);
  EXPECT_GE(result["threads"], 1);
  EXPECT_TRUE(result["isa"].is_string());
  const json& rate = result["images_per_second"];
  EXPECT_GT(rate["median"], 0);
  EXPECT_LE(rate["min"], rate["median"]);
  EXPECT_GE(rate["max"], rate["median"]);
  EXPECT_GE(rate["cv"], 0);
  EXPECT_LE(rate["ci95"][0], rate["ci95"][1]);
  for (const char* key : {"mean", "p50", "p90", "p99"}) EXPECT_GT(result["latency_ms"][key], 0) << key;
  EXPECT_GT(result["memory_bytes"], 8 * 27 * 4);
  EXPECT_EQ(result["engine_hash"].get<std::string>().size(), 16u);
  EXPECT_EQ(result["output_hash"].get<std::string>().size(), 16u);
  EXPECT_EQ(result["calls"], 10);
  EXPECT_THAT(result["validity"].get<std::string>(), ::testing::AnyOf("VALID", "SUSPECT"));
}

TEST_F(Commands, BenchsOutputHashFollowsSeedAndNotThreads) {
  const std::vector<std::string> base = {"bench", net_, "--iterations", "1", "--warmup", "0"};
  const auto hash = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return run_json(more)["output_hash"].get<std::string>();
  };
  const std::string reference = hash({});
  EXPECT_EQ(hash({"--threads", "1"}), reference);
  EXPECT_EQ(hash({"--scenario", "single-stream"}), reference);
  EXPECT_NE(hash({"--seed", "2"}), reference);
}

TEST_F(Commands, InspectListsLayersTotalsPassesPlanAndMemory) {
  const json result = run_json({"inspect", net_, "--passes", "--plan", "--memory", "--batch", "2"});
  EXPECT_EQ(result["inputs"][0]["shape"], json({1, 3, 16, 16}));
  EXPECT_EQ(result["outputs"][0]["name"], "prob");
  EXPECT_EQ(result["layers"][0]["op"], "Input");
  const json& conv = result["layers"][1];
  EXPECT_EQ(conv["name"], "conv");
  EXPECT_EQ(conv["op"], "Convolution");
  EXPECT_EQ(conv["output_shape"], json({1, 8, 16, 16}));
  EXPECT_EQ(conv["macs"], 8 * 27 * 256);
  EXPECT_EQ(conv["params"], 8 * 27 + 8);
  EXPECT_EQ(conv["origin"]["line"], 4);
  EXPECT_EQ(result["totals"]["macs"], 8 * 27 * 256 + 512 * 10);
  EXPECT_EQ(result["totals"]["params"], 8 * 27 + 8 + 512 * 10 + 10);
  int changes = 0;
  for (const json& pass : result["passes"]) changes += pass["changes"].get<int>();
  EXPECT_GE(changes, 1) << "the ReLU is fused";
  ASSERT_FALSE(result["plan"].empty());
  for (const json& step : result["plan"]) EXPECT_FALSE(step["kernel"].get<std::string>().empty());
  EXPECT_EQ(result["memory"]["total_bytes"].get<std::int64_t>(),
            result["memory"]["weight_bytes"].get<std::int64_t>() +
                result["memory"]["arena_bytes"].get<std::int64_t>());
  const Finished text = octet_program()({"inspect", net_, "--passes", "--plan", "--memory"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("Convolution"));
}

TEST_F(Commands, EveryListedPassCanBeSwitchedOff) {
  const json listed = run_json({"inspect", "--passes"});
  ASSERT_FALSE(listed["passes"].empty());
  for (const json& pass : listed["passes"]) {
    const std::string name = pass["name"];
    const json result = run_json({"inspect", net_, "--passes", "--disable-pass", name});
    for (const json& report : result["passes"]) EXPECT_EQ(report["enabled"], report["name"] != name) << name;
  }
}

TEST_F(Commands, CheckPassesOnEveryInstructionSet) {
  const json result = run_json({"check", net_, "--images", "3", "--batch", "2"});
  EXPECT_LE(result["max_error"], 1e-4);
  EXPECT_EQ(result["passed"], true);
  EXPECT_TRUE(result["identical"].is_boolean());
  EXPECT_TRUE(result["output_hash"].contains("generic"));
  ASSERT_EQ(result["instruction_sets"].size(), 6u);
  for (const json& set : result["instruction_sets"])
    EXPECT_TRUE(set.contains("max_error") || set.contains("reason")) << set;
}

TEST_F(Commands, CheckSaysNoWithExitCode3) {
  // No FP32 engine matches a sum in double to 1e-30 on an inner product of 512 random numbers.
  const Finished finished = octet_program()({"check", net_, "--tensor", "classes", "--bound", "1e-30"});
  EXPECT_EQ(finished.exit_code, 3) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("FAILED"));
}

TEST_F(Commands, ProfileAccountsForEachStep) {
  const json result = run_json({"profile", net_, "--iterations", "3", "--threads", "1"});
  ASSERT_FALSE(result["layers"].empty());
  double share = 0, sum = 0;
  for (const json& layer : result["layers"]) {
    share += layer["share"].get<double>();
    sum += layer["ms"].get<double>();
    const std::string bound = layer["bound"];
    EXPECT_THAT(bound, ::testing::AnyOf("compute", "l2", "l3", "memory", "epilogue"));
    EXPECT_EQ(layer["bounds"].value(bound, 0.0), layer["bound_ms"].get<double>());
    for (const auto& [name, ms] : layer["bounds"].items()) EXPECT_LE(ms, layer["bound_ms"]) << name;
  }
  EXPECT_NEAR(share, 100, 1e-6);
  EXPECT_NEAR(sum, result["sum_ms"].get<double>(), 1e-9);
  EXPECT_GT(result["whole_ms"], 0);
  EXPECT_GT(result["peak"]["fp32_gflops"], 0);
}

TEST_F(Commands, RunComputesAnyNumberOfImagesWhateverTheBatch) {
  std::vector<float> input(5 * 3 * 16 * 16);
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i % 101) / 50 - 1;
  const std::string x = directory_.write("x.npy", npy("<f4", "5, 3, 16, 16", float_bytes(input))).string();
  const auto result = [&](const std::string& batch) {
    const Finished finished = octet_program()(
        {"run", net_, "--weights", weights_, "--input", x, "-o", path("y.npy"), "--batch", batch});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return read_file(path("y.npy"));
  };
  const std::string of_2 = result("2");
  EXPECT_THAT(of_2, HasSubstr("'shape': (5, 10, )"));
  EXPECT_EQ(result("8"), of_2);
  std::vector<float> scores(50);
  ASSERT_EQ(of_2.size() % 64, 200u % 64);
  std::memcpy(scores.data(), of_2.data() + of_2.size() - 200, 200);
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_NEAR(std::accumulate(scores.begin() + i * 10, scores.begin() + i * 10 + 10, 0.0), 1, 1e-5);
}

TEST_F(Commands, RunTakesPicturesAsBytes) {
  const std::string x =
      directory_.write("x.npy", npy("|u1", "2, 20, 30, 3", std::string(2 * 20 * 30 * 3, 'a'))).string();
  const Finished finished = octet_program()({"run", net_, "--input", x, "-o", path("y.npy")});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(read_file(path("y.npy")), HasSubstr("'shape': (2, 10, )"));
}

TEST_F(Commands, ClassifyNamesTheTopClasses) {
  std::string names;
  for (int i = 0; i < 10; ++i) names += fmt::format("n{:08} thing {}\n", i, i);
  const std::string synsets = directory_.write("synsets.txt", names).string();
  const std::vector<std::string> arguments = {"classify",
                                              net_,
                                              picture("a.png", 10),
                                              picture("b.png", 200),
                                              "--weights",
                                              weights_,
                                              "--synsets",
                                              synsets,
                                              "--top",
                                              "3",
                                              "--batch",
                                              "4"};
  const json result = run_json(arguments);
  ASSERT_EQ(result["images"].size(), 2u);
  for (const json& image : result["images"]) {
    ASSERT_EQ(image["top"].size(), 3u);
    EXPECT_EQ(image["top"][0]["index"], 7);
    EXPECT_EQ(image["top"][0]["label"], "thing 7");
    EXPECT_GT(image["top"][0]["probability"], 0.5);
    EXPECT_GE(image["top"][1]["probability"], image["top"][2]["probability"]);
  }
  EXPECT_EQ(result["images"][1]["file"], path("b.png"));
  const Finished text = octet_program()(arguments);
  EXPECT_THAT(text.out, HasSubstr("thing 7"));
}

TEST_F(Commands, ClassifyShowsProbabilitiesOfANetworkWithoutSoftmaxToo) {
  const std::string image = picture("a.png", 10);
  const json with = run_json({"classify", net_, image, "--weights", weights_});
  const json without = run_json({"classify", net_, image, "--weights", weights_, "--tensor", "classes"});
  EXPECT_NEAR(with["images"][0]["top"][0]["probability"].get<double>(),
              without["images"][0]["top"][0]["probability"].get<double>(), 1e-6);
}

TEST_F(Commands, AccuracyCountsRightAnswers) {
  for (int i = 0; i < 4; ++i) picture(fmt::format("p{}.png", i), static_cast<unsigned char>(40 * i));
  const std::string labels = directory_.write("val.txt", "p0.png 7\np1.png 7\np2.png 7\np3.png 0\n").string();
  const std::vector<std::string> arguments = {
      "accuracy", net_,   "--weights", weights_, "--images", directory_.path().string(),
      "--labels", labels, "--batch",   "3"};
  const json result = run_json(arguments);
  ASSERT_EQ(result["results"].size(), 1u);
  const json& fp32 = result["results"][0];
  EXPECT_EQ(fp32["precision"], "fp32");
  EXPECT_EQ(fp32["images"], 4);
  EXPECT_EQ(fp32["top1"], 75.0);
  EXPECT_EQ(fp32["agreement"], 100.0);
  EXPECT_LT(fp32["top1_ci95"][0], 75.0);
  EXPECT_GT(fp32["top1_ci95"][1], 75.0);
  EXPECT_THAT(result["protocol"].get<std::string>(), HasSubstr("caffe-squash"));
  std::vector<std::string> limited = arguments;
  limited.insert(limited.end(), {"--limit", "2"});
  EXPECT_EQ(run_json(limited)["results"][0]["top1"], 100.0);
}

TEST_F(Commands, AccuracySkipsBrokenPicturesOnlyIfAsked) {
  picture("good.png", 9);
  directory_.write("broken.png", "not a picture");
  const std::string labels = directory_.write("val.txt", "good.png 7\nbroken.png 7\n").string();
  std::vector<std::string> arguments = {
      "accuracy", net_,   "--weights", weights_, "--images", directory_.path().string(),
      "--labels", labels, "--format",  "json"};
  const Finished refused = octet_program()(arguments);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("broken.png"));
  arguments.push_back("--skip-broken");
  const Finished skipped = octet_program()(arguments);
  EXPECT_EQ(skipped.exit_code, 0);
  EXPECT_THAT(skipped.err, HasSubstr("broken.png"));
  const json result = json::parse(skipped.out);
  EXPECT_EQ(result["results"][0]["images"], 1);
  EXPECT_EQ(result["skipped"].size(), 1u);
}

TEST_F(Commands, ExportWritesOnnx) {
  const Finished finished = octet_program()({"export", net_, "--weights", weights_, "-o", path("tiny.onnx")});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(read_file(path("tiny.onnx")), HasSubstr("Conv"));
  EXPECT_EQ(octet_program()({"export", net_, "-o", path("tiny.txt")}).exit_code, 2);
  EXPECT_EQ(octet_program()({"export", net_, "-o", path("no/such/folder/tiny.onnx")}).exit_code, 2);
}

TEST_F(Commands, GiexecPrintsTheStudysResultLine) {
  const Finished finished = giexec_program()({"--deploy=" + net_, "--model=" + weights_, "--output=prob",
                                              "--batch=2", "--iterations=3", "--avgRuns=4", "--hostTime",
                                              "--workspace=64", "--device=0", "--verbose"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  std::size_t lines = 0;
  for (std::size_t at = finished.out.find("Average over 4 runs is "); at != std::string::npos;
       at = finished.out.find("Average over 4 runs is ", at + 1))
    ++lines;
  EXPECT_EQ(lines, 3u);
  EXPECT_THAT(finished.out, HasSubstr(" ms.\n"));
  EXPECT_THAT(finished.out, HasSubstr(" images/s\n"));
}

TEST_F(Commands, GiexecRefusesWhatThisBuildLacks) {
  const std::vector<std::vector<std::string>> refused = {
      {"--int8", "--half2"}, {"--calib=x"}, {"--engine=x"}, {"--device=1"}, {"--batch=0"}, {"--avgRuns=0"}};
  for (std::vector<std::string> flags : refused) {
    const std::string flag = flags[0].substr(0, flags[0].find('='));
    flags.insert(flags.end(), {"--deploy=" + net_, "--output=prob"});
    const Finished finished = giexec_program()(flags);
    EXPECT_EQ(finished.exit_code, 2) << flag;
    EXPECT_THAT(finished.err, HasSubstr("giexec: " + flag));
  }
  const Finished no_output = giexec_program()({"--deploy=" + net_, "--output=nothing"});
  EXPECT_EQ(no_output.exit_code, 2);
  EXPECT_THAT(no_output.err, HasSubstr("nothing"));
}

}  // namespace
}  // namespace octet::test
