#include "lib/sandbox/host_command.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <future>
#include <thread>

#include "lib/base/unique_fd.h"
#include "tests/lib/sandbox/temporary_directory.h"

namespace fumehood::sandbox {
namespace {

using namespace std::chrono_literals;

HostCommand Shell(const std::string& script) {
  return {.program = {.argv = {"/bin/sh", "-c", script}}, .stdin_data = "", .timeout = 20s, .max_output_bytes = 1'000};
}

HostCommandResult Execute(const HostCommand& command, std::stop_token stop = {}) {
  auto ran = RunHostCommand(command, {}, std::move(stop));
  EXPECT_TRUE(ran) << ran.error().message;
  return std::get<HostCommandResult>(std::move(*ran));
}

int WaitStatusOf(const HostCommandResult& result) { return std::get<HostEnded>(result.ending).wait_status; }

TEST(HostCommandTest, TellsWhatItWroteAndHowItEnded) {
  const auto result = Execute(Shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(result.stdout_output.head, "out\n");
  EXPECT_EQ(result.stderr_output.head, "err\n");
  EXPECT_EQ(WEXITSTATUS(WaitStatusOf(result)), 3);
  EXPECT_GE(result.ended, result.started);
}

TEST(HostCommandTest, ASignalIsNoExit) { EXPECT_EQ(WTERMSIG(WaitStatusOf(Execute(Shell("kill -9 $$")))), SIGKILL); }

TEST(HostCommandTest, ReadsItsStandardInput) {
  auto command = Shell("cat");
  EXPECT_EQ(Execute(command).stdout_output.head, "");
  command.stdin_data = std::string(500, 'x');
  EXPECT_EQ(Execute(command).stdout_output.head, command.stdin_data);
}

TEST(HostCommandTest, HasTheEnvironmentAndTheDirectoryThatItWasGiven) {
  auto command = Shell("echo $A; pwd; env | grep -c .");
  command.program.env = {"A=1"};
  command.program.working_dir = "/usr";
  const auto output = Execute(command).stdout_output.head;
  EXPECT_TRUE(output.starts_with("1\n/usr\n")) << output;
}

TEST(HostCommandTest, WhatCannotBeStartedHasItsErrno) {
  HostCommand command = Shell("");
  command.program.argv = {"/nowhere"};
  EXPECT_EQ(std::get<int>(*RunHostCommand(command, {}, {})), ENOENT);
  command.program.argv = {"/usr"};
  EXPECT_EQ(std::get<int>(*RunHostCommand(command, {}, {})), EACCES);
}

TEST(HostCommandTest, ATimeLimitEndsItWithWhatItWrote) {
  auto command = Shell("echo begun; exec sleep 1000");
  command.timeout = 300ms;
  const auto result = Execute(command);
  EXPECT_TRUE(std::holds_alternative<TimedOut>(result.ending));
  EXPECT_EQ(result.stdout_output.head, "begun\n");
}

TEST(HostCommandTest, AStopEndsIt) {
  std::stop_source stop;
  auto command = Shell("exec sleep 1000");
  auto ran = RunHostCommand(command, [&stop] { stop.request_stop(); }, stop.get_token());
  EXPECT_TRUE(std::holds_alternative<Cancelled>(std::get<HostCommandResult>(*ran).ending));
}

TEST(HostCommandTest, NothingOfItsProcessGroupIsLeft) {
  const auto result = Execute(Shell("sleep 1000 & echo $!"));
  EXPECT_EQ(WaitStatusOf(result), 0);
  const auto background = static_cast<pid_t>(std::stol(result.stdout_output.head));
  // Whoever reaps it may take a moment.
  for (const auto deadline = std::chrono::steady_clock::now() + 10s;
       kill(background, 0) == 0 && std::chrono::steady_clock::now() < deadline;) {
    usleep(1'000);
  }
  EXPECT_NE(kill(background, 0), 0);
}

TEST(HostCommandTest, WhatIsToldToEndMayTidyUp) {
  auto command = Shell("trap 'echo tidied; exit 0' TERM; echo begun; while :; do sleep 0.05; done");
  command.timeout = 300ms;
  command.end_early = [](pid_t pid) { kill(pid, SIGTERM); };
  const auto result = Execute(command);
  EXPECT_TRUE(std::holds_alternative<TimedOut>(result.ending));
  EXPECT_EQ(result.stdout_output.head, "begun\ntidied\n");
}

TEST(HostCommandTest, OutputIsHandedOnAsItComes) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  auto command = Shell("printf 0123456789; printf no >&2");
  command.stdout_to = writer.get();
  command.max_output_bytes = 4;
  EXPECT_EQ(Execute(command).stdout_output.total_bytes, 10u);
  char buffer[32];
  EXPECT_EQ(read(reader.get(), buffer, sizeof buffer), 10);
}

// Of what it has written nothing is lost, either.
TEST(HostCommandTest, AReaderThatTakesNothingDoesNotDelayTheTimeLimit) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  auto command = Shell("exec yes 0123456789");
  command.stdout_to = writer.get();
  command.timeout = 300ms;
  size_t taken = 0;
  std::jthread late_reader([&] {
    std::this_thread::sleep_for(1'500ms);
    char buffer[65'536];
    for (ssize_t got; (got = read(reader.get(), buffer, sizeof buffer)) > 0;) taken += static_cast<size_t>(got);
  });
  const auto result = Execute(command);
  writer.Reset();
  late_reader.join();
  EXPECT_TRUE(std::holds_alternative<TimedOut>(result.ending));
  EXPECT_LT(result.ended - result.started, 1s);
  EXPECT_EQ(taken, result.stdout_output.total_bytes);
  EXPECT_GT(taken, 65'536u) << "more than its pipe holds";
}

TEST(HostCommandTest, AReaderThatTakesNothingDoesNotDelayAStop) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  auto command = Shell("exec yes");
  command.stdout_to = writer.get();
  std::stop_source stop;
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(200ms);
    stop.request_stop();
  });
  const auto result = RunHostCommand(command, {}, stop.get_token());
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(std::holds_alternative<Cancelled>(std::get<HostCommandResult>(*result).ending));
}

TEST(HostCommandTest, AFileGetsAllOfIt) {
  const TemporaryDirectory temp;
  const UniqueFd file(open((temp / "out").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  auto command = Shell("head -c 3000000 /dev/zero");
  command.stdout_to = file.get();
  command.max_output_bytes = 4;
  EXPECT_EQ(Execute(command).stdout_output.total_bytes, 3'000'000u);
  EXPECT_EQ(std::filesystem::file_size(temp / "out"), 3'000'000u);
}

TEST(HostCommandTest, AReaderThatLeavesEndsIt) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  UniqueFd writer(ends[1]);
  auto command = Shell("while :; do echo y; done");
  command.stdout_to = writer.get();
  EXPECT_TRUE(std::holds_alternative<Cancelled>(Execute(command).ending));
}

}  // namespace
}  // namespace fumehood::sandbox
