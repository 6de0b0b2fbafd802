#include "lab/bundle/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "lab/bundle/json_text.h"
#include "lab/bundle/manifest.h"
#include "lab/bundle/record.h"
#include "lab/bundle/sha256.h"
#include "lab/bundle/test_bundle.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Bundle : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    original_ = new test::TemporaryDirectory;
    test::write_test_bundle(original_->path());
  }
  static void TearDownTestSuite() { delete original_; }

  void SetUp() override { fs::copy(original_->path(), folder(), fs::copy_options::recursive); }

  fs::path folder() const { return scratch_.path() / "study"; }
  std::string read(const std::string& path) const { return read_file(folder() / path); }
  void write(const std::string& path, const std::string& bytes) const { write_file(folder() / path, bytes); }
  VerifyReport verify() const { return verify_bundle(folder()); }
  /// The text of the first finding about a file; empty if there is none.
  std::string finding_about(const std::string& path) const {
    for (const VerifyFinding& finding : verify().findings)
      if (finding.file == path) return finding.text;
    return "";
  }
  ErrorCode verify_fails_with() {
    try {
      verify();
    } catch (const Error& error) {
      message_ = error.what();
      return error.code();
    }
    ADD_FAILURE() << "verified";
    return ErrorCode::kInternal;
  }
  /// As somebody would who mends the hashes after a change.
  void rewrite_manifest(const std::function<void(Json&)>& change) const {
    Json manifest = Json::parse(read("manifest.json"));
    change(manifest);
    manifest.erase("sha256");
    manifest["sha256"] = sha256(format_json(manifest));
    write("manifest.json", format_json(manifest));
  }
  void rehash(const std::string& path) const {
    rewrite_manifest([&](Json& manifest) {
      const std::string bytes = read(path);
      for (Json& file : manifest["files"])
        if (file["path"] == path) file = {{"path", path}, {"bytes", bytes.size()}, {"sha256", sha256(bytes)}};
    });
  }

  static test::TemporaryDirectory* original_;
  test::TemporaryDirectory scratch_;
  std::string message_;
};
test::TemporaryDirectory* Bundle::original_ = nullptr;

TEST_F(Bundle, IsWhatItSays) {
  const VerifyReport report = verify();
  EXPECT_THAT(report.findings, IsEmpty()) << report.findings.front().file << report.findings.front().text;
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_EQ(report.records, static_cast<int>(test::test_records().size()));
  EXPECT_EQ(report.files, static_cast<int>(bundle_files(folder()).size()));
  EXPECT_GT(report.derived_values, 1000);
}

TEST_F(Bundle, StaysSoWhereverItIsMoved) {
  fs::rename(folder(), scratch_.path() / "elsewhere");
  EXPECT_TRUE(verify_bundle(scratch_.path() / "elsewhere").ok());
}

// The issue's promise: one byte changed, anywhere.
TEST_F(Bundle, AChangedByteInAnyFileIsFound) {
  std::vector<std::string> files = bundle_files(folder());
  files.push_back("manifest.json");
  EXPECT_GT(files.size(), 50u);
  for (const std::string& path : files) {
    const std::string bytes = read(path);
    ASSERT_FALSE(bytes.empty()) << path;
    std::string changed = bytes;
    char& byte = changed[changed.size() / 2];
    byte = byte == '1' ? '2' : '1';
    write(path, changed);
    try {
      EXPECT_FALSE(verify().ok()) << path;
    } catch (const Error& error) {
      EXPECT_EQ(path, "manifest.json") << error.what();  // so broken that nothing can be checked
    }
    write(path, bytes);
  }
  EXPECT_TRUE(verify().ok());
}

TEST_F(Bundle, AChangedByteAnywhereInTheManifestIsFound) {
  const std::string bytes = read("manifest.json");
  for (std::size_t i = 0; i < bytes.size(); i += 97)
    for (const char replacement : {' ', '7', 'x'}) {
      if (bytes[i] == replacement) continue;
      std::string changed = bytes;
      changed[i] = replacement;
      write("manifest.json", changed);
      try {
        EXPECT_NE(read_manifest(folder()).fault, "") << i << " " << replacement;
      } catch (const Error&) {
        // Not read at all: found too.
      }
    }
}

