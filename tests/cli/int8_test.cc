// Calibrating, and computing with integers, as a script sees it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/pictures.h"
#include "tests/cli/program.h"
#include "tests/cli/tiny_network.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// A folder of eight pictures with a list, and a tiny network with synthetic weights.
class Int8 : public ::testing::Test {
 protected:
  Int8() {
    std::filesystem::create_directory(path("val"));
    std::string list;
    for (unsigned i = 0; i < 8; ++i) {
      write_png(path(fmt::format("val/p{}.png", i)), 25 * i);
      list += fmt::format("p{}.png {}\n", i, i);
    }
    directory_.write("val.txt", list);
  }
  json run_json(std::vector<std::string> arguments, int exit_code = 0) {
    arguments.insert(arguments.end(), {"--format", "json"});
    const Finished finished = octet_program()(arguments);
    EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
    err_ = finished.err;
    return json::parse(finished.out, nullptr, false);
  }
  /// Calibrates on every second picture and returns the command's JSON.
  json calibrate(const std::string& file, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"calibrate",     net_,      "--images", path("val"), "--list",
                                          path("val.txt"), "--every", "2",        "-o",        path(file)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_json(arguments);
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }

  TemporaryDirectory directory_;
  std::string net_ = directory_.write("tiny.prototxt", kTinyPrototxt).string();
  std::string err_;
};

TEST_F(Int8, CalibrateWritesTheFileAndSaysWhatIsInIt) {
  const json result = calibrate("tiny.json");
  EXPECT_THAT(err_, HasSubstr("4 pictures")) << "fewer than 50 batches of 25";
  EXPECT_EQ(result["network"], "tiny");
  EXPECT_EQ(result["images"], 4);
  for (const char* hash : {"network_hash", "data_hash", "preprocessing_hash", "hash"})
    EXPECT_EQ(result[hash].get<std::string>().size(), 16u) << hash;
  EXPECT_THAT(result["preprocessing"].get<std::string>(), HasSubstr("caffe-squash"));
  ASSERT_FALSE(result["tensors"].empty());
  for (const json& tensor : result["tensors"]) {
    EXPECT_GT(tensor["scale"], 0) << tensor;
    EXPECT_GE(tensor["zero_point"], 0);
    EXPECT_TRUE(tensor.contains("name") && tensor.contains("method"));
  }
  EXPECT_EQ(result["tensors"][0]["pictures"], true) << "the input holds pictures less their mean";
  for (const json& layer : result["layers"])
    EXPECT_EQ(layer["precision"] == "int8", layer["reason"] == "") << "what is not INT8 says why: " << layer;
  EXPECT_EQ(result["layers"][0]["name"], "conv");
  EXPECT_EQ(result["layers"][0]["precision"], "int8");
  const json file = json::parse(read_file(path("tiny.json")));
  ASSERT_EQ(file["pictures"].size(), 4u);
  EXPECT_THAT(file["pictures"][1].get<std::string>(), HasSubstr(" p2.png"));
}

TEST_F(Int8, CalibrationDependsOnNeitherThreadsNorBatch) {
  const json one = calibrate("a.json", {"--threads", "1"});
  const json other = calibrate("b.json", {"--batch", "3"});
  EXPECT_EQ(one["hash"], other["hash"]);
  EXPECT_EQ(one["tensors"], other["tensors"]);
  EXPECT_EQ(one["data_hash"], other["data_hash"]);
  calibrate("c.json", {"--threads", "1"});
  EXPECT_EQ(read_file(path("a.json")), read_file(path("c.json"))) << "the same command, the same file";
}

TEST_F(Int8, EveryMethodSchemeAndRoundingIsRecorded) {
  for (const char* method : {"entropy", "minmax", "percentile", "mse"})
    EXPECT_EQ(calibrate("m.json", {"--method", method})["method"], method);
  EXPECT_EQ(calibrate("m.json", {"--scheme", "symmetric-s8"})["scheme"], "symmetric-s8");
  const json adaptive = calibrate("m.json", {"--weight-rounding", "adaptive", "--bias-correction"});
  EXPECT_EQ(adaptive["weight_rounding"], "adaptive");
  EXPECT_EQ(adaptive["bias_correction"], true);
}

