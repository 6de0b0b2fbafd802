#include "lab/peers/peer_system.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <iterator>

#include "lab/peers/worker.h"
#include "lab/support/child.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kSeed = 3;

Network small_network() { return Network::zoo("octet-20"); }

/// A "Python" that is a shell script: it speaks the worker's protocol whatever script it is given. Each
/// answer can be replaced by other shell text. It gives the outputs of the file `outputs`.
class FakePython {
 public:
  struct Answers {
    std::string describe =
        R"(echo '{"python":"3.0","engines":{"onnxruntime":{"version":"1.2"},"openvino":{"missing":"No module"}},"quantizer":{"missing":"no onnx"}}')";
    std::string load = R"(echo '{"version":"1.2","batches_per_call":2}')";
    std::string input = R"(echo '{}')";
    std::string run = R"(echo '{"start_ns":[10,30],"stop_ns":[20,45]}')";
    std::string output =
        R"sh(cp "$folder/outputs" "$(echo "$line" | sed 's/.*"file":"\([^"]*\)".*/\1/')"; echo '{}')sh";
  };

  FakePython() : FakePython(Answers{}) {}
  explicit FakePython(const Answers& answers) {
    write_file(program(), "#!/bin/sh\nfolder='" + folder_.path().string() +
                              "'\nwhile read -r line; do\ncase $line in\n*describe*) " + answers.describe +
                              ";;\n*load*) " + answers.load + ";;\n*input*) " + answers.input +
                              ";;\n*run*) " + answers.run + ";;\n*output*) " + answers.output +
                              ";;\nesac\ndone\n");
    fs::permissions(program(), fs::perms::owner_all);
  }

  fs::path program() const { return folder_.path() / "python"; }
  fs::path models() const { return folder_.path() / "models"; }
  PeerModels start(double timeout_s = 100) const {
    return {find_peers(program().string()), models(), kSeed, timeout_s};
  }
  /// Answers with Octet's outputs, each times `factor`.
  void agree(PeerModels& models, const Network& network, float factor = 1) const {
    std::vector<float> outputs = models.reference(network);
    for (float& value : outputs) value *= factor;
    write_file(folder_.path() / "outputs",
               {reinterpret_cast<const char*>(outputs.data()), outputs.size() * sizeof(float)});
  }

 private:
  test::TemporaryDirectory folder_;
};

PeerSettings settings() {
  PeerSettings settings;
  settings.engine = "onnxruntime";
  settings.max_batch = PeerModels::kReferenceImages;
  settings.threads = 1;
  return settings;
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(FindPeersTest, TellsWhatThereIsAndWhatIsMissing) {
  const FakePython python;
  const PeerEnvironment environment = find_peers(python.program().string());
  EXPECT_EQ(environment.python, python.program());
  EXPECT_EQ(environment.require("onnxruntime").version, "1.2");
  EXPECT_THAT(message_of([&] { environment.require("openvino"); }),
              AllOf(HasSubstr("openvino cannot be used"), HasSubstr("No module"),
                    HasSubstr("scripts/compare-peers")));
  EXPECT_THAT(message_of([&] { environment.require("onnxruntme"); }),
              HasSubstr("did you mean 'onnxruntime'?"));
  EXPECT_EQ(environment.quantizer_missing, "no onnx");
}

TEST(FindPeersTest, APythonThatAnswersNonsenseHasNoPeers) {
  for (const char* answer : {"echo Hello", "echo '[]'", "echo '{}'", "echo 'bad' >&2; exit 3"}) {
    FakePython::Answers answers;
    answers.describe = answer;
    const FakePython python(answers);
    const PeerEnvironment environment = find_peers(python.program().string());
    EXPECT_THAT(message_of([&] { environment.require("onnxruntime"); }), HasSubstr("cannot be used"))
        << answer;
  }
}

TEST(FindPeersTest, AProgramThatIsNotThereIsAnError) {
  EXPECT_THAT(message_of([] { find_peers("no-such-python"); }),
              HasSubstr("no-such-python: expected a Python"));
}

TEST(FindPeersTest, ThisMachinesPythonIsAskedByTheRealWorker) {
  if (!find_program("python3")) GTEST_SKIP() << "there is no python3";
  const PeerEnvironment environment = find_peers("python3");
  EXPECT_THAT(environment.python_version, HasSubstr("3."));
  for (const PeerEngine& engine : environment.engines)
    EXPECT_NE(engine.version.empty(), engine.missing.empty()) << engine.engine;
}

TEST(PeerSystemTest, CallsAreTimedByTheWorkerAndCountItsImages) {
  const FakePython python;
  PeerModels models = python.start();
  const Network network = small_network();
  python.agree(models, network);
  const auto peer = start_peer(models, network, settings());
  EXPECT_EQ(peer->info().engine, "onnxruntime");
  EXPECT_EQ(peer->info().version, "1.2");
  EXPECT_EQ(peer->info().network, "octet-20");
  EXPECT_EQ(peer->info().precision, "fp32");
  std::vector<Call> calls;
  peer->run_timed(2, 2, system_clock(), calls);
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].start, 10);
  EXPECT_EQ(calls[1].stop, 45);
  EXPECT_EQ(calls[1].images, 4) << "two batches a call";
  EXPECT_EQ(peer->output_hash().size(), 16u);
  EXPECT_THAT(message_of([&] { peer->run(5); }), HasSubstr("expected a batch of 1 to 4, got 5"));
  EXPECT_EQ(files_in(models.folder()), 1u) << "only the model stays";
}

