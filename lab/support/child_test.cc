#include "lab/support/child.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include "lab/support/clock.h"
#include "lab/support/files.h"
#include "octet/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using testing::AllOf;
using testing::HasSubstr;

constexpr double kLong = 100;  // seconds that no test waits

Command shell(const std::string& script) { return {{"sh", "-c", script}, {}}; }

std::ptrdiff_t open_descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

/// Whether it is gone or a zombie that its new parent has not reaped.
bool comes_to_its_end(pid_t pid) {
  for (int i = 0; i < 1000; ++i) {
    std::error_code error;
    if (!fs::exists("/proc/" + std::to_string(pid), error)) return true;
    const Finished state = run_command({{"cat", "/proc/" + std::to_string(pid) + "/stat"}, {}});
    if (state.out.find(") Z ") != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(FindProgramTest, FindsWhatTheShellWouldStart) {
  test::TemporaryDirectory folder;
  write_file(folder.path() / "tool", "#!/bin/sh\n");
  EXPECT_EQ(find_program((folder.path() / "tool").string()), std::nullopt) << "it may not be executed";
  fs::permissions(folder.path() / "tool", fs::perms::owner_all);
  EXPECT_EQ(find_program((folder.path() / "tool").string()), folder.path() / "tool");
  EXPECT_TRUE(find_program("sh").has_value());
  EXPECT_EQ(find_program("no-such-program-as-this"), std::nullopt);
  EXPECT_EQ(find_program(""), std::nullopt);
  EXPECT_EQ(find_program("/"), std::nullopt);
}

TEST(OwnProgramTest, IsThisTest) { EXPECT_EQ(own_program().filename(), "octet_lab_support_test"); }

TEST(RunCommandTest, KeepsOutputErrorsAndExitCodeApart) {
  const Finished finished = run_command(shell("echo out; echo err >&2; exit 7"), kLong);
  EXPECT_EQ(finished.out, "out\n");
  EXPECT_EQ(finished.err, "err\n");
  EXPECT_EQ(finished.exit_code, 7);
  EXPECT_FALSE(finished.timed_out);
}

TEST(RunCommandTest, GivesWordsAsTheyAreAndNothingToRead) {
  const Finished finished = run_command({{"printf", "%s|", "a b", "$HOME; *", ""}, {}}, kLong);
  EXPECT_EQ(finished.out, "a b|$HOME; *||");
  EXPECT_EQ(run_command({{"cat"}, {}}, kLong).out, "");
}

TEST(RunCommandTest, AddsToTheEnvironmentAndReplacesInIt) {
  ::setenv("OCTET_CHILD_TEST_KEPT", "kept", 1);
  ::setenv("OCTET_CHILD_TEST_OLD", "old", 1);
  Command command = shell("echo $OCTET_CHILD_TEST_KEPT $OCTET_CHILD_TEST_OLD $OCTET_CHILD_TEST_NEW");
  command.environment = {{"OCTET_CHILD_TEST_OLD", "replaced"}, {"OCTET_CHILD_TEST_NEW", "new"}};
  EXPECT_EQ(run_command(command, kLong).out, "kept replaced new\n");
}

TEST(RunCommandTest, TellsTheSignalThatEndedIt) {
  EXPECT_EQ(run_command(shell("kill -KILL $$"), kLong).exit_code, 128 + SIGKILL);
}

TEST(RunCommandTest, EndsWhatTakesTooLongWithWhatItStarted) {
  const Finished finished = run_command(shell("sleep 1000 & echo $!; wait"), 0.3);
  EXPECT_TRUE(finished.timed_out);
  EXPECT_EQ(finished.exit_code, 128 + SIGTERM);
  EXPECT_TRUE(comes_to_its_end(std::stoi(finished.out)));
}

TEST(RunCommandTest, EndsWhatDoesNotWantToEnd) {
  const Finished finished = run_command(shell("trap '' TERM; while :; do sleep 0.05; done"), 0.3);
  EXPECT_TRUE(finished.timed_out);
  EXPECT_EQ(finished.exit_code, 128 + SIGKILL);
}

TEST(RunCommandTest, DoesNotWaitForWhatTheChildLeftRunning) {
  const Finished finished = run_command(shell("sleep 50 & echo $!"), kLong);
  EXPECT_EQ(finished.exit_code, 0);
  const pid_t left = std::stoi(finished.out);
  EXPECT_EQ(::kill(left, 0), 0);
  ::kill(left, SIGKILL);
}

TEST(RunCommandTest, WaitsForAChildThatHasClosedItsOutput) {
  EXPECT_EQ(run_command(shell("exec >&- 2>&-; sleep 0.1; exit 3"), kLong).exit_code, 3);
}

TEST(RunCommandTest, KeepsAtMost64MiBAndStillLetsTheChildFinish) {
  const Finished finished = run_command(shell("head -c 70000000 /dev/zero; exit 5"), kLong);
  EXPECT_EQ(finished.out.size(), std::size_t{64} << 20);
  EXPECT_EQ(finished.exit_code, 5);
}

TEST(RunCommandTest, SaysWhatCannotBeStarted) {
  EXPECT_THAT(message_of([] {
                run_command({{"no-such-program-as-this"}, {}});
              }),
              HasSubstr("no-such-program-as-this: no such program in PATH"));
  EXPECT_THAT(message_of([] { run_command({{}, {}}); }), HasSubstr("expected a program"));
  test::TemporaryDirectory folder;
  const fs::path broken = folder.path() / "broken";
  write_file(broken,
             "\x7f"
             "ELF but no more");
  fs::permissions(broken, fs::perms::owner_all);
  EXPECT_THAT(message_of([&] {
                run_command({{broken.string()}, {}});
              }),
              HasSubstr("broken: cannot be started"));
}

TEST(RunCommandTest, LeavesNoDescriptorAndNoZombie) {
  const std::ptrdiff_t before = open_descriptors();
  for (int i = 0; i < 3; ++i) {
    run_command(shell("echo"), kLong);
    EXPECT_ANY_THROW(run_command({{"no-such-program-as-this"}, {}}));
    Child child(shell("cat"));
    child.write_line("x");
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(RunCommandTest, TheChildSeesNothingOfOtherChildren) {
  const Command listing{{"ls", "/proc/self/fd"}, {}};
  const std::string alone = run_command(listing, kLong).out;
  Child other(shell("cat"));
  EXPECT_EQ(run_command(listing, kLong).out, alone);
}

/// As std::ifstream and many a library open theirs.
TEST(RunCommandTest, TheChildSeesNoFileThatWasOpenedToBeInherited) {
  const Command listing{{"ls", "/proc/self/fd"}, {}};
  const int inherited = ::open("/dev/null", O_RDONLY);
  ASSERT_GT(inherited, STDERR_FILENO);
  const std::string seen = run_command(listing, kLong).out;
  ::close(inherited);
  EXPECT_EQ(seen, "0\n1\n2\n3\n") << "3 is what lists them";
}

TEST(ChildTest, AnswersLineByLine) {
  Child child(shell("while read line; do echo \"<$line>\"; done; exit 4"));
  child.write_line("one");
  EXPECT_EQ(child.read_line(kLong), "<one>");
  child.write_line("two");
  child.write_line("three");
  EXPECT_EQ(child.read_line(kLong), "<two>");
  EXPECT_EQ(child.read_line(kLong), "<three>");
  EXPECT_EQ(child.finish(kLong), 4);
}

TEST(ChildTest, LargeLinesGoBothWaysWithoutADeadlock) {
  Child child({{"cat"}, {}});
  const std::string large(3'000'000, 'x');
  child.write_line(large);
  EXPECT_EQ(child.read_line(kLong), large);
}

TEST(ChildTest, MuchOnStderrNeitherBlocksItNorIsKept) {
  Child child(shell("head -c 1000000 /dev/zero | tr '\\0' e >&2; echo END >&2; echo done; read x; exit 0"));
  EXPECT_EQ(child.read_line(kLong), "done");
  child.finish(kLong);
  EXPECT_EQ(child.stderr_tail().size(), std::size_t{64} << 10);
  EXPECT_THAT(child.stderr_tail().substr(child.stderr_tail().size() - 5), "eEND\n");
}

TEST(ChildTest, SaysHowItEndedAndWhatItSaidLast) {
  Child child(shell("echo last words >&2; exit 9"));
  EXPECT_THAT(message_of([&] { child.read_line(kLong); }),
              AllOf(HasSubstr("sh: ended unexpectedly with exit code 9"), HasSubstr("saying: last words")));
}

TEST(ChildTest, LinesPrintedBeforeTheEndAreStillRead) {
  Child child(shell("echo one; echo two; printf three"));
  EXPECT_EQ(child.read_line(kLong), "one");
  EXPECT_EQ(child.read_line(kLong), "two");
  EXPECT_THAT(message_of([&] { child.read_line(kLong); }), HasSubstr("ended unexpectedly with exit code 0"));
}

TEST(ChildTest, WritingToOneThatHasEndedIsAnErrorAndNoSignal) {
  Child child(shell("echo too bad >&2; exit 6"));
  const std::string message = message_of([&] {
    for (int i = 0; i < 1000; ++i) {
      child.write_line("hello");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  EXPECT_THAT(message, AllOf(HasSubstr("exit code 6"), HasSubstr("too bad")));
}

TEST(ChildTest, SilenceEndsAtTheTimeLimit) {
  Child child(shell("echo thinking >&2; sleep 1000"));
  EXPECT_THAT(message_of([&] { child.read_line(0.3); }),
              AllOf(HasSubstr("expected an answer within 0.3 s"), HasSubstr("thinking")));
  EXPECT_EQ(child.finish(0.1), 128 + SIGTERM);
}

TEST(ChildTest, AChildWhoseOutputIsHeldOpenByAnotherIsStillSeenToEnd) {
  Child child(shell("sleep 1000 & echo $!; exit 2"));
  const pid_t left = std::stoi(child.read_line(kLong));
  EXPECT_THAT(message_of([&] { child.read_line(kLong); }), HasSubstr("exit code 2"));
  ::kill(left, SIGKILL);
}

TEST(ChildTest, EndsWithItsObject) {
  pid_t pid = -1;
  {
    Child child(shell("sleep 1000"));
    pid = child.pid();
    Child moved = std::move(child);
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ChildTest, EndsWithTheProgramThatStartedIt) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    Child child(shell("exec sleep 1000"));
    const pid_t pid = child.pid();
    if (::write(ends[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
    ::kill(::getpid(), SIGKILL);  // no destructor runs
  }
  pid_t grandchild = -1;
  ASSERT_EQ(::read(ends[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
  ::waitpid(parent, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_TRUE(comes_to_its_end(grandchild));
}

}  // namespace
}  // namespace octet::lab