TEST_F(Bundle, ACutFileIsFound) {
  for (const char* path : {"results.json", "report.html", "csv/throughput.csv", "records/machine.json"}) {
    const std::string bytes = read(path);
    write(path, bytes.substr(0, bytes.size() / 2));
    EXPECT_THAT(finding_about(path), HasSubstr("bytes, the manifest says")) << path;
    write(path, bytes);
  }
  write("manifest.json", read("manifest.json").substr(0, 500));
  EXPECT_EQ(verify_fails_with(), ErrorCode::kParse);
}

TEST_F(Bundle, AMissingFileIsFound) {
  for (const char* path : {"study.toml", "results.json", "report.html", "csv/energy.csv",
                           "records/machine.json", "records/server~googlenet~int8.json"}) {
    const std::string bytes = read(path);
    fs::remove(folder() / path);
    EXPECT_EQ(finding_about(path), "is missing");
    write(path, bytes);
  }
}

TEST_F(Bundle, AnExtraFileIsFound) {
  write("notes.txt", "mine");
  fs::create_directory(folder() / "more");
  EXPECT_EQ(finding_about("notes.txt"), "is not in the manifest");
  EXPECT_EQ(finding_about("more"), "is not in the manifest");
}

TEST_F(Bundle, ALinkInTheFolderIsFound) {
  fs::rename(folder() / "results.json", scratch_.path() / "results.json");
  fs::create_symlink(scratch_.path() / "results.json", folder() / "results.json");
  EXPECT_EQ(finding_about("results.json"), "is not a regular file");
}

/// So that neither `verify` nor `compare` opens a file outside of a folder that came from somewhere.
TEST_F(Bundle, NothingIsReadThroughALink) {
  fs::rename(folder() / "records", scratch_.path() / "records");
  fs::create_symlink(scratch_.path() / "records", folder() / "records");
  EXPECT_THAT(verify().findings, Contains(Field(&VerifyFinding::text, HasSubstr("symbolic link"))));
  EXPECT_THROW(compare_bundles(folder(), folder()), Error);
  fs::remove(folder() / "records");
  fs::rename(scratch_.path() / "records", folder() / "records");
  for (const char* path : {"study.toml", "records/machine.json", "results.json", "report.html"}) {
    fs::rename(folder() / path, scratch_.path() / "moved");
    fs::create_symlink(scratch_.path() / "moved", folder() / path);
    const VerifyReport report = verify();
    EXPECT_THAT(report.findings, Contains(Field(&VerifyFinding::text, HasSubstr("symbolic link")))) << path;
    fs::rename(scratch_.path() / "moved", folder() / path);
  }
  fs::rename(folder() / "manifest.json", scratch_.path() / "manifest.json");
  fs::create_symlink(scratch_.path() / "manifest.json", folder() / "manifest.json");
  EXPECT_EQ(verify_fails_with(), ErrorCode::kParse);
}

TEST_F(Bundle, ADoubledRecordIsFoundEvenWhereTheManifestLists) {
  const std::string bytes = read("records/machine.json");
  write("records/copy.json", bytes);
  EXPECT_EQ(finding_about("records/copy.json"), "is not in the manifest");
  rewrite_manifest([&](Json& manifest) {
    manifest["files"].push_back(
        {{"path", "records/copy.json"}, {"bytes", bytes.size()}, {"sha256", sha256(bytes)}});
  });
  EXPECT_THAT(finding_about("records"), HasSubstr("copy.json"));
}

TEST_F(Bundle, AChangedResultIsFoundWhereItsHashWasMended) {
  const std::string median = R"("median": )";
  std::string bytes = read("results.json");
  bytes.insert(bytes.find(median) + median.size(), "1");
  write("results.json", bytes);
  rehash("results.json");
  EXPECT_THAT(finding_about("results.json"), HasSubstr("images_per_second.median"));
}

TEST_F(Bundle, AChangedSampleIsFoundWhereItsHashWasMended) {
  const char* path = "records/throughput~alexnet~int8~b8.json";
  Json record = Json::parse(read(path));
  Json& stop = record["systems"][0]["calls"]["stop_ns"][0];
  stop = stop.get<std::int64_t>() - 5'000'000;
  write(path, format_json(record));
  rehash(path);
  EXPECT_THAT(finding_about("results.json"), HasSubstr("throughput["));
}

TEST_F(Bundle, ARecordThatMakesNoSenseIsAFinding) {
  const char* path = "records/throughput~alexnet~int8~b8.json";
  Json record = Json::parse(read(path));
  record["systems"][0]["calls"] = 3;
  write(path, format_json(record));
  rehash(path);
  EXPECT_THAT(finding_about("records"), HasSubstr("throughput/alexnet/int8/b8: systems[0]"));
}