TEST_F(Int8, AccuracyComparesPicturesAndLeavesOutThoseThatCalibrated) {
  calibrate("tiny.json");
  const std::vector<std::string> arguments = {
      "accuracy",      net_,          "--images",  path("val"),     "--labels",
      path("val.txt"), "--precision", "fp32,int8", "--calibration", path("tiny.json")};
  const json result = run_json(arguments);
  EXPECT_EQ(err_, "");
  EXPECT_EQ(result["excluded_calibration_images"], 4);
  ASSERT_EQ(result["results"].size(), 2u);
  const json& int8 = result["results"][1];
  EXPECT_EQ(int8["precision"], "int8");
  EXPECT_EQ(int8["images"], 4);
  EXPECT_GE(int8["agreement"], 0);
  EXPECT_LE(int8["agreement_ci95"][0], int8["agreement"]);
  EXPECT_EQ(result["calibration"]["hash"].get<std::string>().size(), 16u);
  const json& paired = result["paired"];
  EXPECT_EQ(paired["against"], "fp32");
  EXPECT_EQ(paired["pairs"], 4);
  EXPECT_NEAR(paired["delta_top1"].get<double>(),
              int8["top1"].get<double>() - result["results"][0]["top1"].get<double>(), 1e-9);
  EXPECT_LE(paired["ci95"][0], paired["delta_top1"]);
  EXPECT_GE(paired["ci95"][1], paired["delta_top1"]);
  EXPECT_GT(paired["mcnemar_p"], 0);
  EXPECT_NEAR(int8["agreement"].get<double>(), 100 - 25.0 * static_cast<double>(paired["changed"].size()),
              1e-9);
  EXPECT_EQ(int8["paired"], paired);

  std::vector<std::string> all = arguments;
  all.push_back("--include-calibration");
  const json included = run_json(all);
  EXPECT_EQ(included["excluded_calibration_images"], 0);
  EXPECT_EQ(included["results"][0]["images"], 8);
  const Finished text = octet_program()(arguments);
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("int8 against fp32"));
}

TEST_F(Int8, AccuracyWithNothingLeftToMeasureIsAnError) {
  run_json({"calibrate", net_, "--images", path("val"), "-o", path("all.json")});
  const Finished finished =
      octet_program()({"accuracy", net_, "--images", path("val"), "--labels", path("val.txt"), "--precision",
                       "fp32,int8", "--calibration", path("all.json")});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err, HasSubstr("--include-calibration"));
}

TEST_F(Int8, AccuracyGoesOnFromItsCheckpointAndRefusesAnothers) {
  calibrate("tiny.json");
  const std::vector<std::string> arguments = {
      "accuracy",    net_,        "--images",      path("val"),       "--labels", path("val.txt"),
      "--precision", "fp32,int8", "--calibration", path("tiny.json"), "--resume", path("checkpoint")};
  const json first = run_json(arguments);
  ASSERT_TRUE(std::filesystem::exists(path("checkpoint")));
  const json again = run_json(arguments);
  EXPECT_EQ(again["results"], first["results"]);
  std::vector<std::string> other = arguments;
  other.insert(other.end(), {"--mean", "1,2,3", "--force"});
  const Finished refused = octet_program()(other);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("another preprocessing"));
}

TEST_F(Int8, CheckFindsTheSameBytesEverywhere) {
  calibrate("tiny.json");
  const json result = run_json({"check", net_, "--precision", "int8", "--calibration", path("tiny.json")});
  EXPECT_EQ(result["identical"], true);
  EXPECT_EQ(result["passed"], true);
  EXPECT_GT(result["max_error"], 0) << "integers are not FP32";
  EXPECT_LT(result["max_error"], 0.5);
  EXPECT_GT(result["sqnr_db"], 10);
  EXPECT_GE(result["agreement"], 50);
  ASSERT_TRUE(result["output_hash"].contains("generic"));
  for (const auto& [isa, hash] : result["output_hash"].items())
    EXPECT_EQ(hash, result["output_hash"]["generic"]) << isa;
  bool bytes = false;
  for (const json& run : result["runs"]) {
    EXPECT_EQ(run["identical"], true) << run;
    bytes = bytes || run["input"] == "u8";
  }
  EXPECT_TRUE(bytes) << "pictures as bytes are among the runs";
  const json int16 = run_json({"check", net_, "--precision", "int16", "--calibration", path("tiny.json")});
  EXPECT_EQ(int16["identical"], true);
  // Not always above INT8's: in so small a network the weights, s8 in both, make nearly all of the noise.
  EXPECT_GT(int16["sqnr_db"], 10);
}