TEST(PeerSystemTest, AnEngineThatComputesSomethingElseIsRefused) {
  const FakePython python;
  PeerModels models = python.start();
  const Network network = small_network();
  python.agree(models, network, 1.01f);
  EXPECT_THAT(message_of([&] { start_peer(models, network, settings()); }),
              AllOf(HasSubstr("onnxruntime 1.2: its outputs differ from Octet's by"), HasSubstr("1e-03")));
}

TEST(PeerSystemTest, OutputsOfAnotherSizeAreRefused) {
  FakePython::Answers answers;
  answers.output = R"sh(printf 1234 > "$(echo "$line" | sed 's/.*"file":"\([^"]*\)".*/\1/')"; echo '{}')sh";
  const FakePython python(answers);
  PeerModels models = python.start();
  EXPECT_THAT(message_of([&] { start_peer(models, small_network(), settings()); }),
              HasSubstr("bytes of outputs, got 4"));
}

TEST(PeerSystemTest, AWorkerThatDiesHangsOrTalksNonsenseIsAnErrorThatNamesIt) {
  struct Case {
    std::string run, message;
    double timeout_s = 100;
  };
  const std::vector<Case> cases{
      {"echo out of memory >&2; exit 9", "ended unexpectedly with exit code 9, saying: out of memory"},
      {"sleep 100", "expected an answer within 2 s", 2},
      {"echo Segmentation fault", "expected an answer in JSON, got: Segmentation fault"},
      {R"(echo '{"error":"RuntimeError: no kernel"}')", "RuntimeError: no kernel"},
      {R"(echo '{"start_ns":[1]}')", "bad answer"},
      {R"(echo '{"start_ns":[1],"stop_ns":[2,3]}')", "expected the times of 2 calls, got 1 and 2"}};
  const Network network = small_network();
  for (const Case& test_case : cases) {
    FakePython::Answers answers;
    answers.run = test_case.run;
    const FakePython python(answers);
    PeerModels models = python.start(test_case.timeout_s);
    python.agree(models, network);
    const auto peer = start_peer(models, network, settings());
    std::vector<Call> calls;
    EXPECT_THAT(message_of([&] { peer->run_timed(1, 2, system_clock(), calls); }),
                AllOf(HasSubstr("onnxruntime: "), HasSubstr(test_case.message)));
    EXPECT_TRUE(calls.empty());
  }
}

TEST(PeerSystemTest, AfterItsDeathEveryCallSaysTheSame) {
  FakePython::Answers answers;
  answers.run = "exit 9";
  const FakePython python(answers);
  PeerModels models = python.start();
  const Network network = small_network();
  python.agree(models, network);
  const auto peer = start_peer(models, network, settings());
  const std::string first = message_of([&] { peer->run(1); });
  EXPECT_THAT(first, HasSubstr("exit code 9"));
  EXPECT_EQ(message_of([&] { peer->run(1); }), first);
}

