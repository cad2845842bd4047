// What a reconciler writes for one command, and how it shares out slots. Waiting is in reconciler_waiting_test.cc.
#include "controller/reconciler.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <utility>

#include "controller/resources.h"
#include "lib/kube/workers.h"
#include "tests/controller/cluster.h"

namespace fumehood::controller {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::IsEmpty;

class ReconcilerTest : public testing::Test {
 protected:
  void SetUp() override { cluster_.ListEverything(); }

  Cluster cluster_;
};

TEST_F(ReconcilerTest, BindsACommandToAnExecutor) {
  cluster_.AddExecutor("node-1", 1);
  cluster_.Create(api::SampleCommand());
  cluster_.Work();
  const auto bound = cluster_.Get("build");
  EXPECT_EQ(bound.status.phase, api::Phase::kScheduled);
  EXPECT_EQ(bound.status.node_name, "node-1");
  EXPECT_EQ(bound.status.attempt, 1);
  EXPECT_EQ(bound.status.executor->pod_uid, "pod-uid-of-node-1");
  EXPECT_THAT(cluster_.EventReasons(), IsEmpty());
}

TEST_F(ReconcilerTest, DoesNotBindTwiceBeforeTheWatchShowsTheBind) {
  cluster_.AddExecutor("node-1", 2);
  cluster_.Create(api::SampleCommand());
  cluster_.Work();
  const int requests = cluster_.server.request_count();
  cluster_.reconciler.OnCommand(api::Read(api::SampleCommand()));
  cluster_.Work();
  EXPECT_EQ(cluster_.server.request_count(), requests);
}

TEST_F(ReconcilerTest, LeavesABoundCommandAlone) {
  cluster_.AddExecutor("node-1", 1);
  cluster_.Create(api::AsBound(api::SampleCommand()));
  cluster_.Advance(seconds(60));
  EXPECT_EQ(cluster_.server.request_count(), 0);
}

TEST_F(ReconcilerTest, EndsACommandThatIsCancelledBeforeItIsBound) {
  cluster_.Create(api::SampleCommand());
  cluster_.Work();
  cluster_.Change("build", {{"spec", {{"cancel", true}}}});
  cluster_.Show("build");
  cluster_.Work();
  EXPECT_EQ(cluster_.Get("build").status.phase, api::Phase::kCancelled);
  EXPECT_TRUE(cluster_.Get("build").IsFinished());
}

TEST_F(ReconcilerTest, ACancelThatTheWatchHasNotShownYetWins) {
  cluster_.AddExecutor("node-1", 1);
  cluster_.Create(api::SampleCommand());
  cluster_.Change("build", {{"spec", {{"cancel", true}}}});
  cluster_.Work();
  cluster_.Show("build");
  cluster_.Advance(milliseconds(20));
  EXPECT_EQ(cluster_.Get("build").status.phase, api::Phase::kCancelled);
  EXPECT_EQ(cluster_.Get("build").status.attempt, 0);
}

TEST_F(ReconcilerTest, EndsACommandWhoseSpecIsInvalid) {
  auto command = api::SampleCommand();
  command["spec"]["repository"]["path"] = "../etc";
  cluster_.Create(command);
  cluster_.Work();
  EXPECT_EQ(cluster_.Get("build").status.phase, api::Phase::kFailed);
  EXPECT_TRUE(cluster_.Get("build").IsFinished());
}

TEST_F(ReconcilerTest, AConflictIsTriedAgainFromWhatIsTrueThen) {
  cluster_.AddExecutor("node-1", 1);
  cluster_.Create(api::SampleCommand());
  cluster_.server.BeforeNextWrite([&] { cluster_.Change("build", {{"metadata", {{"labels", {{"a", "b"}}}}}}); });
  cluster_.Work();
  EXPECT_EQ(cluster_.NodeOf("build"), "");
  EXPECT_EQ(cluster_.view.occupancy().CountOn("node-1"), 0) << "the assumed slot is given back";
  cluster_.Show("build");
  cluster_.Advance(milliseconds(20));
  EXPECT_EQ(cluster_.NodeOf("build"), "node-1");
  EXPECT_EQ(cluster_.Get("build").status.attempt, 1);
}

TEST_F(ReconcilerTest, AServerThatIsAwayIsTriedAgain) {
  cluster_.AddExecutor("node-1", 1);
  cluster_.Create(api::SampleCommand());
  cluster_.server.RefuseNext(1, 503);
  cluster_.Work();
  EXPECT_EQ(cluster_.view.occupancy().CountOn("node-1"), 0);
  cluster_.Advance(milliseconds(20));
  EXPECT_EQ(cluster_.NodeOf("build"), "node-1");
}

TEST_F(ReconcilerTest, ACommandThatIsGoneGivesItsAssumedSlotBack) {
  cluster_.AddExecutor("node-1", 1);
  cluster_.Create(api::SampleCommand());
  cluster_.server.Erase(kSandboxCommands, {"team-a", "build"});
  cluster_.Work();
  EXPECT_EQ(cluster_.view.occupancy().CountOn("node-1"), 0);
  EXPECT_FALSE(cluster_.server.Find(kSandboxCommands, {"team-a", "build"}));
}

TEST_F(ReconcilerTest, TwoCommandsNeverTakeTheSameLastSlot) {
  cluster_.AddExecutor("node-1", 1);
  cluster_.Create(api::SampleCommand("a"));
  cluster_.Create(api::SampleCommand("b"));
  cluster_.Work();
  EXPECT_EQ(cluster_.NodeOf("a"), "node-1");
  EXPECT_EQ(cluster_.NodeOf("b"), "");
}

TEST_F(ReconcilerTest, ManyWorkersNeverBindMoreThanThereAreSlots) {
  constexpr int kCommands = 40;
  constexpr int kSlots = 7;
  {
    const auto reconcile = [&](const CommandKey& key, std::stop_token stop) {
      return cluster_.reconciler.Reconcile(key, std::move(stop));
    };
    const kube::Workers<CommandKey> workers(cluster_.queue, 4, "test", reconcile);
    cluster_.AddExecutor("node-1", kSlots);
    for (int i = 0; i < kCommands; ++i) cluster_.Create(api::SampleCommand(fmt::format("command-{}", i)));
    EXPECT_TRUE(cluster_.server.WaitUntil([&] { return cluster_.server.request_count() >= kSlots; }));
  }
  cluster_.Work();
  int bound = 0;
  for (int i = 0; i < kCommands; ++i) bound += cluster_.NodeOf(fmt::format("command-{}", i)).empty() ? 0 : 1;
  EXPECT_EQ(bound, kSlots);
}

TEST_F(ReconcilerTest, SpreadsCommandsOverExecutors) {
  cluster_.AddExecutor("node-1", 2);
  cluster_.AddExecutor("node-2", 4);
  for (const char* const name : {"a", "b", "c"}) cluster_.Create(api::SampleCommand(name));
  cluster_.Work();
  EXPECT_EQ(cluster_.view.occupancy().CountOn("node-1"), 1);
  EXPECT_EQ(cluster_.view.occupancy().CountOn("node-2"), 2);
}

TEST_F(ReconcilerTest, AHandedBackCommandIsBoundAgainAfterASecond) {
  cluster_.AddExecutor("node-1", 1);
  cluster_.Create(api::AsHandedBack(api::SampleCommand(), 1));
  cluster_.Work();
  cluster_.Advance(milliseconds(999));
  EXPECT_EQ(cluster_.NodeOf("build"), "");
  EXPECT_EQ(cluster_.Get("build").status.conditions.front().reason, "Rejected") << "why it was handed back stays";
  cluster_.Advance(milliseconds(1));
  EXPECT_EQ(cluster_.NodeOf("build"), "node-1");
  EXPECT_EQ(cluster_.Get("build").status.attempt, 2);
}

TEST_F(ReconcilerTest, EachTimeThatItIsHandedBackItWaitsTwiceAsLong) {
  cluster_.AddExecutor("node-1", 1);
  auto command = api::AsHandedBack(api::SampleCommand(), 2);
  command["status"]["retries"] = 1;
  cluster_.Create(command);
  cluster_.Work();
  cluster_.Advance(milliseconds(1'999));
  EXPECT_EQ(cluster_.NodeOf("build"), "");
  cluster_.Advance(milliseconds(1));
  EXPECT_EQ(cluster_.NodeOf("build"), "node-1");
}

TEST_F(ReconcilerTest, ACommandThatIsHandedBackTooOftenEnds) {
  cluster_.AddExecutor("node-1", 1);
  auto command = api::AsHandedBack(api::SampleCommand(), 3);
  command["status"]["retries"] = 2;
  cluster_.Create(command);
  cluster_.Work();
  const auto ended = cluster_.Get("build");
  EXPECT_TRUE(ended.IsFinished());
  EXPECT_EQ(ended.status.phase, api::Phase::kFailed);
  EXPECT_EQ(ended.status.attempt, 3);
}

TEST_F(ReconcilerTest, AFinishedCommandIsLeftToRetention) {
  cluster_.AddExecutor("node-1", 1);
  cluster_.Create(api::AsBound(api::SampleCommand()));
  cluster_.Finish("build");
  cluster_.Show("build");
  cluster_.Work();
  EXPECT_FALSE(cluster_.finished.TryGet());
  cluster_.clock.Advance(seconds(5));
  EXPECT_EQ(cluster_.finished.TryGet(), KeyOf(cluster_.Get("build")));
}

}  // namespace
}  // namespace fumehood::controller
