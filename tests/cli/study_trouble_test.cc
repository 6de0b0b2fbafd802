// octet study when things go wrong around it: killed at any moment, told to end, no room on the disk, a
// folder that may not be written, input that vanishes. What was measured before stays, and the study goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <thread>

#include "tests/cli/mount_namespace.h"
#include "tests/cli/tiny_study.h"
#include "tests/support/folder_watch.h"

namespace octet::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

class StudyInTrouble : public Study {
 protected:
  /// Every record that was there is there still, the same byte for byte.
  void expect_kept(const std::map<std::string, std::string>& before) const {
    const auto after = records(folder_);
    for (const auto& [file, bytes] : before) {
      ASSERT_TRUE(after.contains(file)) << file << " is lost";
      EXPECT_EQ(after.at(file), bytes) << file;
    }
  }
  void expect_verified() const {
    const Finished verified = octet_program()({"verify", folder_.string()});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  }
  /// Rows of each section of the results: a sample that was lost or doubled is one less or more.
  std::map<std::string, std::size_t> rows() const {
    std::map<std::string, std::size_t> counts;
    for (const auto& [section, content] : read_json(folder_ / "results.json").items())
      if (content.is_array()) counts[section] = content.size();
    return counts;
  }
  /// A whole bundle in which each unit of the plan has one record, and nothing else is.
  void expect_complete() const {
    const nlohmann::json study = read_json(folder_ / "results.json").at("study");
    EXPECT_EQ(study.at("status"), "complete");
    const auto found = records(folder_);
    EXPECT_EQ(study.at("planned"), found.size());
    EXPECT_EQ(study.at("records"), found.size());
    for (const auto& [file, bytes] : found)
      EXPECT_EQ(nlohmann::json::parse(bytes).at("outcome"), "measured") << file;
    for (const auto& entry : fs::directory_iterator(folder_ / "records"))
      EXPECT_EQ(entry.path().extension(), ".json") << entry.path();
    expect_verified();
  }
  /// Returns when the study has begun to write its next record, or after so long at most.
  void wait_for_a_record_begun(std::chrono::milliseconds most) const {
    fs::create_directories(folder_ / "records");
    FolderWatch watch(folder_ / "records");
    watch.next(most);
  }
};

TEST_F(StudyInTrouble, KilledAtAnyMomentItGoesOnWithoutALostOrDoubledSample) {
  constexpr int kKills = 20, kMostRuns = 80;
  constexpr std::uint32_t kSeed = 20170314;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  const auto start = Clock::now();
  ASSERT_EQ(study(tiny()).exit_code, 0);
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
  const auto undisturbed = rows();

  std::map<std::string, std::string> before;
  fs::remove_all(folder_);
  for (int killed = 0, runs = 0; killed < kKills; ++runs) {
    ASSERT_LT(runs, kMostRuns) << killed << " were killed";
    // Anywhere in the first quarter, so that some starts come to nothing and some bring several records;
    // every other time while a record is being written.
    const auto moment = std::chrono::microseconds(random() % static_cast<std::uint64_t>(whole.count() / 4));
    const bool while_writing = runs % 2 == 1;
    const Finished run = study(tiny(), [&](pid_t pid) {
      if (while_writing)
        wait_for_a_record_begun(std::chrono::duration_cast<std::chrono::milliseconds>(whole));
      else
        std::this_thread::sleep_for(moment);
      kill(pid, SIGKILL);
    });
    ASSERT_TRUE(run.exit_code == 128 + SIGKILL || run.exit_code == 0) << run.exit_code << run.err;
    expect_kept(before);
    before = records(folder_);
    for (const auto& [file, bytes] : before) ASSERT_TRUE(nlohmann::json::accept(bytes)) << file << " is cut";
    if (run.exit_code != 0) {
      ++killed;
    } else {
      expect_complete();
      EXPECT_EQ(rows(), undisturbed);
      before.clear();
      fs::remove_all(folder_);
    }
  }
  const Finished rest = study(tiny());
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  expect_kept(before);
  expect_complete();
  EXPECT_EQ(rows(), undisturbed);
}

TEST_F(StudyInTrouble, NoFileOfABundleIsWrittenUnderItsName) {
  fs::create_directories(folder_ / "records");
  FolderWatch records(folder_ / "records"), bundle(folder_);
  ASSERT_EQ(study(tiny()).exit_code, 0);
  std::size_t renamed = 0;
  for (FolderWatch* watch : {&records, &bundle}) {
    for (auto events = watch->next({}); !events.empty(); events = watch->next({}))
      for (const FolderWatch::Event& event : events) {
        EXPECT_TRUE(event.renamed || event.name.ends_with(".tmp") || event.name == "csv") << event.name;
        renamed += event.renamed;
      }
  }
  EXPECT_GT(renamed, 10u);  // the records, results.json, the report, ...
}