TEST(PeerSystemTest, AnInterruptionEndsTheWaitForAnAnswerAndTheWorker) {
  FakePython::Answers answers;
  answers.run = "sleep 1000";
  const FakePython python(answers);
  bool interrupt = false;
  PeerModels models(find_peers(python.program().string()), python.models(), kSeed, 100, [&] {
    if (interrupt) throw Error(ErrorCode::kInterrupted, "interrupted");
  });
  const Network network = small_network();
  python.agree(models, network);
  const auto peer = start_peer(models, network, settings());
  interrupt = true;
  try {
    peer->run(1);
    FAIL() << "waited to the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInterrupted);
  }
  interrupt = false;
  EXPECT_THAT(message_of([&] { peer->run(1); }), HasSubstr("interrupted")) << "it has been ended";
}

TEST(PeerSystemTest, SettingsThatMakeNoSenseAreRefused) {
  const FakePython python;
  PeerModels models = python.start();
  const auto message_with = [&](const std::function<void(PeerSettings&)>& change) {
    PeerSettings changed = settings();
    change(changed);
    return message_of([&] { start_peer(models, small_network(), changed); });
  };
  EXPECT_THAT(message_with([](PeerSettings& s) { s.engine = "tensorflow"; }), HasSubstr("got 'tensorflow'"));
  EXPECT_THAT(message_with([](PeerSettings& s) { s.engine = "openvino"; }), HasSubstr("No module"));
  EXPECT_THAT(message_with([](PeerSettings& s) { s.way = "streams"; }),
              HasSubstr("there is no way 'streams'"));
  EXPECT_THAT(message_with([](PeerSettings& s) { s.max_batch = 0; }), HasSubstr("got 0"));
  EXPECT_THAT(message_with([](PeerSettings& s) { s.precision = Precision::kBFloat16; }),
              HasSubstr("not in bf16"));
  EXPECT_THAT(message_with([](PeerSettings& s) { s.precision = Precision::kInt8; }), HasSubstr("no onnx"));
}

TEST(CompareOutputsTest, MeasuresTheLargestDifferenceAndTheDirection) {
  const std::vector<float> reference{1, 2, 3, -4};
  EXPECT_EQ(compare_outputs(reference, reference, 2).error, 0);
  EXPECT_EQ(compare_outputs(reference, reference, 2).cosine, 1);
  const OutputAgreement other = compare_outputs({1, 2, 3, -2}, reference, 2);
  EXPECT_DOUBLE_EQ(other.error, 0.5);
  EXPECT_DOUBLE_EQ(other.cosine, 1);
  EXPECT_DOUBLE_EQ(compare_outputs({2, 1, -4, 3}, reference, 2).cosine, -1);
  EXPECT_DOUBLE_EQ(compare_outputs({0, 0, 0, 0}, reference, 2).cosine, 0) << "a constant is not the network";
}

TEST(CompareOutputsTest, RefusesWhatCannotBeCompared) {
  EXPECT_THAT(message_of([] { compare_outputs({1}, {1, 2}, 1); }), HasSubstr("expected 2 numbers, got 1"));
  EXPECT_THAT(message_of([] { compare_outputs({NAN}, {1}, 1); }), HasSubstr("not a number"));
}

TEST(PeersTest, TheRealEnginesAgreeWithOctetAndAreTimed) {
  const PeerEnvironment environment = find_peers();
  test::TemporaryDirectory folder;
  PeerModels models(environment, folder.path(), kSeed);
  const Network network = small_network();
  bool any = false;
  for (const PeerEngine& engine : environment.engines) {
    if (!engine.usable()) continue;
    any = true;
    for (const Precision precision : {Precision::kFloat32, Precision::kInt8}) {
      if (precision == Precision::kInt8 && !environment.quantizer_missing.empty()) continue;
      for (const std::string& way : peer_ways(engine.engine, 1)) {
        PeerSettings real;
        real.engine = engine.engine;
        real.way = way;
        real.precision = precision;
        real.threads = 2;
        const auto peer = start_peer(models, network, real);
        std::vector<Call> calls;
        const Nanoseconds before = system_clock().now();
        peer->run_timed(1, 3, system_clock(), calls);
        ASSERT_EQ(calls.size(), 3u);
        EXPECT_GE(calls.front().start, before) << "the worker's clock is this process's";
        EXPECT_LE(calls.back().stop, system_clock().now());
        EXPECT_EQ(calls.front().images, way == "streams" ? 2 : 1);
      }
    }
  }
  if (!any) GTEST_SKIP() << "no peer is installed: " << how_to_get_peers();
}

}  // namespace
}  // namespace octet::lab
