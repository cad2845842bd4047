#include "lib/sandbox/fumehood.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <thread>

#include "tests/lib/sandbox/temporary_directory.h"

namespace fumehood {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

// With the real program, and without isolation: that one works everywhere, and what is tested here is the way there and
// back.
class FumehoodApiTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("FUMEHOOD_PROGRAM", FUMEHOOD_PROGRAM, 1);
    sandbox::WriteFile(temp_ / "shop/README", "read me\n");
  }

  IsolationOptions Options() const { return {.working_dir = temp_ / "shop", .isolation = "process"}; }

  // From now on this is the program.
  void UseScript(const std::string& script) {
    sandbox::WriteFile(temp_ / "program", "#!/bin/sh\n" + script);
    chmod((temp_ / "program").c_str(), 0755);
    setenv("FUMEHOOD_PROGRAM", (temp_ / "program").c_str(), 1);
  }

  sandbox::TemporaryDirectory temp_;
};

TEST_F(FumehoodApiTest, TellsHowTheCommandEnded) {
  auto options = Options();
  options.env = {"GREETING=good day"};
  options.stdin_data = "typed";
  const auto result = run_command_isolated({"sh", "-c", "echo $GREETING; cat README; cat >&2; exit 3"}, options);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_FALSE(result->success);
  EXPECT_EQ(result->returncode, 3);
  EXPECT_EQ(result->stdout_text, "good day\nread me\n");
  EXPECT_EQ(result->stderr_text, "typed");
  EXPECT_EQ(result->isolation, "process");
  EXPECT_GT(result->duration, 0us);
}

TEST_F(FumehoodApiTest, AShellScriptHasPipes) {
  const auto result = run_shell_command_isolated("cat README | tr a-z A-Z && exit 0", Options());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->success);
  EXPECT_EQ(result->stdout_text, "READ ME\n");
}

TEST_F(FumehoodApiTest, BytesThatAreNotTextComeThrough) {
  EXPECT_EQ(run_command_isolated({"printf", "\\377\\001a"}, Options())->stdout_text,
            "\xff\x01"
            "a");
}

TEST_F(FumehoodApiTest, ATimeLimitKeepsWhatWasWritten) {
  auto options = Options();
  options.timeout = 500ms;
  const auto result = run_shell_command_isolated("echo begun; exec sleep 1000", options);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->timed_out);
  EXPECT_EQ(result->returncode, 124);
  EXPECT_EQ(result->stdout_text, "begun\n");
}

TEST_F(FumehoodApiTest, WhatCannotBeRunIsAnError) {
  EXPECT_EQ(run_command_isolated({}, Options()).error().code, ErrorCode::kInvalid);
  auto options = Options();
  options.working_dir = "/nowhere";
  const auto result = run_command_isolated({"true"}, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(result.error().message, HasSubstr("/nowhere"));
}

TEST_F(FumehoodApiTest, AStoppedCommandIsGone) {
  auto options = Options();
  std::stop_source stop;
  options.stop = stop.get_token();
  auto running = std::async(std::launch::async, [&options, this] {
    return run_shell_command_isolated("echo $$ > " + (temp_ / "pid.new").string() + " && mv " +
                                          (temp_ / "pid.new").string() + " " + (temp_ / "pid").string() +
                                          "; exec sleep 1000",
                                      options);
  });
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!std::filesystem::exists(temp_ / "pid") && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  ASSERT_TRUE(std::filesystem::exists(temp_ / "pid"));
  pid_t pid = 0;
  std::ifstream(temp_ / "pid") >> pid;
  stop.request_stop();
  EXPECT_EQ(running.get().error().code, ErrorCode::kCancelled);
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(FumehoodApiTest, AProgramThatIsNotThereIsNamed) {
  setenv("FUMEHOOD_PROGRAM", "/nowhere/fumehood", 1);
  const auto result = run_command_isolated({"true"}, Options());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(result.error().message, HasSubstr("/nowhere/fumehood"));
}

TEST_F(FumehoodApiTest, AnErrorOfTheProgramIsHandedOn) {
  UseScript(R"(echo '{"error":{"code":"unavailable","message":"no isolation works here"}}'; exit 125)");
  const auto result = run_command_isolated({"true"}, Options());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(result.error().message, "no isolation works here");
}

TEST_F(FumehoodApiTest, LimitsAndAccessAreHandedOn) {
  UseScript(R"(printf '{"error":{"code":"invalid","message":"%s"}}' "$*")");
  auto options = Options();
  EXPECT_THAT(run_command_isolated({"true"}, options).error().message, testing::Not(HasSubstr("--memory")));
  options.access = "ephemeral";
  options.memory = "512Mi";
  options.cpus = "500m";
  options.pids = 64;
  options.scratch = "1Mi";
  EXPECT_THAT(run_command_isolated({"true"}, options).error().message,
              HasSubstr("--access=ephemeral --memory=512Mi --cpus=500m --pids=64 --scratch=1Mi"));
}

TEST_F(FumehoodApiTest, NonsenseIsAnErrorWithTheWordsOfTheProgram) {
  for (const std::string script :
       {"echo nonsense >&2", "echo '{}'; echo nonsense >&2", "echo '[1]'; echo nonsense >&2"}) {
    UseScript(script);
    const auto result = run_command_isolated({"true"}, Options());
    ASSERT_FALSE(result) << script;
    EXPECT_EQ(result.error().code, ErrorCode::kInternal);
    EXPECT_THAT(result.error().message, HasSubstr("nonsense"));
  }
}

TEST_F(FumehoodApiTest, AvailabilityHasAReason) {
  UseScript(R"(echo '{"error":{"code":"unavailable","message":"runsc: not here"}}'; exit 125)");
  const auto availability = is_gvisor_available();
  EXPECT_FALSE(availability);
  EXPECT_EQ(availability.reason, "runsc: not here");
}

}  // namespace
}  // namespace fumehood
