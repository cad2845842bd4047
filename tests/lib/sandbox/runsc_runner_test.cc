#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <string>
#include <thread>

#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Cause = NotStarted::Cause;

class RunscRunnerTest : public RunscTest {
 protected:
  int ExitCodeOf(const RunRequest& request) {
    const RunResult result = Run(request);
    const auto* exited = std::get_if<Exited>(&result.ending);
    return exited == nullptr ? -1 : exited->code;
  }

  NotStarted NotStartedOf(const RunRequest& request) {
    const RunResult result = Run(request);
    const auto* not_started = std::get_if<NotStarted>(&result.ending);
    if (not_started == nullptr) {
      ADD_FAILURE() << "it was started, and wrote: " << result.stderr_output.head;
      return {};
    }
    return *not_started;
  }
};

TEST_F(RunscRunnerTest, ReadsItsRepository) {
  const RunResult result = Run(Command({"cat", "README"}));
  EXPECT_EQ(std::get<Exited>(result.ending).code, 0);
  EXPECT_EQ(result.stdout_output.head, "hello\n");
  EXPECT_EQ(result.stderr_output.head, "");
  EXPECT_EQ(result.stderr_output.total_bytes, 0u);
}

TEST_F(RunscRunnerTest, SaysWhatConfinedIt) {
  const RunResult result = Run(Command({"true"}));
  EXPECT_EQ(result.isolation.runtime, "runsc");
  EXPECT_EQ(result.isolation.platform, "systrap");
  EXPECT_EQ(result.isolation.network, "none");
  EXPECT_EQ(result.isolation.repository, "ReadOnly");
  EXPECT_NE(result.isolation.version, "");
  EXPECT_GT(result.startup, 0us);
}

TEST_F(RunscRunnerTest, ExitCodeIsTheCommands) {
  EXPECT_EQ(ExitCodeOf(Shell("exit 7")), 7);
  EXPECT_EQ(ExitCodeOf(Shell("exit 127")), 127);
}

TEST_F(RunscRunnerTest, SignalIsTheCommands) {
  EXPECT_EQ(std::get<Signaled>(Run(Shell("kill -KILL $$")).ending).signal, SIGKILL);
  EXPECT_EQ(std::get<Signaled>(Run(Shell("kill -SEGV $$")).ending).signal, SIGSEGV);
}

TEST_F(RunscRunnerTest, OnStartedIsCalledOnceAndOnlyForAStart) {
  int starts = 0;
  Run(Command({"true"}), [&] { ++starts; });
  EXPECT_EQ(starts, 1);
  Run(Command({"nowhere"}), [&] { ++starts; });
  EXPECT_EQ(starts, 1);
}

TEST_F(RunscRunnerTest, UnknownProgramIsNotFound) {
  EXPECT_EQ(NotStartedOf(Command({"nowhere"})).cause, Cause::kCommandNotFound);
  EXPECT_EQ(NotStartedOf(Command({"/nowhere"})).cause, Cause::kCommandNotFound);
  EXPECT_EQ(NotStartedOf(Command({""})).cause, Cause::kCommandNotFound);
}

TEST_F(RunscRunnerTest, ScriptWithoutInterpreterIsNotFound) {
  WriteFile(temp() / "repositories/shop/script", "#!/no/such/interpreter\n");
  std::filesystem::permissions(temp() / "repositories/shop/script", std::filesystem::perms{0755});
  const NotStarted not_started = NotStartedOf(Command({"./script"}));
  EXPECT_EQ(not_started.cause, Cause::kCommandNotFound);
  EXPECT_THAT(not_started.message, HasSubstr("interpreter"));
}

TEST_F(RunscRunnerTest, WhatIsNoProgramIsNotExecutable) {
  WriteFile(temp() / "repositories/shop/no-format", "\x01\x02\x03 not a program");
  std::filesystem::permissions(temp() / "repositories/shop/no-format", std::filesystem::perms{0755});
  EXPECT_EQ(NotStartedOf(Command({"./README"})).cause, Cause::kCommandNotExecutable);
  EXPECT_EQ(NotStartedOf(Command({"/workspace"})).cause, Cause::kCommandNotExecutable);
  EXPECT_EQ(NotStartedOf(Command({"./no-format"})).cause, Cause::kCommandNotExecutable);
}

