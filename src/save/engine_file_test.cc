// What the file itself promises, on pretended machines and versions: written whole or not at all, and refused
// with a reason that names the file where it is not what it should be.
#include "save/engine_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "octet/error.h"
#include "tests/support/graph_builder.h"
#include "tests/support/temporary_directory.h"

namespace octet::save {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const BuildInfo kThisOctet = {"1.2.3", "0123456789ab", "", "", ""};

/// A machine whose CPU has everything up to `best`.
std::vector<IsaStatus> machine(Isa best = Isa::kAmx) {
  std::vector<IsaStatus> isas;
  for (const Isa isa : kAllIsas)
    isas.push_back({isa, isa <= best, isa <= best ? "" : std::string("the CPU lacks ") + to_string(isa)});
  return isas;
}

EngineRecord small_record() {
  test::GraphBuilder builder;
  const graph::TensorId in = builder.input({1, 3, 8, 8});
  const graph::TensorId conv =
      builder.convolution(in, {test::square_window(3, 1, 1), 16, 1, graph::Relu{0.5f}});
  EngineRecord record;
  record.precision = Precision::kInt8;
  record.isa = Isa::kAvx512Vnni;
  record.max_batch = 4;
  record.threads = 2;
  record.graph = builder.finish({builder.node(graph::Pooling{.global = true}, {conv})});
  record.calibration.emplace();
  record.calibration->tensors.push_back({.name = "data", .scale = 0.5f, .zero_point = 128});
  record.calibration->layers.push_back({.name = "layer1", .precision = Precision::kBFloat16});
  record.steps = {{"conv_i8/direct/avx2", 640}, {"pool_i8/window/generic", 0}};
  record.passes = {{"fold", true, 3, 0.25}};
  record.notes = {{"who", "a test"}};
  return record;
}

class EngineFileTest : public testing::Test {
 protected:
  EngineFileTest() {
    for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i] = static_cast<std::byte>(i * 7);
    write_engine_file(path_, kThisOctet, Isa::kAvx2, small_record(), weights_);
    std::ostringstream text;
    text << std::ifstream(path_, std::ios::binary).rdbuf();
    bytes_ = text.str();
  }

  EngineFile open(const std::vector<IsaStatus>& isas = machine()) const { return {path_, kThisOctet, isas}; }

  /// Code and message of opening `bytes` in the place of the file.
  void refused(const std::string& bytes, ErrorCode code, const std::string& words) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    try {
      open().record();
      ADD_FAILURE() << "opened; expected: " << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), AllOf(StartsWith(path_.string() + ": "), HasSubstr(words)));
    }
  }

  test::TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_.path() / "small.octet";
  std::vector<std::byte> weights_ = std::vector<std::byte>(5000);
  std::string bytes_;
};

TEST_F(EngineFileTest, GivesBackRecordAndWeights) {
  const EngineFile file = open();
  EXPECT_TRUE(std::equal(weights_.begin(), weights_.end(), file.weights().begin(), file.weights().end()));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.weights().data()) % kPage, 0u);
  const EngineRecord read = file.record();
  EXPECT_EQ(encode(read), encode(small_record()));
  EXPECT_EQ(read.notes, small_record().notes);
  EXPECT_EQ(read.graph.nodes[1].weights[0].shape(), (Shape{16, 3, 3, 3}));
  EXPECT_TRUE(read.graph.nodes[1].weights[0].missing());
}

TEST_F(EngineFileTest, RefusesWhatIsNoSavedEngine) {
  refused("", ErrorCode::kParse, "no saved engine: expected a file that begins with OCTETENG");
  refused("OCTET", ErrorCode::kParse, "no saved engine");
  refused(std::string(10000, 'x'), ErrorCode::kParse, "no saved engine");
  EXPECT_THROW(EngineFile(directory_.path(), kThisOctet, machine()), Error);  // a directory
  try {
    const EngineFile none(directory_.path() / "none.octet", kThisOctet, machine());
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

TEST_F(EngineFileTest, RefusesAFileThatMayNotBeRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  std::filesystem::permissions(path_, std::filesystem::perms::none);
  try {
    open();
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("cannot be opened: Permission denied"));
  }
}

TEST_F(EngineFileTest, RefusesAnotherFormatByBothNumbers) {
  std::string other = bytes_;
  other[kMagic.size()] = 1;
  refused(other, ErrorCode::kUnsupported, "a saved engine of format 1; Octet 1.2.3 reads format 3");
}

TEST_F(EngineFileTest, RefusesAnotherVersionOrRevisionNamingBoth) {
  for (const BuildInfo& writer :
       {BuildInfo{"1.2.4", "0123456789ab", "", "", ""}, BuildInfo{"1.2.3", "fedc\n-dirty", "", "", ""}}) {
    write_engine_file(path_, writer, Isa::kAvx2, small_record(), weights_);
    try {
      open();
      FAIL() << "opened";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kMismatch);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("written by Octet " + writer.version),
                                      HasSubstr("this is 1.2.3 (0123456789ab)")));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
    }
  }
}