TEST_F(Bundle, ChangedOptionsAreFoundWhereTheHashWasMended) {
  write("study.toml", "name = \"another\"\n");
  rehash("study.toml");
  EXPECT_THAT(finding_about("study.toml"), HasSubstr("options"));
}

TEST_F(Bundle, AManifestMayNotNameFilesOutside) {
  rewrite_manifest([](Json& manifest) {
    manifest["files"].push_back({{"path", "records/../../secret"}, {"bytes", 1}, {"sha256", "00"}});
    manifest["files"].push_back(manifest["files"][0]);
  });
  const VerifyReport report = verify();
  EXPECT_THAT(report.findings, Contains(Field(&VerifyFinding::text, HasSubstr("no file of a bundle"))));
  EXPECT_THAT(report.findings, Contains(Field(&VerifyFinding::text, HasSubstr("twice"))));
}

TEST_F(Bundle, OfANewerOctetIsRefusedNamingTheVersions) {
  rewrite_manifest([](Json& manifest) { manifest["schema"] = "octet.manifest/2"; });
  EXPECT_EQ(verify_fails_with(), ErrorCode::kUnsupported);
  EXPECT_THAT(message_, HasSubstr("octet.manifest/2"));
  EXPECT_THAT(message_, HasSubstr("octet.manifest/1"));
}

TEST_F(Bundle, WithANewerRecordIsRefused) {
  const char* path = "records/machine.json";
  Json record = Json::parse(read(path));
  record["schema"] = "octet.record/2";
  write(path, format_json(record));
  EXPECT_EQ(verify_fails_with(), ErrorCode::kUnsupported);
  EXPECT_THAT(message_, HasSubstr("machine.json"));
}

TEST_F(Bundle, OfAnotherBuildMayBeWordedDifferentlyButNotCountedDifferently) {
  rewrite_manifest([](Json& manifest) { manifest["octet"]["revision"] = "0000000"; });
  EXPECT_TRUE(verify().ok());
  Json results = Json::parse(read("results.json"));
  results["layers"][0]["waterfall"][0]["text"] = "in other words";
  Json& median = results["throughput"][0]["images_per_second"]["median"];
  median = median.get<double>() * (1 + 1e-14);
  write("results.json", format_json(results));
  rehash("results.json");
  VerifyReport report = verify();
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(report.notes, Contains(HasSubstr("in other words")));
  EXPECT_THAT(report.notes, Contains(HasSubstr("another build")));

  median = median.get<double>() * 1.001;
  write("results.json", format_json(results));
  rehash("results.json");
  EXPECT_THAT(finding_about("results.json"), HasSubstr("throughput[0].images_per_second.median"));
}

TEST_F(Bundle, IsNoneWithoutAManifest) {
  fs::remove(folder() / "manifest.json");
  EXPECT_EQ(verify_fails_with(), ErrorCode::kNotFound);
  EXPECT_THROW(verify_bundle(scratch_.path() / "nowhere"), Error);
}

TEST_F(Bundle, WrittenAgainAfterItWasCutIsWhole) {
  fs::remove(folder() / "report.html");
  write("results.json", "half");
  EXPECT_FALSE(verify().ok());
  write_bundle(folder(), test::test_header());
  EXPECT_TRUE(verify().ok());
}

TEST_F(Bundle, ARecordThatCameAfterTheManifestIsSaid) {
  RecordStore(folder()).save({{"key", "server/alexnet/int8"},
                              {"kind", "server"},
                              {"outcome", "not_run"},
                              {"depends", "d"},
                              {"network", "alexnet"},
                              {"precision", "int8"},
                              {"reason", "made up"}});
  EXPECT_EQ(finding_about("records/server~alexnet~int8.json"), "is not in the manifest");
  write_bundle(folder(), test::test_header());
  EXPECT_TRUE(verify().ok());
  EXPECT_EQ(Json::parse(read("results.json"))["study"]["status"], "complete");
}

TEST_F(Bundle, KeepsRecordsThatWerePutAside) {
  EXPECT_FALSE(RecordStore(folder()).find("machine", "other options"));
  write_bundle(folder(), test::test_header());
  EXPECT_TRUE(verify().ok());
}

TEST_F(Bundle, OfNoRecordsIsValid) {
  const fs::path empty = scratch_.path() / "empty";
  make_writable_folder(empty);
  write_bundle(empty, test::test_header());
  EXPECT_TRUE(verify_bundle(empty).ok());
}

TEST(Sha256, OfKnownTexts) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace octet::lab
