#include "lab/peers/octet_worker.h"

#include <gmock/gmock.h>

#include <cstring>
#include <sstream>

#include "lab/bench/synthetic_images.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

using testing::HasSubstr;

constexpr int kBatch = 3;

class OctetWorker : public testing::Test {
 protected:
  Json ask(const std::string& command) {
    std::istringstream commands(command + "\n");
    std::ostringstream answers;
    serve(system_, commands, answers);
    return Json::parse(answers.str());
  }
  std::string path(const char* name) const { return (folder_.path() / name).string(); }
  std::vector<float> outputs(int batch) {
    ask(Json{{"do", "output"}, {"batch", batch}, {"file", path("out")}}.dump());
    const std::string bytes = read_file(path("out"));
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }

  test::TemporaryDirectory folder_;
  const Network network_ = Network::zoo("octet-20");
  OctetSystem system_{network_, {.max_batch = kBatch, .threads = 1}, 1};
};

TEST_F(OctetWorker, CallsAreTimedOneByOneAndARateAsAWhole) {
  const Json run = ask(R"({"do":"run","batch":2,"count":3})");
  ASSERT_EQ(run["start_ns"].size(), 3u);
  ASSERT_EQ(run["stop_ns"].size(), 3u);
  EXPECT_LE(run["start_ns"][0], run["stop_ns"][0]);
  EXPECT_LE(run["stop_ns"][0], run["start_ns"][1]);
  const Json rate = ask(R"({"do":"rate","batch":2,"count":3})");
  EXPECT_LE(run["stop_ns"][2], rate["start_ns"]) << "one clock";
  EXPECT_LT(rate["start_ns"], rate["stop_ns"]);
}

TEST_F(OctetWorker, RunsTheImagesThatItIsGiven) {
  const std::vector<float> before = outputs(kBatch);
  EXPECT_EQ(before.size(),
            static_cast<std::size_t>(network_.outputs()[0].shape.elements_per_image() * kBatch));
  // The same images in another order: the last one first.
  const Shape shape = network_.inputs()[0].shape;
  const std::vector<float> images = synthetic_images(shape, kBatch, 1);
  const auto size = static_cast<std::size_t>(shape.elements_per_image());
  std::vector<float> other(images.end() - static_cast<std::ptrdiff_t>(size), images.end());
  other.insert(other.end(), images.begin(), images.end() - static_cast<std::ptrdiff_t>(size));
  write_file(path("in"), {reinterpret_cast<const char*>(other.data()), other.size() * sizeof(float)});
  EXPECT_EQ(ask(Json{{"do", "input"}, {"file", path("in")}}.dump()), Json::object());
  const std::vector<float> after = outputs(1);
  EXPECT_TRUE(
      std::equal(after.begin(), after.end(), before.end() - static_cast<std::ptrdiff_t>(after.size())));
}

TEST_F(OctetWorker, WhatCannotBeDoneIsAnsweredAndTheNextCommandRead) {
  write_file(path("short"), "1234");
  const auto error_of = [&](const std::string& command) {
    return ask(command).at("error").get<std::string>();
  };
  EXPECT_THAT(error_of("{"), HasSubstr("bad command"));
  EXPECT_THAT(error_of(R"({"do":"run"})"), HasSubstr("'batch' not found"));
  EXPECT_THAT(error_of(R"({"do":"dance"})"), HasSubstr("expected input, run, rate or output, got 'dance'"));
  EXPECT_THAT(error_of(R"({"do":"run","batch":4,"count":1})"), HasSubstr("4"));
  EXPECT_THAT(error_of(R"({"do":"run","batch":1,"count":0})"), HasSubstr("count: expected 1 or more, got 0"));
  EXPECT_THAT(error_of(Json{{"do", "input"}, {"file", path("none")}}.dump()), HasSubstr("no such file"));
  EXPECT_THAT(error_of(Json{{"do", "input"}, {"file", path("short")}}.dump()), HasSubstr("3 images, got 4"));
  std::istringstream commands("{}\n{\"do\":\"rate\",\"batch\":1,\"count\":1}\n");
  std::ostringstream answers;
  serve(system_, commands, answers);
  EXPECT_THAT(answers.str(), testing::MatchesRegex("\\{\"error\":.*\n\\{\"start_ns\":.*\n"));
}

}  // namespace
}  // namespace octet::lab