TEST_F(Int8, WithoutACalibrationImagesAreMadeAndThatIsSaid) {
  const json result =
      run_json({"bench", net_, "--precision", "int8", "--iterations", "5", "--warmup", "0", "--batch", "2"});
  EXPECT_EQ(result["precision"], "int8");
  EXPECT_THAT(err_, HasSubstr("synthetic"));
  EXPECT_THAT(result["calibration"]["origin"].get<std::string>(), HasSubstr("synthetic"));
  const json pictures = run_json({"classify", net_, path("val/p3.png"), "--precision", "int8"});
  EXPECT_THAT(err_, HasSubstr("drawn"));
  EXPECT_EQ(pictures["images"].size(), 1u);
  EXPECT_EQ(run_json({"bench", net_, "--precision", "bf16", "--iterations", "5"})["calibration"], nullptr);
  EXPECT_EQ(err_, "") << "bf16 needs none";
}

TEST_F(Int8, EveryCommandTakesTheCalibration) {
  calibrate("tiny.json");
  const std::vector<std::string> int8 = {"--precision", "int8", "--calibration", path("tiny.json")};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), int8.begin(), int8.end());
    return arguments;
  };
  const json bench = run_json(with({"bench", net_, "--iterations", "5", "--warmup", "0"}));
  EXPECT_EQ(bench["calibration"]["origin"], path("tiny.json"));
  EXPECT_FALSE(run_json(with({"profile", net_, "--iterations", "2"}))["layers"].empty());
  EXPECT_EQ(run_json(with({"classify", net_, path("val/p1.png")}))["images"].size(), 1u);
  const std::string x =
      directory_.write("x.npy", npy("|u1", "5, 20, 30, 3", std::string(5 * 20 * 30 * 3, 'k'))).string();
  const auto run = [&](const std::string& batch) {
    const Finished finished =
        octet_program()(with({"run", net_, "--input", x, "-o", path("y.npy"), "--batch", batch}));
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return read_file(path("y.npy"));
  };
  EXPECT_EQ(run("1"), run("4")) << "the batch changes no bit";
}

TEST_F(Int8, InspectShowsTheCalibration) {
  calibrate("tiny.json");
  const json result =
      run_json({"inspect", net_, "--calibration", path("tiny.json"), "--plan", "--precision", "int8"});
  const json& calibration = result["calibration"];
  for (const json& tensor : calibration["tensors"]) {
    EXPECT_TRUE(tensor.contains("threshold") && tensor.contains("clipped")) << tensor;
    EXPECT_EQ(tensor["histogram"].size(), 128u) << tensor["name"];
  }
  ASSERT_GE(calibration["layers"].size(), 2u);
  for (const json& layer : calibration["layers"]) {
    if (layer["precision"] == "int8") {
      EXPECT_GT(layer["sqnr_db"], 5) << layer;
    }
  }
  bool u8 = false;
  for (const json& step : result["plan"]) u8 = u8 || step["output_type"] == "u8";
  EXPECT_TRUE(u8);
  const Finished text = octet_program()({"inspect", net_, "--calibration", path("tiny.json")});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("\u2588")) << "the histograms' bars";
  EXPECT_THAT(text.out, HasSubstr("SQNR"));
}

TEST_F(Int8, TuneFindsPrecisionsWithinTheBudgetAndTheEngineFollowsThem) {
  const json result =
      run_json({"tune", net_, "--images", path("val"), "--labels", path("val.txt"), "--max-drop", "0",
                "--candidates", "int8,int16,fp32", "-o", path("mixed.json")});
  EXPECT_EQ(result["within"], true);
  EXPECT_LE(result["drop"], 0);
  EXPECT_GT(result["speedup"], 0);
  ASSERT_EQ(result["layers"].size(), 2u);
  for (const json& layer : result["layers"]) {
    EXPECT_TRUE(layer["sensitivity"].is_number());
    EXPECT_THAT(layer["precision"].get<std::string>(), AnyOf("int8", "int16", "fp32"));
    EXPECT_EQ(layer["divergence_nats"]["fp32"], 0);
    EXPECT_GE(layer["divergence_nats"]["int8"], layer["divergence_nats"]["int16"]);
  }
  EXPECT_EQ(json::parse(read_file(path("mixed.json")))["pictures"].size(), 8u) << "tuned on is seen";
  const json bench = run_json({"bench", net_, "--precision", "mixed", "--calibration", path("mixed.json"),
                               "--iterations", "5", "--warmup", "0"});
  EXPECT_EQ(bench["precision"], "mixed");
  EXPECT_EQ(octet_program()({"tune", net_, "--images", path("val"), "--max-drop", "-1"}).exit_code, 2);
  const Finished without = octet_program()({"bench", net_, "--precision", "mixed"});
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_THAT(without.err, HasSubstr("octet tune"));
}

