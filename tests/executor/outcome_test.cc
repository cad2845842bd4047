#include "executor/outcome.h"

#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <ostream>
#include <string>

#include "executor/finished_status.h"
#include "lib/api/names.h"
#include "lib/base/utf8.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {
namespace {

using api::ConditionStatus;
using api::Phase;
using sandbox::NotStarted;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr WallTime kStart{std::chrono::days(20'000)};
constexpr WallTime kEnd = kStart + std::chrono::seconds(3);
constexpr uint64_t kMaxOutput = 16'384;

sandbox::RunResult ResultOf(sandbox::Ending ending) {
  sandbox::RunResult result;
  result.ending = std::move(ending);
  result.isolation = {"runsc", "release-20260901.0", "systrap", "none", "ReadOnly"};
  result.startup = microseconds(90'500);
  result.warm = true;
  result.duration = microseconds(3'000'900);
  return result;
}

api::SandboxCommandStatus StatusOf(const sandbox::RunResult& result, std::optional<WallTime> start_time = kStart) {
  const auto command = api::Read(api::AsBound(api::SampleCommand()));
  return FinishedStatus(MakeOutcome(command, result, {"runsc", start_time, kEnd}), kMaxOutput);
}

const api::Condition& ConditionOf(const api::SandboxCommandStatus& status, std::string_view type) {
  static const api::Condition kNone;
  const auto* found = api::FindCondition(status.conditions, type);
  EXPECT_NE(found, nullptr) << type;
  return found == nullptr ? kNone : *found;
}

struct EndingCase {
  std::string name;
  sandbox::Ending ending;
  Phase want_phase = Phase::kFailed;
  std::string want_reason;
  std::string want_message;
  std::optional<int> want_exit_code = std::nullopt;
  std::optional<int> want_signal = std::nullopt;

  friend void PrintTo(const EndingCase& row, std::ostream* out) { *out << row.name; }
};

class EndingTest : public testing::TestWithParam<EndingCase> {};

TEST_P(EndingTest, IsToldByPhaseConditionsAndCodes) {
  const EndingCase& row = GetParam();
  const bool started = !std::holds_alternative<NotStarted>(row.ending);
  const auto status = StatusOf(ResultOf(row.ending), started ? std::optional(kStart) : std::nullopt);
  EXPECT_EQ(status.phase, row.want_phase);
  EXPECT_EQ(status.completion_time, kEnd);

  const auto& finished = ConditionOf(status, api::condition::kFinished);
  EXPECT_EQ(finished.status, ConditionStatus::kTrue);
  EXPECT_EQ(finished.reason, row.want_reason);
  EXPECT_EQ(finished.message, row.want_message);
  const auto& succeeded = ConditionOf(status, api::condition::kSucceeded);
  EXPECT_EQ(succeeded.status, row.want_phase == Phase::kSucceeded ? ConditionStatus::kTrue : ConditionStatus::kFalse);
  EXPECT_EQ(succeeded.reason, row.want_reason);
  EXPECT_EQ(succeeded.message, row.want_message);
  EXPECT_EQ(succeeded.last_transition_time, kEnd);

  ASSERT_TRUE(status.result);
  EXPECT_EQ(status.result->exit_code, row.want_exit_code);
  EXPECT_EQ(status.result->signal, row.want_signal);
  EXPECT_EQ(status.result->oom_killed, std::holds_alternative<sandbox::OutOfMemory>(row.ending));
  EXPECT_EQ(status.result->timed_out, row.want_phase == Phase::kTimedOut);
  EXPECT_EQ(status.isolation.has_value(), started);
}

const EndingCase kEndings[] = {
    {"ExitedWithZero", sandbox::Exited{0}, Phase::kSucceeded, "ExitedZero", "exited with 0", 0},
    {"ExitedWithAnother", sandbox::Exited{3}, Phase::kFailed, "ExitedNonZero", "exited with 3", 3},
    {"ExitedWithTheHighest", sandbox::Exited{255}, Phase::kFailed, "ExitedNonZero", "exited with 255", 255},
    {"Signaled", sandbox::Signaled{SIGSEGV}, Phase::kFailed, "Signaled", "ended by signal 11 (SIGSEGV)", std::nullopt,
     SIGSEGV},
    {"SignaledWithoutAName", sandbox::Signaled{40}, Phase::kFailed, "Signaled", "ended by signal 40", std::nullopt, 40},
    {"TimedOut", sandbox::TimedOut{}, Phase::kTimedOut, "DeadlineExceeded", "killed at its time limit of 60 s"},
    {"Cancelled", sandbox::Cancelled{}, Phase::kCancelled, "Cancelled", "cancelled"},
    {"OutOfMemory", sandbox::OutOfMemory{}, Phase::kFailed, "OOMKilled",
     "killed by the kernel: it needed more memory than it may have", std::nullopt, SIGKILL},
    {"SandboxTerminated", sandbox::SandboxTerminated{}, Phase::kFailed, "SandboxTerminated",
     "the sandbox ended without telling how the command did: brought down from inside, or killed by the host"},
    {"CommandNotFound", NotStarted{NotStarted::Cause::kCommandNotFound, "\"mak\": not found"}, Phase::kFailed,
     "CommandNotFound", "\"mak\": not found", 127},
    {"CommandNotExecutable", NotStarted{NotStarted::Cause::kCommandNotExecutable, "no permission"}, Phase::kFailed,
     "CommandNotFound", "no permission", 126},
    {"ArgumentsTooLong", NotStarted{NotStarted::Cause::kArgumentsTooLong, "too long"}, Phase::kFailed, "InvalidSpec",
     "too long"},
    {"WorkingDirUnavailable", NotStarted{NotStarted::Cause::kWorkingDirUnavailable, "no such directory"},
     Phase::kFailed, "RepositoryUnavailable", "no such directory"},
    {"RepositoryUnavailable", NotStarted{NotStarted::Cause::kRepositoryUnavailable, "no such repository"},
     Phase::kFailed, "RepositoryUnavailable", "no such repository"},
    {"ImageUnavailable", NotStarted{NotStarted::Cause::kImageUnavailable, "no image \"go\""}, Phase::kFailed,
     "ImageNotFound", "no image \"go\""},
};
INSTANTIATE_TEST_SUITE_P(Endings, EndingTest, testing::ValuesIn(kEndings),
                         [](const auto& row) { return row.param.name; });

TEST(FinishedStatusTest, SaysWhatConfinedAStartedCommand) {
  const auto status = StatusOf(ResultOf(sandbox::Exited{0}));
  ASSERT_TRUE(status.isolation);
  EXPECT_EQ(status.isolation->runtime_class, "gvisor");
  EXPECT_EQ(status.isolation->handler, "runsc");
  EXPECT_EQ(status.isolation->version, "release-20260901.0");
  EXPECT_EQ(status.isolation->network, "none");
  const auto& isolated = ConditionOf(status, api::condition::kIsolated);
  EXPECT_EQ(isolated.status, ConditionStatus::kTrue);
  EXPECT_EQ(isolated.reason, "Sandboxed");
  EXPECT_EQ(isolated.message, "runsc release-20260901.0 on systrap, network none, repository ReadOnly");
}

TEST(FinishedStatusTest, SaysWhatAStartedCommandUsed) {
  auto result = ResultOf(sandbox::Exited{0});
  EXPECT_FALSE(StatusOf(result).usage) << "nothing was counted";
  result.usage = {.cpu = microseconds(1'500'900), .peak_memory_bytes = 7'000'000};
  const auto status = StatusOf(result);
  ASSERT_TRUE(status.usage);
  EXPECT_EQ(status.usage->cpu, milliseconds(1'500));
  EXPECT_EQ(status.usage->peak_memory_bytes, 7'000'000);
}

TEST(FinishedStatusTest, SaysWhereLimitsCouldNotBeHad) {
  auto command = api::Read(api::AsBound(api::SampleCommand()));
  command.status.resources = api::kLeastResources;
  auto result = ResultOf(sandbox::Exited{0});
  const auto message_of = [&] {
    const auto status = FinishedStatus(MakeOutcome(command, result, {"runsc", kStart, kEnd}), kMaxOutput);
    return ConditionOf(status, api::condition::kIsolated).message;
  };
  EXPECT_TRUE(message_of().ends_with("; the node could not limit memory and CPU")) << message_of();
  result.isolation.limits.memory_bytes = api::kLeastResources.memory_bytes;
  EXPECT_FALSE(message_of().contains("could not")) << message_of();
}

TEST(FinishedStatusTest, ACommandThatNeverStartedHasNoTimesAndNoIsolation) {
  const auto status = StatusOf(ResultOf(sandbox::Cancelled{}), std::nullopt);
  EXPECT_FALSE(status.start_time);
  EXPECT_FALSE(status.duration);
  EXPECT_FALSE(status.startup);
  EXPECT_FALSE(status.warm);
  EXPECT_FALSE(status.isolation);
  const auto& isolated = ConditionOf(status, api::condition::kIsolated);
  EXPECT_EQ(isolated.status, ConditionStatus::kUnknown);
  EXPECT_EQ(isolated.reason, "NeverStarted");
}

TEST(FinishedStatusTest, TimesAreInMilliseconds) {
  const auto status = StatusOf(ResultOf(sandbox::Exited{0}));
  EXPECT_EQ(status.start_time, kStart);
  EXPECT_EQ(status.startup, milliseconds(90));
  EXPECT_EQ(status.warm, true);
  EXPECT_EQ(status.duration, milliseconds(3'000));
}

TEST(FinishedStatusTest, WhatTheControllerWroteStays) {
  const auto command = api::Read(api::AsBound(api::AsHandedBack(api::SampleCommand()), "node-1", 2));
  const auto status =
      FinishedStatus(MakeOutcome(command, ResultOf(sandbox::Exited{0}), {"runsc", kStart, kEnd}), kMaxOutput);
  EXPECT_EQ(status.node_name, "node-1");
  EXPECT_EQ(status.attempt, 2);
  EXPECT_EQ(ConditionOf(status, api::condition::kScheduled).message, "the disk is full");
}

TEST(FinishedStatusTest, AMessageFromTheSandboxNeverMakesTheResultUnwritable) {
  const NotStarted not_started{NotStarted::Cause::kCommandNotFound, std::string(100'000, '\xff') + ": no such file"};
  const auto status = StatusOf(ResultOf(not_started), std::nullopt);
  const std::string& message = ConditionOf(status, api::condition::kFinished).message;
  EXPECT_TRUE(IsUtf8(message));
  EXPECT_LE(message.size(), 32'768u);
}

TEST(FinishedStatusTest, SaysHowMuchRoomTheObjectTakes) {
  auto result = ResultOf(sandbox::Exited{0});
  result.stdout_output = {std::string(10'000, 'x'), "", 10'000};
  const auto small = StatusOf(ResultOf(sandbox::Exited{0}));
  EXPECT_GT(small.stored_bytes, 1'000);
  EXPECT_EQ(StatusOf(result).stored_bytes, small.stored_bytes + 10'000);
}

TEST(BareStatusTest, SaysHowItEndedAndThatTheRestIsMissing) {
  auto result = ResultOf(sandbox::Exited{3});
  result.stdout_output = {"out", "", 3};
  const auto command = api::Read(api::AsBound(api::AsHandedBack(api::SampleCommand()), "node-1", 2));
  const auto status = BareStatus(MakeOutcome(command, result, {"runsc", kStart, kEnd}));
  EXPECT_EQ(status.phase, Phase::kFailed);
  EXPECT_EQ(status.completion_time, kEnd);
  EXPECT_EQ(status.result->exit_code, 3);
  EXPECT_EQ(status.result->stdout_text, "");
  EXPECT_EQ(status.result->stdout_bytes, 3);
  EXPECT_TRUE(status.result->stdout_truncated);
  EXPECT_FALSE(status.result->stderr_truncated);
  EXPECT_FALSE(status.isolation);
  EXPECT_EQ(ConditionOf(status, api::condition::kFinished).reason, "ExitedNonZero");
  EXPECT_EQ(ConditionOf(status, api::condition::kFinished).message,
            "the object takes no more: outputs and details are left out");
}

}  // namespace
}  // namespace fumehood::executor
