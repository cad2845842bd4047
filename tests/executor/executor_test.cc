#include "executor/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <utility>

#include "tests/executor/executor_fixture.h"

namespace fumehood::executor {
namespace {

using nlohmann::json;
using sandbox::RunResult;
using std::chrono::milliseconds;
using OnStarted = std::function<void()>;

class ExecutorTest : public ExecutorFixture {};

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
  executor_->commands_sink().Replace({bound_});
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

TEST_F(ExecutorTest, WhatStillRunsWhenADrainIsOverIsKilledAndHandedBack) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token stop) {
    on_started();
    executor_->Drain();
    EXPECT_FALSE(stop.stop_requested()) << "what runs may run on";
    EXPECT_FALSE(executor_->WaitUntilNothingRuns(milliseconds(0), {}));
    executor_->KillAll();
    EXPECT_TRUE(stop.stop_requested());
    return Ended(sandbox::Cancelled{});
  });
  Bind(bound_);
  RunAll();
  EXPECT_TRUE(executor_->WaitUntilNothingRuns(milliseconds(0), {}));
  EXPECT_EQ(Stored().status.phase, api::Phase::kPending);
  EXPECT_EQ(ReasonOfScheduled(), "Draining");
}

TEST_F(ExecutorTest, WhatEndsDuringADrainHasItsResult) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token) {
    on_started();
    executor_->Drain();
    executor_->KillAll();
    return Ended(sandbox::Exited{0});
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(ExecutorTest, WhatRunsWhenADrainBeginsIsNotHandedBackYet) {
  runner_.Behave([this](const OnStarted& on_started, std::stop_token) {
    on_started();
    executor_->Drain();
    ReportAll();
    EXPECT_EQ(Stored().status.phase, api::Phase::kScheduled);
    return Ended(sandbox::Exited{0});
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(runs(), 1u);
}

TEST_F(ExecutorTest, WhatWaitsWhenADrainBeginsIsHandedBackAtOnce) {
  Bind(bound_);
  executor_->Drain();
  ReportAll();
  EXPECT_EQ(ReasonOfScheduled(), "Draining");
  RunAll();
  EXPECT_EQ(runs(), 0u);
}

TEST_F(ExecutorTest, WhatComesDuringADrainIsHandedBack) {
  executor_->Drain();
  Bind(bound_);
  ReportAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kPending);
  EXPECT_EQ(ReasonOfScheduled(), "Draining");
  EXPECT_EQ(runs(), 0u);
}

TEST_F(ExecutorTest, WithoutItsLeaseItStartsNothing) {
  lease_held_ = false;
  Bind(bound_);
  RunAll();
  clock_.Advance(milliseconds(5'000));
  RunAll();
  EXPECT_EQ(runs(), 0u);
  EXPECT_EQ(server_.request_count(), 0);
}

TEST_F(ExecutorTest, WithItsLeaseAgainItStartsWhatIsStillItsOwn) {
  lease_held_ = false;
  Bind(bound_);
  RunAll();
  lease_held_ = true;
  clock_.Advance(milliseconds(200));
  RunAll();
  EXPECT_EQ(runs(), 1u);
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(ExecutorTest, WithItsLeaseAgainItStartsNothingThatWasGivenToAnother) {
  lease_held_ = false;
  Bind(bound_);
  RunAll();
  server_.Put(kSandboxCommands, api::AsBound(api::SampleCommand(), "node-2", 2));  // not shown by the watch yet
  lease_held_ = true;
  clock_.Advance(milliseconds(200));
  RunAll();
  EXPECT_EQ(runs(), 0u);
}

TEST_F(ExecutorTest, WhatCannotBeRunIsHandedBack) {
  runner_.Behave([](const OnStarted&, std::stop_token) -> Result<RunResult> {
    return Fail(ErrorCode::kUnavailable, "start sandbox: /var/lib/node-only/path: no space left");
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kPending);
  EXPECT_FALSE(Stored().IsFinished());
  EXPECT_EQ(Stored().status.attempt, 1);
  EXPECT_EQ(ReasonOfScheduled(), "Rejected");
  const auto stored = Stored();
  const std::string& message = api::FindCondition(stored.status.conditions, "Scheduled")->message;
  EXPECT_EQ(message, "the executor could not run the command (unavailable); its log says why");
  EXPECT_EQ(failed_runs_, 1);
}

TEST_F(ExecutorTest, ACommandThatFailsIsNoFailureOfItsExecutor) {
  runner_.Behave([](const OnStarted&, std::stop_token) -> Result<RunResult> { return Ended(sandbox::Exited{3}); });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(failed_runs_, 0);
}

TEST_F(ExecutorTest, AHandedBackAttemptDoesNotRunAgain) {
  runner_.Behave([](const OnStarted&, std::stop_token) -> Result<RunResult> {
    return Fail(ErrorCode::kUnavailable, "start sandbox: /var/lib/node-only/path: no space left");
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

TEST_F(ExecutorTest, AnothersRepositoryNeverReachesTheSandbox) {
  configuration_ = std::make_shared<const api::Configuration>(
      api::Configuration::Parts{.repositories = {{.namespaces = {"*"}, .paths = {"{namespace}"}}}});
  json command = bound_;
  command["spec"]["repository"]["path"] = "team-b/shop";
  Bind(command);
  RunAll();
  EXPECT_EQ(runs(), 0u);
  EXPECT_EQ(Stored().status.phase, api::Phase::kFailed);
  EXPECT_EQ(api::FindCondition(Stored().status.conditions, "Finished")->reason, "RepositoryUnavailable");
}

TEST_F(ExecutorTest, ARepositoryIsReachedFromWhatItsNamespaceMayRead) {
  configuration_ = std::make_shared<const api::Configuration>(
      api::Configuration::Parts{.repositories = {{.namespaces = {"*"}, .paths = {"{namespace}"}}}});
  json command = bound_;
  command["spec"]["repository"]["path"] = "team-a/shop";
  Bind(command);
  RunAll();
  ASSERT_EQ(runs(), 1u);
  EXPECT_EQ(runner_.requests()[0].readable_path, "team-a");
  EXPECT_EQ(runner_.requests()[0].repository_path, "team-a/shop");
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
  executor_->MentionRunning(KeyOf(Stored()), {});
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
  const auto run = [this](const AttemptKey& key, std::stop_token stop) { return executor_->RunAttempt(key, stop); };
  const kube::Workers<AttemptKey> slots(executor_->attempts(), 2, "slot", run);
  const auto deliver = [this](const AttemptKey& key, std::stop_token stop) { return reporter_->Deliver(key, stop); };
  const kube::Workers<AttemptKey> reporters(reporter_->pending(), 2, "report", deliver);
  for (const char* const name : {"a", "b"}) {
    const json command = api::AsBound(api::SampleCommand(name));
    server_.Put(kSandboxCommands, command);
    executor_->commands_sink().Apply(command);
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
