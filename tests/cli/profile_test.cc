// octet profile: where the time goes, layer by layer, and the waterfall from FP32's peak to the time
// measured.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "tests/cli/tiny_network.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Profile : public ::testing::Test {
 protected:
  json run_json(const std::string& precision) {
    const Finished finished = octet_program()({"profile", net_, "--iterations", "3", "--threads", "1",
                                               "--precision", precision, "--format", "json"});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return json::parse(finished.out, nullptr, false);
  }

  TemporaryDirectory directory_;
  std::string net_ = directory_.write("tiny.prototxt", kTinyPrototxt).string();
};

TEST_F(Profile, PartsAddUpToEachLayerAndTheWaterfallToTheWhole) {
  for (const std::string precision : {"fp32", "int8"}) {
    const json result = run_json(precision);
    ASSERT_TRUE(result.contains("layers")) << precision;
    for (const json& layer : result["layers"]) {
      double parts = 0;
      for (const json& ms : layer["parts"]) parts += ms.get<double>();
      EXPECT_NEAR(parts, layer["ms"].get<double>(), 1e-9) << layer["layer"];
      EXPECT_EQ(layer["gops"], layer["gflops"]);
    }
    const json& steps = result["waterfall"];
    ASSERT_GE(steps.size(), 2u);
    double sum = 0;
    for (std::size_t i = 0; i + 1 < steps.size(); ++i) sum += steps[i]["ms"].get<double>();
    EXPECT_NEAR(sum, result["whole_ms"].get<double>(), 1e-9);
    EXPECT_EQ(steps.front()["step"], "FP32 at its peak");
    EXPECT_EQ(steps.back()["step"], precision == "int8" ? "INT8 measured" : "FP32 measured");
    EXPECT_EQ(steps.back()["ms"], result["whole_ms"]);
    for (const json& step : steps) EXPECT_FALSE(step["text"].get<std::string>().empty());
  }
}

TEST_F(Profile, PrintsTheWaterfallBelowTheLayers) {
  const Finished finished = octet_program()({"profile", net_, "--iterations", "1", "--threads", "1"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("conv_f32/"));
  EXPECT_THAT(finished.out, HasSubstr("FP32 at its peak"));
  EXPECT_THAT(finished.out, HasSubstr("FP32 measured"));
}

TEST_F(Profile, RefusesBadInputAndNamesIt) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"profile", net_, "--iterations", "0"}, "--iterations: expected 1 or more, got 0"},
      {{"profile", net_, "--iterations", "-3"}, "--iterations"},
      {{"profile", net_, "--iterations", "many"}, "many"},
      {{"profile", net_, "--iterations", "99999999999999999999"}, "99999999999999999999"},
      {{"profile", net_, "--batch", "0"}, "batch"},
      {{"profile", net_, "--precision", "fp7"}, "fp7"},
      {{"profile", net_, "--memory-limit", "1KiB"}, "does not fit"},
      {{"profile", "no-such-net"}, "no-such-net"},
      {{"profile"}, "net is required"},
  };
  for (const auto& [arguments, says] : cases) {
    const Finished finished = octet_program()(arguments);
    EXPECT_EQ(finished.exit_code, 2) << arguments.back() << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(says));
    EXPECT_EQ(finished.out, "");
  }
}

}  // namespace
}  // namespace octet::test
