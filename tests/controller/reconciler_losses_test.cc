// What a reconciler does with commands whose executor is lost or has handed them back, and whether it does anything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "controller/resources.h"
#include "lib/api/names.h"
#include "tests/controller/cluster.h"

namespace fumehood::controller {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::IsEmpty;

class LossesTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.ListEverything();
    cluster_.AddExecutor("node-1", 1);
    cluster_.AddExecutor("node-2", 1);
    cluster_.Create(api::AsBound(api::SampleCommand(), "node-1"));
    cluster_.Work();
  }
  // The executor of node-1 falls silent, and that of node-2 goes on renewing.
  void LoseTheExecutor() {
    for (int i = 0; i < 4; ++i) {
      cluster_.Advance(seconds(10));
      cluster_.Renew("node-2");
    }
    cluster_.Advance(milliseconds(0));
  }

  Cluster cluster_;
};

TEST_F(LossesTest, WhatIsBoundToALostExecutorIsBoundAnew) {
  LoseTheExecutor();
  const auto command = cluster_.Get("build");
  EXPECT_EQ(cluster_.NodeOf("build"), "node-2");
  EXPECT_EQ(command.status.attempt, 2);
  EXPECT_EQ(command.status.retries, 1);
  EXPECT_THAT(cluster_.EventReasons(), Contains("BoundAnew"));
}

TEST_F(LossesTest, NobodyIsLostBeforeItsTime) {
  cluster_.Advance(seconds(39));
  cluster_.Renew("node-2");
  cluster_.Advance(milliseconds(0));
  EXPECT_EQ(cluster_.NodeOf("build"), "node-1");
  EXPECT_EQ(cluster_.server.request_count(), 0);
}

TEST_F(LossesTest, ACancelledCommandEndsWithItsExecutor) {
  cluster_.Change("build", {{"spec", {{"cancel", true}}}});
  cluster_.Show("build");
  cluster_.Work();
  EXPECT_FALSE(cluster_.Get("build").IsFinished()) << "while its executor lives, that is the executor's to do";
  LoseTheExecutor();
  EXPECT_EQ(cluster_.Get("build").status.phase, api::Phase::kCancelled);
  EXPECT_EQ(cluster_.Get("build").status.attempt, 1);
}

TEST_F(LossesTest, ACommandThatIsCancelledAfterTheLossEndsAtOnce) {
  cluster_.view.executors_sink().Remove(api::SampleExecutor("node-2"));
  LoseTheExecutor();
  cluster_.Advance(seconds(1));
  cluster_.Show("build");
  cluster_.Change("build", {{"spec", {{"cancel", true}}}});
  cluster_.Show("build");
  cluster_.Work();
  EXPECT_EQ(cluster_.Get("build").status.phase, api::Phase::kCancelled);
}

TEST_F(LossesTest, WithoutAnotherExecutorItWaitsAndSaysSo) {
  cluster_.view.executors_sink().Remove(api::SampleExecutor("node-2"));
  LoseTheExecutor();
  cluster_.Advance(seconds(1));
  const auto waiting = cluster_.Get("build");
  EXPECT_EQ(waiting.status.phase, api::Phase::kPending);
  EXPECT_EQ(waiting.status.retries, 1) << "the loss is taken note of";
  cluster_.Show("build");
  cluster_.view.executors_sink().Apply(api::SampleExecutor("node-2", 1));
  cluster_.Work();
  EXPECT_EQ(cluster_.NodeOf("build"), "node-2");
  EXPECT_EQ(cluster_.Get("build").status.retries, 1) << "and not a second time";
}

TEST_F(LossesTest, AResultThatComesFirstWins) {
  cluster_.server.BeforeNextWrite([this] { cluster_.Finish("build"); });
  LoseTheExecutor();
  EXPECT_EQ(cluster_.Get("build").status.phase, api::Phase::kSucceeded);
  EXPECT_EQ(cluster_.Get("build").status.attempt, 1);
}

TEST_F(LossesTest, WhatADrainedExecutorHandsBackIsBoundAtOnce) {
  cluster_.Change("build", api::AsHandedBack(api::SampleCommand(), 1, "Draining"));
  cluster_.Show("build");
  cluster_.Work();
  EXPECT_EQ(cluster_.NodeOf("build"), "node-2");
  EXPECT_EQ(cluster_.Get("build").status.retries, 0);
}

TEST_F(LossesTest, WhoDoesNotLeadDecidesNothing) {
  cluster_.leads = false;
  cluster_.Create(api::SampleCommand("another"));
  LoseTheExecutor();
  EXPECT_EQ(cluster_.server.request_count(), 0);
  EXPECT_THAT(cluster_.EventReasons(), IsEmpty());
}

TEST_F(LossesTest, WhoBeginsToLeadLooksAtEveryCommand) {
  cluster_.leads = false;
  cluster_.Create(api::SampleCommand("another"));
  LoseTheExecutor();
  cluster_.view.executors_sink().Apply(api::SampleExecutor("node-2", 2));
  cluster_.leads = true;
  cluster_.reconciler.LookAtAll();
  cluster_.Work();
  EXPECT_EQ(cluster_.NodeOf("another"), "node-2");
  EXPECT_EQ(cluster_.NodeOf("build"), "node-2");
}

}  // namespace
}  // namespace fumehood::controller
