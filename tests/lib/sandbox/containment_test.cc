#include "lib/sandbox/containment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "lib/sandbox/child_process.h"
#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

namespace fs = std::filesystem;

struct Member {
  pid_t pid = 0;
  std::string pid_inside;  // in the innermost PID namespace
};

// A contained_program, found again by a mark in its environment that its children inherit.
class ContainmentTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!WhyNotContained().empty()) GTEST_SKIP() << WhyNotContained();
  }

  void TearDown() override {
    if (outer_ > 0) {
      kill(outer_, SIGKILL);
      waitpid(outer_, nullptr, 0);
    }
  }

  void Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {FUMEHOOD_CONTAINED_PROGRAM, state()});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::string mark = Mark();
    char* env[] = {mark.data(), nullptr};
    output_ = MakePipe().value();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output_.write_end.get(), STDOUT_FILENO);
    ASSERT_EQ(posix_spawn(&outer_, argv[0], &actions, nullptr, argv.data(), env), 0);
    posix_spawn_file_actions_destroy(&actions);
    output_.write_end.Reset();
  }

  void WaitUntilReady() {
    for (char c; read(output_.read_end.get(), &c, 1) == 1 && c != '\n';) program_inside_ += c;
    ASSERT_NE(program_inside_, "");
  }

  int WaitStatus() {
    int status = 0;
    EXPECT_EQ(waitpid(outer_, &status, 0), outer_);
    outer_ = 0;
    return status;
  }

  std::vector<Member> Members() const {
    std::vector<Member> members;
    for (const ProcessSeen& process : ProcessesSeen()) {
      const fs::path directory = "/proc/" + std::to_string(process.pid);
      if (!ReadFile(directory / "environ").contains(Mark())) continue;
      std::istringstream status(ReadFile(directory / "status"));
      Member member{.pid = process.pid, .pid_inside = ""};
      for (std::string line; std::getline(status, line);) {
        if (line.starts_with("NSpid:")) member.pid_inside = line.substr(line.find_last_of('\t') + 1);
      }
      members.push_back(member);
    }
    return members;
  }

  pid_t PidOf(std::string_view pid_inside) const {
    for (const Member& member : Members()) {
      if (member.pid != outer_ && member.pid_inside == pid_inside) return member.pid;
    }
    return 0;
  }

  // Nothing of it is left on this machine.
  void ExpectNothingLeft() {
    EXPECT_TRUE(WaitUntil([this] { return Members().empty(); }));
    EXPECT_TRUE(fs::is_empty(state()));
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) EXPECT_FALSE(line.contains(state())) << line;
  }

  std::string state() const { return temp_ / "state"; }
  std::string Mark() const { return "FUMEHOOD_TEST_MARK=" + temp_.path().string(); }

  TemporaryDirectory temp_;
  Pipe output_;
  pid_t outer_ = 0;
  std::string program_inside_;  // its process ID in its own namespace
};

TEST_F(ContainmentTest, ExitCodeIsHandedOut) {
  Start({"exit", "7"});
  const int status = WaitStatus();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
  ExpectNothingLeft();
}

TEST_F(ContainmentTest, ProgramSitsBelowItsReaper) {
  Start({"wait"});
  WaitUntilReady();
  // Outer, reaper, program, and the orphan that the reaper has taken over.
  EXPECT_EQ(Members().size(), 4u);
  EXPECT_NE(PidOf("1"), 0);
  EXPECT_NE(PidOf(program_inside_), 0);
  // What the program stores in its state directory is not on the host's disk.
  EXPECT_TRUE(fs::is_empty(state()));
}

TEST_F(ContainmentTest, TerminationReachesTheProgram) {
  Start({"wait"});
  WaitUntilReady();
  kill(outer_, SIGTERM);
  const int status = WaitStatus();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGTERM);
  ExpectNothingLeft();
}

TEST_F(ContainmentTest, KillingTheOuterLeavesNothing) {
  Start({"wait"});
  WaitUntilReady();
  kill(outer_, SIGKILL);
  WaitStatus();
  ExpectNothingLeft();
}

TEST_F(ContainmentTest, KillingTheReaperLeavesNothing) {
  Start({"wait"});
  WaitUntilReady();
  ASSERT_NE(PidOf("1"), 0);
  kill(PidOf("1"), SIGKILL);
  EXPECT_EQ(WEXITSTATUS(WaitStatus()), 128 + SIGKILL);
  ExpectNothingLeft();
}

TEST_F(ContainmentTest, KillingTheProgramLeavesNothing) {
  Start({"wait"});
  WaitUntilReady();
  ASSERT_NE(PidOf(program_inside_), 0);
  kill(PidOf(program_inside_), SIGKILL);
  EXPECT_EQ(WEXITSTATUS(WaitStatus()), 128 + SIGKILL);
  ExpectNothingLeft();
}

}  // namespace
}  // namespace fumehood::sandbox