TEST_F(StudyInTrouble, ToldToEndItLeavesAValidPartialBundle) {
  const Finished run = study(tiny(), [&](pid_t pid) {
    const auto give_up = Clock::now() + std::chrono::seconds(60);
    while (records(folder_).empty() && Clock::now() < give_up)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    kill(pid, SIGTERM);
  });
  ASSERT_EQ(run.exit_code, 130) << run.err;
  EXPECT_EQ(read_json(folder_ / "results.json").at("study").at("status"), "partial");
  expect_verified();
  const auto before = records(folder_);
  ASSERT_EQ(study(tiny()).exit_code, 0);
  expect_kept(before);
  expect_complete();
}

TEST_F(StudyInTrouble, InputThatVanishedIsNamedAndEarlierResultsStay) {
  ASSERT_EQ(study(tiny()).exit_code, 0);
  const auto before = records(folder_);
  const fs::path images = directory_.path() / "images";
  ASSERT_EQ(octet_program()({"draw", "--images", images.string(), "--count", "4"}).exit_code, 0);
  std::vector<std::string> with_images = tiny();
  with_images.insert(with_images.end(), {"--images", images.string()});
  fs::remove_all(images);
  const Finished run = study(with_images);
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr(images.string()));
  expect_kept(before);
  expect_complete();
}

/// The study in a mount namespace of its own, whose folder is what `mount` makes of it; what is in it
/// afterwards is verified there and copied out. Skipped where a user may not have namespaces.
class StudyOnADisk : public StudyInTrouble {
 protected:
  Finished in_namespace(const std::string& script) const {
    return in_mount_namespace(
        script, {OCTET_PROGRAM, config_.string(), folder_.string(), (directory_.path() / "saved").string()});
  }
};

/// Room in the folder is what the script says; afterwards there is enough, and the study goes on.
class StudyWithoutRoom : public StudyOnADisk, public ::testing::WithParamInterface<const char*> {};

TEST_P(StudyWithoutRoom, EndsWithAClearErrorAndGoesOnWithEarlierRecordsIntact) {
  if (!has_mount_namespaces()) GTEST_SKIP() << "no mount namespaces here";
  fs::create_directory(folder_);
  const Finished run = in_namespace(std::string("set -u\n") + GetParam() + R"(
      ls "$3"/records/*.json > /dev/null || exit 91
      ls "$3"/records | grep -v "json$" && exit 92
      mkdir "$4" && cp -r "$3/records" "$4/"
      rm -f "$3/filler"
      mount -o remount,size=64m,nr_inodes=1000 "$3" || exit 93
      "$1" study --config "$2" -o "$3" || exit 94
      "$1" verify "$3" || exit 95
      for f in "$4"/records/*.json; do cmp "$f" "$3/records/${f##*/}" || exit 96; done
      exit $first)");
  EXPECT_EQ(run.exit_code, 2) << run.out << run.err;
  EXPECT_THAT(run.err, HasSubstr("No space left on device"));
  EXPECT_THAT(run.err, HasSubstr(folder_.string()));
}

INSTANTIATE_TEST_SUITE_P(Kinds, StudyWithoutRoom,
                         testing::Values(
                             // No more files: . and records, study.toml and its temporary, a few records.
                             R"(mount -t tmpfs -o size=64m,nr_inodes=8 tmpfs "$3" || exit 90
       "$1" study --config "$2" -o "$3"; first=$?)",
                             // Somebody else fills the disk when the first record is there.
                             R"(mount -t tmpfs -o size=20m tmpfs "$3" || exit 90
       "$1" study --config "$2" -o "$3" & study=$!
       until ls "$3"/records/*.json > /dev/null 2>&1; do sleep 0.01; done
       dd if=/dev/zero of="$3/filler" bs=64k 2> /dev/null
       wait $study; first=$?)"));

TEST_F(StudyOnADisk, ThatIsReadOnlyEndsWithAClearError) {
  if (!has_mount_namespaces()) GTEST_SKIP() << "no mount namespaces here";
  ASSERT_EQ(study(tiny()).exit_code, 0);
  const auto before = records(folder_);
  const Finished run = in_namespace(R"(
      mount --bind "$3" "$3" && mount -o remount,bind,ro "$3" || exit 90
      exec "$1" study --config "$2" -o "$3")");
  EXPECT_EQ(run.exit_code, 2) << run.out << run.err;
  EXPECT_THAT(run.err, HasSubstr(folder_.string()));
  EXPECT_THAT(run.err, HasSubstr("Read-only file system"));
  expect_kept(before);
  expect_complete();
}

}  // namespace
}  // namespace octet::test
