// How commands wait: what is said about it, and what wakes them.
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
using testing::ElementsAre;
using testing::IsEmpty;

class WaitingTest : public testing::Test {
 protected:
  void SetUp() override { cluster_.ListEverything(); }

  // What the object says about its waiting: the reason of its condition Scheduled.
  std::string Says(const std::string& name) const {
    const auto command = cluster_.Get(name);
    const auto* scheduled = api::FindCondition(command.status.conditions, api::condition::kScheduled);
    return scheduled == nullptr ? "" : scheduled->reason;
  }
  std::string VersionOf(const std::string& name) const { return cluster_.Get(name).metadata.resource_version; }
  // One slot, which a command named "running" has.
  void TakeTheOnlySlot() {
    cluster_.AddExecutor("node-1", 1);
    cluster_.Create(api::AsBound(api::SampleCommand("running")));
    cluster_.Work();
  }
  void FreeTheSlot() {
    cluster_.Finish("running");
    cluster_.Show("running");
    cluster_.Work();
  }

  Cluster cluster_;
};

TEST(SyncTest, NothingIsDecidedBeforeEveryKindIsListed) {
  Cluster cluster;
  cluster.Create(api::SampleCommand());
  cluster.view.commands_sink().Replace({api::SampleCommand()});
  cluster.view.runtime_classes_sink().Replace({api::SampleRuntimeClass()});
  cluster.view.nodes_sink().Replace({api::SampleNode()});
  cluster.view.leases_sink().Replace({api::SampleLease()});
  cluster.Work();
  cluster.Advance(seconds(5));
  EXPECT_EQ(cluster.server.request_count(), 0);
  cluster.view.executors_sink().Replace({api::SampleExecutor()});
  cluster.Show("build");
  cluster.Advance(milliseconds(50));
  EXPECT_EQ(cluster.NodeOf("build"), "node-1");
}

TEST_F(WaitingTest, AShortWaitIsSilent) {
  cluster_.Create(api::SampleCommand());
  cluster_.Work();
  cluster_.Advance(milliseconds(999));
  cluster_.AddExecutor("node-1", 1);
  cluster_.Work();
  EXPECT_EQ(cluster_.NodeOf("build"), "node-1");
  EXPECT_FALSE(cluster_.Get("build").status.queued_time);
  EXPECT_THAT(cluster_.EventReasons(), IsEmpty());
}

TEST_F(WaitingTest, AfterASecondTheObjectAndAnEventSayWhy) {
  cluster_.Create(api::SampleCommand());
  cluster_.Work();
  EXPECT_EQ(Says("build"), "");
  cluster_.Advance(seconds(1));
  EXPECT_EQ(Says("build"), "NoExecutorAvailable");
  EXPECT_EQ(cluster_.Get("build").status.phase, api::Phase::kPending);
  EXPECT_THAT(cluster_.EventReasons(), ElementsAre("NoExecutorAvailable"));
}

TEST_F(WaitingTest, ItIsSaidOnce) {
  cluster_.Create(api::SampleCommand());
  cluster_.Work();
  cluster_.Advance(seconds(1));
  cluster_.Show("build");
  const std::string version = VersionOf("build");
  for (int i = 0; i < 3; ++i) {
    cluster_.reconciler.WakeAll();
    cluster_.Advance(seconds(10));
  }
  EXPECT_EQ(VersionOf("build"), version);
  EXPECT_THAT(cluster_.EventReasons(), ElementsAre("NoExecutorAvailable"));
}

TEST_F(WaitingTest, AnotherReasonIsSaidToo) {
  auto command = api::SampleCommand();
  command["spec"]["image"] = "rust";
  cluster_.Create(command);
  cluster_.Work();
  cluster_.Advance(seconds(1));
  cluster_.Show("build");
  cluster_.AddExecutor("node-1", 1);
  cluster_.Work();
  EXPECT_EQ(Says("build"), "ImageNotFound");
  EXPECT_THAT(cluster_.EventReasons(), ElementsAre("NoExecutorAvailable", "ImageNotFound"));
}

TEST_F(WaitingTest, ARefusedWriteOfTheReasonIsTriedAgain) {
  cluster_.Create(api::SampleCommand());
  cluster_.Work();
  cluster_.server.RefuseNext(1, 503);
  cluster_.Advance(seconds(1));
  EXPECT_EQ(Says("build"), "");
  cluster_.Advance(milliseconds(20));
  EXPECT_EQ(Says("build"), "NoExecutorAvailable");
  EXPECT_THAT(cluster_.EventReasons(), ElementsAre("NoExecutorAvailable"));
}

