// IPMI by scripts that answer, or do not, as ipmitool.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "lab/power/kinds.h"
#include "octet/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using ::testing::HasSubstr;

constexpr const char* kAnswer = R"(
    Instantaneous power reading:                   214 Watts
    Minimum during sampling period:                 18 Watts
    Maximum during sampling period:                438 Watts
    Average power reading over sample period:      213 Watts
    IPMI timestamp:                           Thu Jun  4 09:01:13 2026
    Sampling period:                          00000005 Seconds.
    Power reading state is:                   activated

)";

class Ipmi : public ::testing::Test {
 protected:
  Ipmi() {
    options_.ipmitool = (directory_.path() / "ipmitool").string();
    options_.ipmi_timeout_s = 60;  // for a machine that is busy
  }
  void tool(const std::string& script) {
    const fs::path file = directory_.write("ipmitool", "#!/bin/sh\n" + script + "\n");
    fs::permissions(file, fs::perms(0755));
  }
  void answers(const std::string& text) { tool("cat <<'END'\n" + text + "\nEND"); }
  MeterStatus status() const { return find_ipmi(options_).status; }
  fs::path path() const { return options_.ipmitool; }

  MeterOptions options_;

 private:
  test::TemporaryDirectory directory_;
};

TEST_F(Ipmi, TheInstantaneousReadingIsTaken) {
  answers(kAnswer);
  const FoundKind found = find_ipmi(options_);
  ASSERT_TRUE(found.status.works) << found.status.why_not;
  EXPECT_DOUBLE_EQ(found.meters[0]->read(), 214);
  EXPECT_TRUE(found.meters[0]->blocks());
  EXPECT_GE(found.meters[0]->info().interval_s, 1);
  EXPECT_EQ(found.meters[0]->info().scope, "whole node");
}

TEST_F(Ipmi, TheQuestionIsAskedByArguments) {
  tool("[ \"$*\" = 'dcmi power reading' ] || exit 7\ncat <<'END'\n" + std::string(kAnswer) + "\nEND");
  EXPECT_TRUE(status().works) << status().why_not;
}

TEST_F(Ipmi, WhatIsNoReadingIsQuoted) {
  answers("All your watts are belong to us");
  EXPECT_FALSE(status().works);
  EXPECT_THAT(status().why_not,
              HasSubstr("expected 'Instantaneous power reading: N Watts', got 'All your watts"));
  answers("    Instantaneous power reading:  many Watts");
  EXPECT_THAT(status().why_not, HasSubstr("got 'many Watts'"));
  answers("    Instantaneous power reading:     0 Watts");
  EXPECT_THAT(status().why_not, HasSubstr("got '0 Watts'"));
  answers("    Instantaneous power reading:   214 Watts\n    Power reading state is:    deactivated");
  EXPECT_THAT(status().why_not, HasSubstr("the controller's power reading is 'deactivated'"));
  answers("");
  EXPECT_THAT(status().why_not, HasSubstr("got ''"));
}

TEST_F(Ipmi, ADeviceThatCannotBeOpenedIsExplained) {
  tool("echo 'Could not open device at /dev/ipmi0 or /dev/ipmi/0: Permission denied' >&2; exit 1");
  EXPECT_THAT(status().why_not, HasSubstr("exit code 1: Could not open device at /dev/ipmi0"));
  EXPECT_THAT(status().remedy, HasSubstr("modprobe"));
  EXPECT_THAT(status().remedy, HasSubstr("/dev/ipmi0"));
}

TEST_F(Ipmi, AToolThatHangsIsEnded) {
  tool("exec sleep 1000");
  options_.ipmi_timeout_s = 0.2;
  EXPECT_THAT(status().why_not, HasSubstr("no answer within 0.2 s"));
  EXPECT_THAT(status().remedy, HasSubstr("reset"));
}

TEST_F(Ipmi, AToolThatDisappearsFailsTheReadingAndMayComeBack) {
  answers(kAnswer);
  const FoundKind found = find_ipmi(options_);
  ASSERT_TRUE(found.status.works);
  fs::remove(path());
  EXPECT_THAT(message_of([&] { (*found.meters[0]).read(); }), HasSubstr("no such program"));
  answers(kAnswer);
  EXPECT_DOUBLE_EQ(found.meters[0]->read(), 214);
}

TEST_F(Ipmi, AMissingToolIsSaidWithItsPackage) {
  EXPECT_FALSE(status().works);
  EXPECT_THAT(status().why_not, HasSubstr("no such program"));
  EXPECT_THAT(status().remedy, HasSubstr("apt-get install ipmitool"));
}

}  // namespace
}  // namespace octet::lab
