#include "executor/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <utility>

#include "executor/resources.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_command_runner.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {
namespace {

using nlohmann::json;
using sandbox::RunResult;
using std::chrono::milliseconds;
using OnStarted = std::function<void()>;

RunResult Ended(sandbox::Ending ending) {
  RunResult result;
  result.ending = std::move(ending);
  return result;
}

class ExecutorTest : public testing::Test {
 protected:
  // The controller has bound the command to this node, and the watch shows it.
  void Bind(json command) {
    server_.Put(kSandboxCommands, command);
    Show();
  }
  // The watch shows the command as it is now.
  void Show() { executor_.commands_sink().Apply(server_.Find(kSandboxCommands, {"team-a", "build"}).value()); }
  void ShowCancelled() {
    json command = server_.Find(kSandboxCommands, {"team-a", "build"}).value();
    command["spec"]["cancel"] = true;
    server_.Put(kSandboxCommands, std::move(command));
    Show();
  }
  void ShowDeleted() {
    const json last = server_.Find(kSandboxCommands, {"team-a", "build"}).value();
    server_.Erase(kSandboxCommands, {"team-a", "build"});
    executor_.commands_sink().Remove(last);
  }
  // One slot takes all that is to be run.
  void RunAll() {
    while (const auto key = executor_.attempts().TryGet()) {
      executor_.RunAttempt(*key, {});
      executor_.attempts().Done(*key);
    }
  }
  // What the thread does that mentions long running commands.
  void MentionAll() {
    while (const auto key = executor_.long_running().TryGet()) {
      executor_.MentionRunning(*key, {});
      executor_.long_running().Done(*key);
    }
  }
  api::SandboxCommand Stored() const { return api::Read(server_.Find(kSandboxCommands, {"team-a", "build"}).value()); }
  size_t runs() const { return runner_.requests().size(); }

  const json bound_ = api::AsBound(api::SampleCommand());
  FakeClock clock_;
  kube::FakeApiServer server_;
  kube::Client client_{server_, "fumehood-executor"};
  service::Log log_{service::LogLevel::kError};
  sandbox::FakeCommandRunner runner_;
  Reporter reporter_{client_, log_};
  Executor executor_{{clock_, log_, runner_, reporter_, "runsc"}};
};

TEST_F(ExecutorTest, RunsACommandAndReportsItsResult) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token) {
    on_started();
    clock_.Advance(milliseconds(20));
    return Ended(sandbox::Exited{3});
  });
  const WallTime start = clock_.WallNow();
  Bind(bound_);
  RunAll();
  ASSERT_EQ(runs(), 1u);
  EXPECT_THAT(runner_.requests()[0].argv, testing::ElementsAre("make", "test"));
  EXPECT_EQ(Stored().status.phase, api::Phase::kFailed);
  EXPECT_EQ(Stored().status.result->exit_code, 3);
  EXPECT_EQ(Stored().status.start_time, start);
  EXPECT_EQ(Stored().status.completion_time, start + milliseconds(20));
  EXPECT_EQ(Stored().status.isolation->handler, "runsc");
  EXPECT_EQ(server_.request_count(), 1);
}

TEST_F(ExecutorTest, ACommandThatIsSeenTwiceRunsOnce) {
  Bind(bound_);
  Show();
  RunAll();
  executor_.commands_sink().Replace({bound_});
  RunAll();
  EXPECT_EQ(runs(), 1u);
}

TEST_F(ExecutorTest, AnUnboundCommandDoesNotRun) {
  Bind(api::AsHandedBack(api::SampleCommand()));
  RunAll();
  EXPECT_EQ(runs(), 0u);
}

TEST_F(ExecutorTest, EachAttemptRuns) {
  Bind(bound_);
  RunAll();
  Bind(api::AsBound(api::SampleCommand(), "node-1", 2));
  RunAll();
  EXPECT_EQ(runs(), 2u);
  EXPECT_EQ(Stored().status.attempt, 2);
  EXPECT_TRUE(Stored().IsFinished());
}

TEST_F(ExecutorTest, AHigherAttemptKillsALowerOneWhoseResultNobodyGets) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token stop) {
    on_started();
    if (runs() == 1) {
      Bind(api::AsBound(api::SampleCommand(), "node-1", 2));
      EXPECT_TRUE(stop.stop_requested());
      return Ended(sandbox::Cancelled{});
    }
    return Ended(sandbox::Exited{0});
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(runs(), 2u);
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(ExecutorTest, ACommandThatIsCancelledInTheQueueDoesNotRun) {
  Bind(bound_);
  ShowCancelled();
  RunAll();
  EXPECT_EQ(runs(), 0u);
  EXPECT_EQ(Stored().status.phase, api::Phase::kCancelled);
  EXPECT_FALSE(Stored().status.start_time);
  EXPECT_FALSE(Stored().status.isolation);
}

TEST_F(ExecutorTest, ACommandThatIsCancelledWhenItIsFirstSeenDoesNotRun) {
  json command = bound_;
  command["spec"]["cancel"] = true;
  Bind(command);
  RunAll();
  EXPECT_EQ(runs(), 0u);
  EXPECT_EQ(Stored().status.phase, api::Phase::kCancelled);
}

TEST_F(ExecutorTest, ACommandThatIsCancelledWhileItRunsIsKilledAndKeepsItsOutput) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token stop) {
    on_started();
    ShowCancelled();
    EXPECT_TRUE(stop.stop_requested());
    RunResult killed = Ended(sandbox::Cancelled{});
    killed.stdout_output = {"so far", "", 6};
    return killed;
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kCancelled);
  EXPECT_EQ(Stored().status.result->stdout_text, "so far");
  EXPECT_TRUE(Stored().status.isolation);
}