TEST_F(EngineFileTest, RefusesAnInstructionSetThatTheMachineLacksWithTheReason) {
  write_engine_file(path_, kThisOctet, Isa::kAmx, small_record(), weights_);
  EXPECT_NO_THROW(open(machine(Isa::kAmx)));
  try {
    open(machine(Isa::kAvx512Vnni));
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("built for amx, which cannot be used here: the CPU lacks amx"));
  }
}

TEST_F(EngineFileTest, RefusesEveryCutAndEveryExtension) {
  for (std::size_t i = 0; i < 64; ++i) {
    const std::size_t size = bytes_.size() * i / 64;
    refused(bytes_.substr(0, size), ErrorCode::kParse,
            size < kMagic.size()       ? "no saved engine"
            : size < kMagic.size() + 4 ? "byte 8"
                                       : "cut short");
  }
  refused(bytes_.substr(0, bytes_.size() - 1), ErrorCode::kParse, "cut short or extended: ");
  refused(bytes_ + '\0', ErrorCode::kParse, "cut short or extended: ");
}

TEST_F(EngineFileTest, RefusesEveryFlippedBit) {
  for (std::size_t bit = 0; bit < bytes_.size() * 8; bit += 61) {  // a prime: all parts and bit places
    std::string flipped = bytes_;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << flipped;
    EXPECT_THROW(open(), Error) << "bit " << bit;
  }
}

// With right checksums; the whole engine's test (tests/saved_engine_test.cc) flips bits at random.
TEST_F(EngineFileTest, RefusesScalesThatAreNone) {
  const auto refuses = [&](const EngineRecord& record, const std::string& words) {
    write_engine_file(path_, kThisOctet, Isa::kAvx2, record, weights_);
    std::ostringstream text;
    text << std::ifstream(path_, std::ios::binary).rdbuf();
    refused(text.str(), ErrorCode::kMismatch, words);
  };
  for (const float scale : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    EngineRecord record = small_record();
    record.calibration->tensors[0].scale = scale;
    refuses(record, "tensor 'data'");
    record = small_record();
    record.int16_scales.assign(record.graph.tensors.size(), {scale, 100});
    refuses(record, "16-bit scale");
  }
  EngineRecord record = small_record();
  record.calibration->tensors[0].zero_point = 256;
  refuses(record, "zero point 256");
  record = small_record();
  record.calibration->tensors[0].pixel_mean = {1, 2};
  refuses(record, "a mean of 2 values fits no input");
  record = small_record();
  record.int16_scales = {{1, 100}};
  refuses(record, "1 16-bit scales for 3 tensors");
}

TEST_F(EngineFileTest, RefusesAGraphThatIsNone) {
  EngineRecord record = small_record();
  record.graph.nodes[1].inputs = {2};
  write_engine_file(path_, kThisOctet, Isa::kAvx2, record, weights_);
  try {
    open().record();
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidNetwork);
    EXPECT_THAT(error.what(), StartsWith(path_.string()));
  }
}

TEST_F(EngineFileTest, AFailedWriteLeavesTheOldFileAndNothingElse) {
  // As on a full disk: the system takes no more bytes.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {bytes_.size() - 100, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    write_engine_file(path_, kThisOctet, Isa::kAvx512, small_record(), weights_);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_THAT(message, AllOf(StartsWith(path_.string()), HasSubstr("File too large")));
  std::ostringstream text;
  text << std::ifstream(path_, std::ios::binary).rdbuf();
  EXPECT_EQ(text.str(), bytes_);
  const std::filesystem::directory_iterator files(directory_.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

}  // namespace
}  // namespace octet::save
