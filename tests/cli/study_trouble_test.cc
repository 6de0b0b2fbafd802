// octet study when things go wrong around it: killed at any moment, told to end, no room on the disk, a
// folder that may not be written, input that vanishes. What was measured before stays, and the study goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <thread>

#include "tests/cli/tiny_study.h"

namespace octet::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
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
  /// A whole bundle in which each unit of the plan has one record.
  void expect_complete() const {
    const nlohmann::json results = read_json(folder_ / "results.json");
    EXPECT_EQ(results.at("study").at("status"), "complete");
    EXPECT_EQ(results.at("study").at("planned").size(), records(folder_).size());
    expect_verified();
  }
};

TEST_F(StudyInTrouble, KilledAtAnyMomentItGoesOnWithoutALostOrDoubledSample) {
  constexpr int kKills = 20;
  constexpr std::uint32_t kSeed = 20170314;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  const auto whole = Clock::now();
  ASSERT_EQ(study(tiny()).exit_code, 0);  // how long an undisturbed one takes
  const auto length = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - whole).count();
  fs::remove_all(folder_);

  std::map<std::string, std::string> before;
  int killed = 0;
  for (int i = 0; i < kKills; ++i) {
    // Late enough to leave something, and early enough that there is something left for the next.
    const auto moment = std::chrono::microseconds(static_cast<std::int64_t>(random()) % (length / 4 + 1));
    const Finished run = study(tiny(), [&](pid_t pid) {
      std::this_thread::sleep_for(moment);
      kill(pid, SIGKILL);
    });
    ASSERT_TRUE(run.exit_code == 128 + SIGKILL || run.exit_code == 0) << run.exit_code << run.err;
    killed += run.exit_code != 0;
    expect_kept(before);
    before = records(folder_);
  }
  std::cout << killed << " of " << kKills << " studies were killed; " << before.size()
            << " records by then\n";
  const Finished rest = study(tiny());
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  expect_kept(before);
  expect_complete();
}

TEST_F(StudyInTrouble, ToldToEndItLeavesAValidPartialBundle) {
  const Finished run = study(tiny(), [&](pid_t pid) {
    const auto give_up = Clock::now() + std::chrono::seconds(60);
    while (records(folder_).empty() && Clock::now() < give_up)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    kill(pid, SIGTERM);
  });
  ASSERT_THAT(run.exit_code, AnyOf(128 + SIGTERM, 130, 0)) << run.err;
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
  static bool has_namespaces() { return Program("/usr/bin/unshare")({"-rm", "true"}).exit_code == 0; }

  Finished in_namespace(const std::string& script) const {
    return Program("/usr/bin/unshare")({"-rm", "--propagation", "private", "/bin/sh", "-c", script, "sh",
                                        OCTET_PROGRAM, config_.string(), folder_.string(),
                                        (directory_.path() / "saved").string()});
  }
};

TEST_F(StudyOnADisk, WithoutRoomEndsWithAClearErrorAndEarlierRecordsIntact) {
  if (!has_namespaces()) GTEST_SKIP() << "no mount namespaces here";
  ASSERT_EQ(study(tiny()).exit_code, 0);
  const auto before = records(folder_);
  // Room for a part of the records, then for all of them: it goes on where it ended.
  const Finished run = in_namespace(R"(
      mount -t tmpfs -o size=32k tmpfs "$3" || exit 90
      "$1" study --config "$2" -o "$3"; first=$?
      mkdir "$4" && cp -r "$3/records" "$4/"
      mount -o remount,size=64m "$3" || exit 91
      "$1" study --config "$2" -o "$3" || exit 92
      "$1" verify "$3" || exit 93
      for f in "$4"/records/*.json; do cmp "$f" "$3/records/${f##*/}" || exit 94; done
      exit $first)");
  EXPECT_EQ(run.exit_code, 1) << run.out << run.err;
  EXPECT_THAT(run.err, HasSubstr("No space left on device"));
  expect_kept(before);  // under the mount
}

TEST_F(StudyOnADisk, ThatIsReadOnlyEndsWithAClearError) {
  if (!has_namespaces()) GTEST_SKIP() << "no mount namespaces here";
  ASSERT_EQ(study(tiny()).exit_code, 0);
  const auto before = records(folder_);
  const Finished run = in_namespace(R"(
      mount --bind "$3" "$3" && mount -o remount,bind,ro "$3" || exit 90
      exec "$1" study --config "$2" -o "$3")");
  EXPECT_EQ(run.exit_code, 1) << run.out << run.err;
  EXPECT_THAT(run.err, HasSubstr("Read-only file system"));
  expect_kept(before);
  expect_complete();
}

}  // namespace
}  // namespace octet::test