TEST_F(RunscRunnerTest, FileWithoutExecutePermissionInThePathIsNotExecutable) {
  RunRequest request = Command({"README"});
  request.env = {"PATH=/nowhere:/workspace:/bin"};
  EXPECT_EQ(NotStartedOf(request).cause, Cause::kCommandNotExecutable);
}

TEST_F(RunscRunnerTest, TooLongArgumentsAreNotStarted) {
  RunRequest request = Command({"true"});
  request.argv.push_back(std::string(200'000, 'x'));
  EXPECT_EQ(NotStartedOf(request).cause, Cause::kArgumentsTooLong);
  request.argv.assign(40, std::string(100'000, 'x'));
  request.argv[0] = "true";
  EXPECT_EQ(NotStartedOf(request).cause, Cause::kArgumentsTooLong);
}

TEST_F(RunscRunnerTest, WorkingDirIsEnteredOrSaidToBeMissing) {
  RunRequest request = Command({"cat", "file"});
  request.working_dir = "sub";
  EXPECT_EQ(Run(request).stdout_output.head, "deep\n");
  request.working_dir = "nowhere";
  EXPECT_EQ(NotStartedOf(request).cause, Cause::kWorkingDirUnavailable);
  request.working_dir = "README";
  EXPECT_EQ(NotStartedOf(request).cause, Cause::kWorkingDirUnavailable);
}

TEST_F(RunscRunnerTest, RepositoryBehindASymbolicLinkIsUnavailable) {
  std::filesystem::create_directory_symlink("shop", temp() / "repositories/link");
  RunRequest request = Command({"true"});
  request.repository_path = "link";
  EXPECT_EQ(NotStartedOf(request).cause, Cause::kRepositoryUnavailable);
}

TEST_F(RunscRunnerTest, UnknownImageIsUnavailable) {
  RunRequest request = Command({"true"});
  request.image = "other";
  const NotStarted not_started = NotStartedOf(request);
  EXPECT_EQ(not_started.cause, Cause::kImageUnavailable);
  EXPECT_THAT(not_started.message, HasSubstr("default"));
}

TEST_F(RunscRunnerTest, EmptyCommandIsAnError) {
  const auto result = runner().Run(Command({}), nullptr, {});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
}

TEST_F(RunscRunnerTest, TimeLimitKillsAndKeepsTheOutput) {
  RunRequest request = Shell("echo before; echo failing >&2; sleep 1000; echo after");
  request.timeout = 500ms;
  const RunResult result = Run(request);
  EXPECT_TRUE(std::holds_alternative<TimedOut>(result.ending));
  EXPECT_EQ(result.stdout_output.head, "before\n");
  EXPECT_EQ(result.stderr_output.head, "failing\n");
}

TEST_F(RunscRunnerTest, FloodDoesNotDelayTheTimeLimit) {
  RunRequest request = Command({"yes"});
  request.timeout = 500ms;
  const RunResult result = Run(request);
  EXPECT_TRUE(std::holds_alternative<TimedOut>(result.ending));
  EXPECT_TRUE(result.stdout_output.truncated());
  EXPECT_LT(result.duration, 5s);
}

TEST_F(RunscRunnerTest, StopCancelsAndKeepsTheOutput) {
  std::stop_source stop;
  // The command opens the file after it has written.
  FileWatch readme(temp() / "repositories/shop/README");
  std::jthread stopper;
  const RunResult result = Run(
      Shell("echo before; cat README >/dev/null; exec sleep 1000"),
      [&] {
        stopper = std::jthread([&] {
          EXPECT_TRUE(readme.WaitUntilOpened());
          stop.request_stop();
        });
      },
      stop.get_token());
  EXPECT_TRUE(std::holds_alternative<Cancelled>(result.ending));
  EXPECT_EQ(result.stdout_output.head, "before\n");
}

TEST_F(RunscRunnerTest, StopBeforehandStartsNothing) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(std::holds_alternative<Cancelled>(Run(Command({"true"}), nullptr, stop.get_token()).ending));
}

TEST_F(RunscRunnerTest, StdinIsGivenAndEnds) {
  RunRequest request = Command({"cat"});
  request.stdin_data = std::string("one\0two\n", 8);
  EXPECT_EQ(Run(request).stdout_output.head, request.stdin_data);
  request.stdin_data.assign(64 * 1024, 'x');
  EXPECT_EQ(Run(request).stdout_output.total_bytes, 64u * 1024);
  request.stdin_data = "";
  EXPECT_EQ(Run(request).stdout_output.total_bytes, 0u);
}

TEST_F(RunscRunnerTest, EnvironmentIsTheRequestsAndNothingElse) {
  RunRequest request = Command({"env"});
  request.env = {"CI=1"};
  EXPECT_EQ(Run(request).stdout_output.head, "PATH=/usr/local/bin:/usr/bin:/bin\nHOME=/tmp\nLANG=C.UTF-8\nCI=1\n");
}

TEST_F(RunscRunnerTest, HeadAndTailOfAFloodAreKept) {
  RunRequest request = Shell("seq 1 1500000");
  request.max_output_bytes = 100;
  const RunResult result = Run(request);
  EXPECT_EQ(std::get<Exited>(result.ending).code, 0);
  EXPECT_EQ(result.stdout_output.total_bytes, 10'888'896u);
  EXPECT_EQ(result.stdout_output.head.size(), 50u);
  EXPECT_TRUE(result.stdout_output.head.starts_with("1\n2\n3\n"));
  EXPECT_TRUE(result.stdout_output.tail.ends_with("1499999\n1500000\n"));
}

TEST_F(RunscRunnerTest, BackgroundChildHoldingTheOutputDoesNotDelayTheEnd) {
  const RunResult result = Run(Shell("sleep 1000 & echo done"));
  EXPECT_EQ(std::get<Exited>(result.ending).code, 0);
  EXPECT_EQ(result.stdout_output.head, "done\n");
  EXPECT_LT(result.duration, 10s);
}

TEST_F(RunscRunnerTest, OrphansAreReaped) {
  EXPECT_EQ(OutputOf("(sh -c 'exit 0' &); (sh -c 'exit 1' &); "
                     "while grep -qs '^State:.Z' /proc/[0-9]*/status; do :; done; echo reaped"),
            "reaped\n");
}

TEST_F(RunscRunnerTest, StandardStreamsCanBeOpenedByName) {
  RunRequest request = Shell("cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr");
  request.stdin_data = "in\n";
  const RunResult result = Run(request);
  EXPECT_EQ(result.stdout_output.head, "in\nout\n");
  EXPECT_EQ(result.stderr_output.head, "err\n");
}

TEST_F(RunscRunnerTest, FailureOfTheRuntimeIsAnErrorWithItsReason) {
  RunscOptions options = Options();
  options.runsc = temp() / "failing-runsc";
  options.pool = {};
  WriteFile(options.runsc,
            "#!/bin/sh\n"
            "test \"$1\" = --version && echo runsc version failing && exit\n"
            "echo out of luck >&2; exit 128\n");
  std::filesystem::permissions(options.runsc, std::filesystem::perms{0755});
  Use(options);
  const auto result = runner().Run(Command({"true"}), nullptr, {});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(result.error().message, HasSubstr("runsc exited with 128"));
  EXPECT_THAT(result.error().message, HasSubstr("out of luck"));
}

TEST_F(RunscRunnerTest, WhatIsNotRunscIsRefused) {
  for (const char* program : {"/bin/true", "/nowhere/runsc"}) {
    RunscOptions options = Options();
    options.runsc = program;
    options.state = temp() / "state";
    const auto created = RunscRunner::Create(options, Fail(ErrorCode::kUnavailable, "none"));
    ASSERT_FALSE(created.has_value());
    EXPECT_THAT(created.error().message, HasSubstr(program));
  }
}

TEST_F(RunscRunnerTest, ManyRunAtOnce) {
  std::vector<std::jthread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i, &good] {
      const RunResult result = Run(Shell("exit " + std::to_string(i)));
      const auto* exited = std::get_if<Exited>(&result.ending);
      if (exited != nullptr && exited->code == i) ++good;
    });
  }
  threads.clear();
  EXPECT_EQ(good, 4);
}

}  // namespace
}  // namespace fumehood::sandbox