TEST_F(Int8, ExportWritesIntegersAndTensorRtsCache) {
  calibrate("tiny.json");
  calibrate("symmetric.json", {"--scheme", "symmetric-s8"});
  const auto exported = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"export", net_});
    return octet_program()(more);
  };
  Finished finished = exported({"--calibration", path("tiny.json"), "-o", path("tiny.onnx")});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(read_file(path("tiny.onnx")), HasSubstr("QuantizeLinear"));
  finished = exported({"--calibration", path("symmetric.json"), "--tensorrt-cache", path("cache"),
                       "--tensorrt-version", "8502", "-o", path("tiny.onnx")});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(read_file(path("tiny.onnx")), Not(HasSubstr("QuantizeLinear"))) << "TensorRT takes FP32";
  EXPECT_THAT(read_file(path("cache")),
              testing::MatchesRegex("TRT-8502-EntropyCalibration2\n([^ ]+: [0-9a-f]{8}\n)+"));

  const auto refused = [&](const std::vector<std::string>& arguments, const char* words) {
    const Finished result = exported(arguments);
    EXPECT_EQ(result.exit_code, 2) << words;
    EXPECT_THAT(result.err, HasSubstr(words));
  };
  const std::string onnx = path("other.onnx");
  refused({}, "-o FILE.onnx or --tensorrt-cache");
  refused({"--precision", "int8", "-o", onnx}, "--calibration FILE");
  refused({"--precision", "int16", "--calibration", path("tiny.json"), "-o", onnx}, "fp32, int8 or mixed");
  refused({"--precision", "fp32", "--calibration", path("tiny.json"), "-o", onnx}, "no use for one");
  refused({"--calibration", path("tiny.json"), "--tensorrt-cache", path("other")}, "symmetric-s8");
  EXPECT_FALSE(std::filesystem::exists(onnx));
  EXPECT_FALSE(std::filesystem::exists(path("other")));
}

TEST_F(Int8, RunTakesPictureFilesAsAccuracyDoes) {
  const auto run = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"run", net_, "-o", path("y.npy")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = octet_program()(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return read_file(path("y.npy"));
  };
  const std::string all = run({"--images", path("val"), "--list", path("val.txt"), "--batch", "3"});
  EXPECT_THAT(all, HasSubstr("(8, 10"));
  EXPECT_EQ(run({"--images", path("val")}), all) << "by name is the list's order";
  // What the network gets, given to it as an array, is the same.
  run({"--images", path("val"), "--tensor", "data"});
  std::filesystem::rename(path("y.npy"), path("x.npy"));
  EXPECT_EQ(run({"--input", path("x.npy")}), all);
  EXPECT_EQ(octet_program()({"run", net_, "-o", path("y.npy")}).exit_code, 2);
  EXPECT_EQ(
      octet_program()({"run", net_, "-o", path("y.npy"), "--input", path("x.npy"), "--images", path("val")})
          .exit_code,
      2);
}

TEST_F(Int8, GiexecWritesTheCacheIfAbsentAndReadsItIfThere) {
  const std::vector<std::string> flags = {"--deploy=" + net_, "--output=prob", "--int8",
                                          "--iterations=1",   "--avgRuns=2",   "--calib=" + path("cache")};
  const Finished first = giexec_program()(flags);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("Average over 2 runs is "));
  EXPECT_THAT(first.err, HasSubstr("wrote " + path("cache")));
  const std::string cache = read_file(path("cache"));
  const Finished second = giexec_program()(flags);
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(second.err, "") << "nothing is calibrated";
  EXPECT_EQ(read_file(path("cache")), cache);

  directory_.write("cache", cache.substr(0, cache.size() / 2));
  const Finished cut = giexec_program()(flags);
  EXPECT_EQ(cut.exit_code, 2);
  EXPECT_THAT(cut.err, HasSubstr(path("cache")));

  const Finished half = giexec_program()({"--deploy=" + net_, "--output=prob", "--half2", "--iterations=1"});
  EXPECT_EQ(half.exit_code, 0) << half.err;
  EXPECT_THAT(half.err, HasSubstr("BF16"));
}

}  // namespace
}  // namespace octet::test
