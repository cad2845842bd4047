#include "cli/result_json.h"

#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>

namespace fumehood::cli {
namespace {

using nlohmann::json;
using sandbox::NotStarted;

struct Case {
  sandbox::Ending ending;
  int status;
  std::string reason;
};

TEST(ExitStatusTest, IsWhatShellsExpect) {
  const Case cases[] = {
      {sandbox::Exited{0}, 0, "Exited"},
      {sandbox::Exited{200}, 200, "Exited"},
      {sandbox::Signaled{SIGKILL}, 137, "Signaled"},
      {sandbox::TimedOut{}, 124, "TimedOut"},
      {sandbox::Cancelled{}, 143, "Cancelled"},
      {sandbox::OutOfMemory{}, 137, "OOMKilled"},
      {sandbox::SandboxTerminated{}, 125, "SandboxTerminated"},
      {NotStarted{NotStarted::Cause::kCommandNotFound, "x"}, 127, "CommandNotFound"},
      {NotStarted{NotStarted::Cause::kCommandNotExecutable, "x"}, 126, "CommandNotExecutable"},
      {NotStarted{NotStarted::Cause::kArgumentsTooLong, "x"}, 126, "ArgumentsTooLong"},
      {NotStarted{NotStarted::Cause::kRepositoryUnavailable, "x"}, 125, "RepositoryUnavailable"},
      {NotStarted{NotStarted::Cause::kWorkingDirUnavailable, "x"}, 125, "WorkingDirUnavailable"},
      {NotStarted{NotStarted::Cause::kImageUnavailable, "x"}, 125, "ImageUnavailable"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(ExitStatusOf(one.ending), one.status) << one.reason;
    EXPECT_EQ(ReasonOf(one.ending), one.reason);
    EXPECT_EQ(MessageOf(one.ending).empty(), one.reason == "Exited") << one.reason;
  }
}

TEST(ResultJsonTest, TextStaysText) {
  sandbox::RunResult result;
  result.ending = sandbox::Exited{3};
  result.stdout_output = {.head = "ä\n", .tail = "", .total_bytes = 3};
  result.isolation = {
      .runtime = "runsc", .version = "1", .platform = "systrap", .network = "none", .repository = "ReadOnly"};
  result.startup = std::chrono::microseconds(1'500);
  const json object = ToJson(result, Isolation::kRunsc);
  EXPECT_EQ(object["stdout"], "ä\n");
  EXPECT_EQ(object["output_encoding"], "utf-8");
  EXPECT_EQ(object["success"], false);
  EXPECT_EQ(object["returncode"], 3);
  EXPECT_EQ(object["startup_ms"], 1.5);
  EXPECT_EQ(object["isolation"]["backend"], "runsc");
  EXPECT_EQ(object["isolation"]["network"], "none");
  EXPECT_FALSE(object.contains("signal"));
}

TEST(ResultJsonTest, SaysWhichLimitsHeldAndWhatWasUsed) {
  sandbox::RunResult result;
  result.ending = sandbox::OutOfMemory{};
  result.isolation.limits = {.cpu_millicores = 500, .memory_bytes = 67'108'864};
  result.usage = {.cpu = std::chrono::microseconds(2'500), .peak_memory_bytes = 1'000};
  const json object = ToJson(result, Isolation::kRunsc);
  EXPECT_EQ(object["oom_killed"], true);
  EXPECT_EQ(object["isolation"]["memory_limit_bytes"], 67'108'864);
  EXPECT_EQ(object["isolation"]["cpu_limit_millis"], 500);
  EXPECT_EQ(object["isolation"]["pids_limit"], nullptr);
  EXPECT_EQ(object["isolation"]["scratch_limit_bytes"], nullptr);
  EXPECT_EQ(object["usage"], json({{"cpu_ms", 2.5}, {"peak_memory_bytes", 1'000}}));
}

TEST(ResultJsonTest, SaysNothingWhereNothingWasCounted) {
  const json object = ToJson(sandbox::RunResult{}, Isolation::kDocker);
  EXPECT_EQ(object["oom_killed"], false);
  EXPECT_EQ(object["isolation"]["memory_limit_bytes"], nullptr);
  EXPECT_EQ(object["usage"], json({{"cpu_ms", nullptr}, {"peak_memory_bytes", nullptr}}));
}

TEST(ResultJsonTest, OneOutputThatIsNotTextMakesBothBase64) {
  sandbox::RunResult result;
  result.stdout_output = {.head = "\xff", .tail = "", .total_bytes = 1};
  result.stderr_output = {.head = "a", .tail = "", .total_bytes = 1};
  const json object = ToJson(result, Isolation::kDocker);
  EXPECT_EQ(object["output_encoding"], "base64");
  EXPECT_EQ(object["stdout"], "/w==");
  EXPECT_EQ(object["stderr"], "YQ==");
}

TEST(ResultJsonTest, SaysWhatWasLeftOut) {
  sandbox::RunResult result;
  result.stdout_output = {.head = "be", .tail = "nd", .total_bytes = 100};
  const json object = ToJson(result, Isolation::kRunsc);
  EXPECT_EQ(object["stdout"], "be\n[fumehood: 96 bytes omitted]\nnd");
  EXPECT_EQ(object["stdout_truncated"], true);
  EXPECT_EQ(object["stdout_bytes"], 100);
}

TEST(ResultJsonTest, AnErrorHasACodeAndAMessage) {
  EXPECT_EQ(ToJson(Error{ErrorCode::kNotFound, "there is no runsc"}),
            json({{"error", {{"code", "not found"}, {"message", "there is no runsc"}}}}));
}

}  // namespace
}  // namespace fumehood::cli