TEST_F(WaitingTest, AnExecutorThatFallsSilentIsNoticedWhenAllAreWoken) {
  TakeTheOnlySlot();
  cluster_.Create(api::SampleCommand());
  cluster_.Work();
  cluster_.Advance(seconds(1));
  EXPECT_EQ(Says("build"), "Queued");
  cluster_.Show("build");
  cluster_.clock.Advance(seconds(40));
  cluster_.Renew("node-2");  // a sign that the watch is alive
  cluster_.reconciler.WakeAll();
  cluster_.Work();
  EXPECT_EQ(Says("build"), "NoExecutorAvailable");
}

TEST_F(WaitingTest, ARuntimeClassThatIsCreatedLetsCommandsStart) {
  cluster_.view.runtime_classes_sink().Remove(api::SampleRuntimeClass());
  cluster_.AddExecutor("node-1", 1);
  cluster_.Create(api::SampleCommand());
  cluster_.Work();
  cluster_.Advance(seconds(1));
  EXPECT_EQ(Says("build"), "RuntimeClassNotFound");
  cluster_.Show("build");
  cluster_.view.runtime_classes_sink().Apply(api::SampleRuntimeClass());
  cluster_.Work();
  EXPECT_EQ(cluster_.NodeOf("build"), "node-1");
}

TEST_F(WaitingTest, AFreedSlotGoesToTheFirstInLine) {
  TakeTheOnlySlot();
  cluster_.Create(api::SampleCommand("b"));
  cluster_.Work();
  cluster_.Create(api::SampleCommand("a"));
  cluster_.Work();
  FreeTheSlot();
  EXPECT_EQ(cluster_.NodeOf("b"), "node-1");
  EXPECT_EQ(cluster_.NodeOf("a"), "");
}

TEST_F(WaitingTest, AHandedBackCommandFreesASlotForAnother) {
  TakeTheOnlySlot();
  cluster_.Create(api::SampleCommand("waiting"));
  cluster_.Work();
  cluster_.Change("running", api::AsHandedBack(api::SampleCommand("running")));
  cluster_.Show("running");
  cluster_.Work();
  EXPECT_EQ(cluster_.NodeOf("waiting"), "node-1");
}

TEST_F(WaitingTest, WhereTheFirstInLineDoesNotFitTheOneBehindIsTried) {
  TakeTheOnlySlot();
  auto misfit = api::SampleCommand("misfit");
  misfit["spec"]["image"] = "rust";
  cluster_.Create(misfit);
  cluster_.Work();
  cluster_.Create(api::SampleCommand("fits"));
  cluster_.Work();
  FreeTheSlot();
  EXPECT_EQ(cluster_.NodeOf("fits"), "node-1");
  EXPECT_EQ(cluster_.NodeOf("misfit"), "");
}

TEST_F(WaitingTest, AsManyAreWokenAsThereAreSlots) {
  for (const char* const name : {"a", "b", "c"}) cluster_.Create(api::SampleCommand(name));
  cluster_.Work();
  TakeTheOnlySlot();
  EXPECT_EQ(cluster_.NodeOf("a"), "");
  cluster_.Renew("node-2");
  // Both in one list, so that one event has to wake more than one command.
  cluster_.view.nodes_sink().Replace({api::SampleNode("node-1"), api::SampleNode("node-2")});
  cluster_.view.executors_sink().Replace({api::SampleExecutor("node-1", 1), api::SampleExecutor("node-2", 2)});
  cluster_.Work();
  EXPECT_EQ(cluster_.NodeOf("a"), "node-2");
  EXPECT_EQ(cluster_.NodeOf("b"), "node-2");
  EXPECT_EQ(cluster_.NodeOf("c"), "");
}

TEST_F(WaitingTest, WhenTheFirstInLineIsDeletedTheFreedSlotGoesToTheOneBehind) {
  TakeTheOnlySlot();
  for (const char* const name : {"first", "second"}) {
    cluster_.Create(api::SampleCommand(name));
    cluster_.Work();
  }
  cluster_.Finish("running");
  cluster_.Show("running");
  cluster_.server.Erase(kSandboxCommands, {"team-a", "first"});
  cluster_.Show("first");
  cluster_.Work();
  EXPECT_EQ(cluster_.NodeOf("second"), "node-1");
}

TEST_F(WaitingTest, ACancelledCommandLeavesTheLine) {
  TakeTheOnlySlot();
  for (const char* const name : {"first", "second"}) {
    cluster_.Create(api::SampleCommand(name));
    cluster_.Work();
  }
  cluster_.Change("first", {{"spec", {{"cancel", true}}}});
  cluster_.Show("first");
  cluster_.Work();
  cluster_.Show("first");
  FreeTheSlot();
  EXPECT_EQ(cluster_.NodeOf("second"), "node-1");
}

}  // namespace
}  // namespace fumehood::controller
