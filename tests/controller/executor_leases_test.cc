#include "controller/executor_leases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/sample_objects.h"

namespace fumehood::controller {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class ExecutorLeasesTest : public testing::Test {
 protected:
  // The watch shows that the executor of this node has renewed its lease.
  void Renew(const std::string& node_name) {
    leases_.Observe(kube::ReadLease(api::SampleLease(node_name, WallTime(seconds(++renewals_)))).value(), now_);
  }
  // The watch shows something that is no executor's.
  void ShowAnother() {
    auto lease = kube::ReadLease(api::SampleLease()).value();
    lease.metadata.name = "fumehood-controller";
    leases_.Observe(lease, now_);
  }
  void Pass(seconds time) { now_ += time; }

  ExecutorLeases leases_;
  SteadyTime now_{seconds(1'000'000)};
  int renewals_ = 0;
};

TEST_F(ExecutorLeasesTest, AnExecutorLivesForTheDurationOfItsLease) {
  Renew("node-1");
  Pass(seconds(39));
  ShowAnother();
  EXPECT_TRUE(leases_.IsAlive("node-1"));
  EXPECT_FALSE(leases_.IsLost("node-1"));
  Pass(seconds(1));
  ShowAnother();
  EXPECT_FALSE(leases_.IsAlive("node-1"));
  EXPECT_TRUE(leases_.IsLost("node-1"));
}

TEST_F(ExecutorLeasesTest, EachRenewalBeginsItAnew) {
  Renew("node-1");
  for (int i = 0; i < 10; ++i) {
    Pass(seconds(30));
    Renew("node-1");
    EXPECT_TRUE(leases_.IsAlive("node-1"));
  }
}

TEST_F(ExecutorLeasesTest, SeeingTheSameStateAgainIsNoRenewal) {
  const auto lease = kube::ReadLease(api::SampleLease()).value();
  leases_.Observe(lease, now_);
  Pass(seconds(40));
  leases_.Observe(lease, now_);
  EXPECT_TRUE(leases_.IsLost("node-1"));
}

TEST_F(ExecutorLeasesTest, AClockThatIsWrongOnTheOtherSideDoesNotMatter) {
  leases_.Observe(kube::ReadLease(api::SampleLease("node-1", WallTime(std::chrono::days(40'000)))).value(), now_);
  Pass(seconds(30));
  leases_.Observe(kube::ReadLease(api::SampleLease("node-1", WallTime{})).value(), now_);
  Pass(seconds(39));
  ShowAnother();
  EXPECT_TRUE(leases_.IsAlive("node-1"));
}

TEST_F(ExecutorLeasesTest, NobodyIsLostWhileTheWatchShowsNothing) {
  Renew("node-1");
  Pass(seconds(3'600));
  EXPECT_FALSE(leases_.IsLost("node-1"));
  EXPECT_THAT(leases_.TakeNewlyLost(), IsEmpty());
}

TEST_F(ExecutorLeasesTest, AfterAnInterruptionEveryTimeBeginsAnew) {
  Renew("node-1");
  Pass(seconds(30));
  leases_.OnInterrupted();
  Pass(seconds(600));
  ShowAnother();
  EXPECT_FALSE(leases_.IsLost("node-1"));
  Pass(seconds(39));
  ShowAnother();
  EXPECT_FALSE(leases_.IsLost("node-1"));
  Pass(seconds(1));
  ShowAnother();
  EXPECT_TRUE(leases_.IsLost("node-1"));
}

TEST_F(ExecutorLeasesTest, ADeletedLeaseIsNotAliveAndRunsOutLikeAnother) {
  Renew("node-1");
  leases_.ObserveDeleted(kube::ReadLease(api::SampleLease()).value(), now_);
  EXPECT_FALSE(leases_.IsAlive("node-1"));
  EXPECT_FALSE(leases_.IsLost("node-1"));
  Pass(seconds(40));
  ShowAnother();
  EXPECT_TRUE(leases_.IsLost("node-1"));
}

TEST_F(ExecutorLeasesTest, AnExpectedExecutorHasTheDefaultDurationToShowALease) {
  leases_.Expect("node-1", now_);
  EXPECT_FALSE(leases_.IsAlive("node-1"));
  Pass(seconds(39));
  leases_.Expect("node-1", now_);
  ShowAnother();
  EXPECT_FALSE(leases_.IsLost("node-1"));
  Pass(seconds(1));
  ShowAnother();
  EXPECT_TRUE(leases_.IsLost("node-1"));
}

TEST_F(ExecutorLeasesTest, ALossIsToldOnceUntilTheNextOne) {
  Renew("node-1");
  Renew("node-2");
  Pass(seconds(40));
  Renew("node-2");
  EXPECT_THAT(leases_.TakeNewlyLost(), ElementsAre("node-1"));
  EXPECT_THAT(leases_.TakeNewlyLost(), IsEmpty());
  Renew("node-1");
  Pass(seconds(40));
  ShowAnother();
  EXPECT_THAT(leases_.TakeNewlyLost(), ElementsAre("node-1", "node-2"));
}

TEST_F(ExecutorLeasesTest, WhateverALeaseSaysALossIsNoticedWithinAQuarterOfAnHour) {
  auto lease = kube::ReadLease(api::SampleLease()).value();
  lease.duration = seconds(1'000'000);
  leases_.Observe(lease, now_);
  Pass(seconds(900));
  ShowAnother();
  EXPECT_TRUE(leases_.IsLost("node-1"));
}

TEST_F(ExecutorLeasesTest, TellsOnceWhoHasComeToLifeAndWhoHasEnded) {
  Renew("node-1");
  Renew("node-2");
  EXPECT_THAT(leases_.TakeTurned(), ElementsAre("node-1", "node-2"));
  Pass(seconds(30));
  Renew("node-2");
  EXPECT_THAT(leases_.TakeTurned(), IsEmpty());
  Pass(seconds(10));
  ShowAnother();
  EXPECT_THAT(leases_.TakeTurned(), ElementsAre("node-1"));
  ShowAnother();
  EXPECT_THAT(leases_.TakeTurned(), IsEmpty());
  Pass(seconds(30));
  Renew("node-1");
  EXPECT_THAT(leases_.TakeTurned(), ElementsAre("node-1", "node-2")) << "one came back while the other ended";
}

TEST_F(ExecutorLeasesTest, ADeletedLeaseEndsItsExecutorAndANewOneRevivesIt) {
  Renew("node-1");
  leases_.TakeTurned();
  leases_.ObserveDeleted(kube::ReadLease(api::SampleLease()).value(), now_);
  EXPECT_THAT(leases_.TakeTurned(), ElementsAre("node-1"));
  Renew("node-1");
  EXPECT_THAT(leases_.TakeTurned(), ElementsAre("node-1"));
}

TEST_F(ExecutorLeasesTest, AnInterruptionRevivesWhoWasLostAndEndsNobody) {
  Renew("node-1");
  Pass(seconds(40));
  Renew("node-2");
  leases_.TakeTurned();
  Pass(seconds(600));
  leases_.OnInterrupted();
  ShowAnother();
  EXPECT_THAT(leases_.TakeTurned(), ElementsAre("node-1"));
}

TEST(NodeOfLeaseTest, IsInTheName) {
  EXPECT_EQ(NodeOfLease("executor-node-1"), "node-1");
  EXPECT_EQ(NodeOfLease("fumehood-controller"), "");
}

}  // namespace
}  // namespace fumehood::controller