TEST_F(ExecutorTest, ACommandThatEndsBeforeItsCancelTakesEffectKeepsItsEnding) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token) {
    on_started();
    ShowCancelled();
    return Ended(sandbox::Exited{0});
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(ExecutorTest, ACommandThatIsDeletedInTheQueueDoesNotRun) {
  Bind(bound_);
  ShowDeleted();
  RunAll();
  EXPECT_EQ(runs(), 0u);
  EXPECT_EQ(server_.request_count(), 0);
}

TEST_F(ExecutorTest, ACommandThatIsDeletedWhileItRunsIsKilledAndNotReported) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token stop) {
    on_started();
    ShowDeleted();
    EXPECT_TRUE(stop.stop_requested());
    return Ended(sandbox::Cancelled{});
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(server_.request_count(), 0);
}

TEST_F(ExecutorTest, AtShutdownRunningCommandsAreKilledAndNotReported) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token stop) {
    on_started();
    executor_.Shutdown();
    EXPECT_TRUE(stop.stop_requested());
    return Ended(sandbox::Cancelled{});
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kScheduled);
  EXPECT_EQ(server_.request_count(), 0);
}

TEST_F(ExecutorTest, AfterShutdownNothingIsRunAnyMore) {
  executor_.Shutdown();
  Bind(bound_);
  RunAll();
  EXPECT_EQ(runs(), 0u);
  EXPECT_EQ(Stored().status.phase, api::Phase::kScheduled);
}

TEST_F(ExecutorTest, WhatCannotBeRunIsHandedBack) {
  runner_.Behave([](const OnStarted&, std::stop_token) -> Result<RunResult> {
    return Fail(ErrorCode::kUnavailable, "start sandbox: no space left");
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kPending);
  EXPECT_FALSE(Stored().IsFinished());
  EXPECT_EQ(Stored().status.attempt, 1);
  const auto stored = Stored();
  const auto* scheduled = api::FindCondition(stored.status.conditions, "Scheduled");
  ASSERT_NE(scheduled, nullptr);
  EXPECT_EQ(scheduled->reason, "Rejected");
  EXPECT_EQ(scheduled->message, "start sandbox: no space left");
}

TEST_F(ExecutorTest, AHandedBackAttemptDoesNotRunAgain) {
  runner_.Behave([](const OnStarted&, std::stop_token) -> Result<RunResult> {
    return Fail(ErrorCode::kUnavailable, "start sandbox: no space left");
  });
  Bind(bound_);
  RunAll();
  Show();
  RunAll();
  EXPECT_EQ(runs(), 1u);
}

TEST_F(ExecutorTest, AnInvalidSpecNeverReachesTheSandbox) {
  json command = bound_;
  command["spec"]["repository"]["path"] = "../etc";
  Bind(command);
  RunAll();
  EXPECT_EQ(runs(), 0u);
  EXPECT_EQ(Stored().status.phase, api::Phase::kPending);
}

TEST_F(ExecutorTest, ACommandThatStillRunsAfterAWhileIsMentioned) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token) {
    on_started();
    clock_.Advance(milliseconds(499));
    MentionAll();
    EXPECT_EQ(Stored().status.phase, api::Phase::kScheduled);
    clock_.Advance(milliseconds(1));
    MentionAll();
    EXPECT_EQ(Stored().status.phase, api::Phase::kRunning);
    EXPECT_TRUE(Stored().status.start_time);
    return Ended(sandbox::Exited{0});
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(ExecutorTest, AShortCommandIsNotMentioned) {
  Bind(bound_);
  RunAll();
  clock_.Advance(milliseconds(500));
  MentionAll();
  EXPECT_EQ(server_.request_count(), 1);
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(ExecutorTest, ACommandThatIsNotStartedYetIsNotMentioned) {
  Bind(bound_);
  executor_.MentionRunning(KeyOf(Stored()), {});
  EXPECT_EQ(Stored().status.phase, api::Phase::kScheduled);
}

TEST_F(ExecutorTest, AFailedMentionDoesNotHarmTheResult) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token) {
    on_started();
    clock_.Advance(milliseconds(500));
    server_.RefuseNext(1, 503);
    MentionAll();
    return Ended(sandbox::Exited{0});
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(ExecutorTest, ASuccessorOfTheSameNameRunsForItself) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token stop) {
    on_started();
    if (runs() == 1) {
      json successor = bound_;
      successor["metadata"]["uid"] = "another";
      Bind(successor);
      EXPECT_TRUE(stop.stop_requested());
      return Ended(sandbox::Cancelled{});
    }
    return Ended(sandbox::Exited{0});
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(runs(), 2u);
  EXPECT_EQ(Stored().metadata.uid, "another");
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(ExecutorTest, SlotsRunCommandsAtOnce) {
  std::atomic<int> running = 0;
  runner_.Behave([&](const OnStarted& on_started, std::stop_token stop) {
    on_started();
    running += 1;
    running.notify_all();
    for (int now = running; now < 2 && !stop.stop_requested(); now = running) running.wait(now);
    return Ended(sandbox::Exited{0});
  });
  const auto run = [this](const AttemptKey& key, std::stop_token stop) { return executor_.RunAttempt(key, stop); };
  const kube::Workers<AttemptKey> slots(executor_.attempts(), 2, "slot", run);
  for (const char* const name : {"a", "b"}) {
    const json command = api::AsBound(api::SampleCommand(name));
    server_.Put(kSandboxCommands, command);
    executor_.commands_sink().Apply(command);
  }
  EXPECT_TRUE(server_.WaitUntil([this] {
    for (const json& object : server_.All(kSandboxCommands, "team-a")) {
      if (!api::Read(object).IsFinished()) return false;
    }
    return true;
  }));
}

}  // namespace
}  // namespace fumehood::executor
