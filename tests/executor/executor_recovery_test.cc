// What an executor makes of the ledger that its predecessor has left, and of a disk that fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <stop_token>

#include "executor/outcome.h"
#include "executor/outcome_record.h"
#include "tests/executor/executor_fixture.h"

namespace fumehood::executor {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class RecoveryTest : public ExecutorFixture {
 protected:
  const AttemptKey key_ = KeyOf(api::Read(bound_));

  Outcome OutcomeOf(sandbox::Ending ending) const {
    return MakeOutcome(api::Read(bound_), Ended(std::move(ending)), {"runsc", clock_.WallNow(), clock_.WallNow()});
  }
};

TEST_F(RecoveryTest, AResultThatWasNotReportedIs) {
  server_.Put(kSandboxCommands, bound_);
  ASSERT_TRUE(ledger_->Start(key_));
  ASSERT_TRUE(ledger_->End(key_, ToRecord(OutcomeOf(sandbox::Exited{7}))));
  RestartExecutor();
  ReportAll();
  EXPECT_EQ(Stored().status.result->exit_code, 7);
  EXPECT_THAT(ledger_->entries(), IsEmpty());
}

TEST_F(RecoveryTest, AnAttemptWithoutAnEndingIsHandedBack) {
  server_.Put(kSandboxCommands, bound_);
  ASSERT_TRUE(ledger_->Start(key_));
  RestartExecutor();
  ReportAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kPending);
  EXPECT_EQ(ReasonOfScheduled(), "ExecutorLost");
  EXPECT_EQ(Stored().status.attempt, 1);
  EXPECT_THAT(ledger_->entries(), IsEmpty());
}

TEST_F(RecoveryTest, WhatTheLedgerKnowsIsNotStartedWhenTheWatchShowsIt) {
  server_.Put(kSandboxCommands, bound_);
  ASSERT_TRUE(ledger_->Start(key_));
  RestartExecutor();
  Show();
  RunAll();
  EXPECT_EQ(runs(), 0u);
}

TEST_F(RecoveryTest, WhatWasStartedOnceIsNotStartedAgainHoweverOldTheWatchIs) {
  Bind(bound_);
  RunAll();
  ASSERT_EQ(runs(), 1u);
  RestartExecutor();
  executor_->commands_sink().Apply(bound_);  // as it was before it ended
  RunAll();
  EXPECT_EQ(runs(), 1u);
}

TEST_F(RecoveryTest, WhatWasBoundAndNotStartedIsStarted) {
  server_.Put(kSandboxCommands, bound_);
  RestartExecutor();
  Show();
  RunAll();
  EXPECT_EQ(runs(), 1u);
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(RecoveryTest, WithoutALedgerWhatWasBoundBeforeIsHandedBack) {
  server_.Put(kSandboxCommands, bound_);
  disk_ = FakeDisk{2};
  RestartExecutor();
  RunAll();
  EXPECT_EQ(runs(), 0u);
  EXPECT_EQ(ReasonOfScheduled(), "ExecutorLost");
}

TEST_F(RecoveryTest, WithoutALedgerWhatIsBoundLaterIsStarted) {
  Bind(bound_);
  RunAll();
  EXPECT_EQ(runs(), 1u);
}

TEST_F(RecoveryTest, AResultOfASupersededAttemptIsDropped) {
  server_.Put(kSandboxCommands, api::AsBound(api::SampleCommand(), "node-2", 2));
  ASSERT_TRUE(ledger_->Start(key_));
  ASSERT_TRUE(ledger_->End(key_, ToRecord(OutcomeOf(sandbox::Exited{0}))));
  RestartExecutor();
  ReportAll();
  EXPECT_FALSE(Stored().IsFinished());
  EXPECT_EQ(Stored().status.node_name, "node-2");
  EXPECT_THAT(ledger_->entries(), IsEmpty());
}

TEST_F(RecoveryTest, WhatTheControllerTookBackMeanwhileIsDropped) {
  server_.Put(kSandboxCommands, api::AsHandedBack(api::SampleCommand(), 1, "Queued"));
  ASSERT_TRUE(ledger_->Start(key_));
  RestartExecutor();
  ReportAll();
  EXPECT_EQ(ReasonOfScheduled(), "Queued");
  EXPECT_THAT(ledger_->entries(), IsEmpty());
}

TEST_F(RecoveryTest, AnUnreadableResultIsHandedBack) {
  server_.Put(kSandboxCommands, bound_);
  ASSERT_TRUE(ledger_->Start(key_));
  ASSERT_TRUE(ledger_->End(key_, {{"status", "what is this?"}}));
  RestartExecutor();
  ReportAll();
  EXPECT_EQ(ReasonOfScheduled(), "ExecutorLost");
}

TEST_F(RecoveryTest, AResultStaysInTheLedgerUntilItIsAccepted) {
  server_.Put(kSandboxCommands, bound_);
  Show();
  server_.RefuseNext(2, 503);
  RunAll();
  EXPECT_FALSE(Stored().IsFinished());
  EXPECT_THAT(ledger_->entries(), SizeIs(1));
  RestartExecutor();
  ReportAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
  EXPECT_EQ(runs(), 1u);
}

TEST_F(RecoveryTest, AnAttemptIsDurableBeforeItsCommandStarts) {
  runner_.Behave([this](const std::function<void()>& on_started, std::stop_token) {
    disk_.LosePower();
    const auto found = Ledger::Open(disk_.Attach()).value();
    EXPECT_THAT(found->entries(), SizeIs(1));
    on_started();
    return Ended(sandbox::Exited{0});
  });
  Bind(bound_);
  RunSlot();
  EXPECT_EQ(runs(), 1u);
}

TEST_F(RecoveryTest, OnAFullDiskNothingIsStartedAndTheAttemptIsHandedBack) {
  disk_.FailWrites(ENOSPC);
  Bind(bound_);
  RunAll();
  EXPECT_EQ(runs(), 0u);
  EXPECT_EQ(ReasonOfScheduled(), "Rejected");
  EXPECT_EQ(ledger_->health().error().code, ErrorCode::kUnavailable);
}

TEST_F(RecoveryTest, AResultThatCannotBeStoredIsReportedAllTheSame) {
  runner_.Behave([this](const std::function<void()>& on_started, std::stop_token) {
    on_started();
    disk_.FailWrites(ENOSPC);
    return Ended(sandbox::Exited{0});
  });
  Bind(bound_);
  RunAll();
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(RecoveryTest, AKilledCommandThatNobodyWantsLeavesNothingInTheLedger) {
  runner_.Behave([this](const std::function<void()>& on_started, std::stop_token) {
    on_started();
    ShowDeleted();
    return Ended(sandbox::Cancelled{});
  });
  Bind(bound_);
  RunAll();
  EXPECT_THAT(ledger_->entries(), IsEmpty());
}

}  // namespace
}  // namespace fumehood::executor
