#include "controller/occupancy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/sample_objects.h"

namespace fumehood::controller {
namespace {

using api::AsBound;
using api::AsFinished;
using api::AsHandedBack;
using api::Read;
using api::SampleCommand;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kUid = "uid-of-build";
constexpr api::Resources kResources{.cpu_millis = 500, .memory_bytes = 1'000, .pids = 1, .scratch_bytes = 1};

TEST(OccupancyTest, ABoundCommandTakesASlotOfItsNode) {
  Occupancy occupancy;
  EXPECT_FALSE(occupancy.Observe(Read(AsBound(SampleCommand("a"), "node-1"))));
  EXPECT_FALSE(occupancy.Observe(Read(AsBound(SampleCommand("b"), "node-1"))));
  EXPECT_FALSE(occupancy.Observe(Read(AsBound(SampleCommand("c"), "node-2"))));
  EXPECT_EQ(occupancy.CountOn("node-1"), 2);
  EXPECT_EQ(occupancy.CountOn("node-2"), 1);
  EXPECT_EQ(occupancy.CountOn("node-3"), 0);
}

TEST(OccupancyTest, SeeingACommandAgainTakesNoSecondSlot) {
  Occupancy occupancy;
  occupancy.Observe(Read(AsBound(SampleCommand())));
  EXPECT_FALSE(occupancy.Observe(Read(AsBound(SampleCommand()))));
  EXPECT_EQ(occupancy.CountOn("node-1"), 1);
}

TEST(OccupancyTest, AWaitingCommandTakesNone) {
  Occupancy occupancy;
  EXPECT_FALSE(occupancy.Observe(Read(SampleCommand())));
  EXPECT_EQ(occupancy.CountOn("node-1"), 0);
}

TEST(OccupancyTest, AHandedBackCommandFreesItsSlot) {
  Occupancy occupancy;
  occupancy.Observe(Read(AsBound(SampleCommand())));
  EXPECT_TRUE(occupancy.Observe(Read(AsHandedBack(SampleCommand()))));
  EXPECT_EQ(occupancy.CountOn("node-1"), 0);
}

TEST(OccupancyTest, AFinishedCommandFreesItsSlot) {
  Occupancy occupancy;
  occupancy.Observe(Read(AsBound(SampleCommand())));
  EXPECT_TRUE(occupancy.Observe(Read(AsFinished(AsBound(SampleCommand()), WallTime{}))));
  EXPECT_EQ(occupancy.CountOn("node-1"), 0);
}

TEST(OccupancyTest, ACommandThatIsGoneFreesItsSlotOnce) {
  Occupancy occupancy;
  occupancy.Observe(Read(AsBound(SampleCommand())));
  EXPECT_TRUE(occupancy.Remove(kUid));
  EXPECT_FALSE(occupancy.Remove(kUid));
  EXPECT_EQ(occupancy.CountOn("node-1"), 0);
}

TEST(OccupancyTest, ACommandThatIsFoundOnAnotherNodeFreesTheSlotThatItHad) {
  Occupancy occupancy;
  occupancy.Observe(Read(AsBound(SampleCommand(), "node-1", 1)));
  EXPECT_TRUE(occupancy.Observe(Read(AsBound(SampleCommand(), "node-2", 2))));
  EXPECT_EQ(occupancy.CountOn("node-1"), 0);
  EXPECT_EQ(occupancy.CountOn("node-2"), 1);
}

TEST(OccupancyTest, AnAssumedBindTakesASlotBeforeItIsSeen) {
  Occupancy occupancy;
  occupancy.Assume(Read(SampleCommand()), "node-1", kResources);
  EXPECT_EQ(occupancy.CountOn("node-1"), 1);
}

TEST(OccupancyTest, AnOlderStateDoesNotUndoAnAssumedBind) {
  Occupancy occupancy;
  occupancy.Assume(Read(AsHandedBack(SampleCommand(), 1)), "node-1", kResources);
  EXPECT_FALSE(occupancy.Observe(Read(AsHandedBack(SampleCommand(), 1))));
  EXPECT_EQ(occupancy.CountOn("node-1"), 1);
}

TEST(OccupancyTest, SeeingTheAssumedBindConfirmsIt) {
  Occupancy occupancy;
  occupancy.Assume(Read(SampleCommand()), "node-1", kResources);
  EXPECT_FALSE(occupancy.Observe(Read(AsBound(SampleCommand()))));
  EXPECT_EQ(occupancy.CountOn("node-1"), 1);
}

TEST(OccupancyTest, ForgettingGivesAnAssumedSlotBack) {
  Occupancy occupancy;
  occupancy.Assume(Read(SampleCommand()), "node-1", kResources);
  occupancy.Forget(kUid);
  EXPECT_EQ(occupancy.CountOn("node-1"), 0);
}

TEST(OccupancyTest, ForgettingKeepsWhatTheWatchHasShown) {
  Occupancy occupancy;
  occupancy.Assume(Read(SampleCommand()), "node-1", kResources);
  occupancy.Observe(Read(AsBound(SampleCommand())));
  occupancy.Forget(kUid);
  EXPECT_EQ(occupancy.CountOn("node-1"), 1);
}

TEST(OccupancyTest, CountsWhatTheCommandsOfANodeMayUse) {
  Occupancy occupancy;
  auto seen = AsBound(SampleCommand("seen"));
  seen["status"]["resources"] = {{"cpu", "2"}, {"memory", "1Ki"}, {"pids", 1}, {"scratch", "1"}};
  occupancy.Observe(Read(seen));
  occupancy.Observe(Read(AsBound(SampleCommand("says-nothing"))));
  occupancy.Assume(Read(SampleCommand()), "node-1", kResources);
  EXPECT_EQ(occupancy.LoadOf("node-1").commands, 3);
  EXPECT_EQ(occupancy.LoadOf("node-1").cpu_millis, 2'500);
  EXPECT_EQ(occupancy.LoadOf("node-1").memory_bytes, 2'024);
  occupancy.Remove("uid-of-seen");
  EXPECT_EQ(occupancy.LoadOf("node-1").cpu_millis, 500);
  EXPECT_EQ(occupancy.LoadOf("node-1").memory_bytes, 1'000);
  occupancy.Forget(kUid);
  EXPECT_EQ(occupancy.LoadOf("node-1").memory_bytes, 0);
}

TEST(OccupancyTest, CountsTheOtherCommandsOfANamespace) {
  Occupancy occupancy;
  occupancy.Observe(Read(AsBound(SampleCommand("a"))));
  occupancy.Assume(Read(SampleCommand()), "node-1", kResources);
  auto elsewhere = AsBound(SampleCommand("b"));
  elsewhere["metadata"]["namespace"] = "team-b";
  occupancy.Observe(Read(elsewhere));
  EXPECT_EQ(occupancy.CountOthersIn("team-a", "new"), 2);
  EXPECT_EQ(occupancy.CountOthersIn("team-a", kUid), 1);
  EXPECT_EQ(occupancy.CountOthersIn("team-b", kUid), 1);
  EXPECT_EQ(occupancy.CountOthersIn("team-c", kUid), 0);
  occupancy.Remove(kUid);
  EXPECT_EQ(occupancy.CountOthersIn("team-a", "new"), 1);
}

TEST(OccupancyTest, ASuccessorOfTheSameNameIsAnotherCommand) {
  Occupancy occupancy;
  occupancy.Observe(Read(AsBound(SampleCommand())));
  auto successor = AsBound(SampleCommand());
  successor["metadata"]["uid"] = "another";
  occupancy.Observe(Read(successor));
  EXPECT_EQ(occupancy.CountOn("node-1"), 2);
  EXPECT_TRUE(occupancy.Remove(kUid));
  EXPECT_EQ(occupancy.CountOn("node-1"), 1);
}

class RankTest : public testing::Test {
 protected:
  void SetReady(const std::string& node_name, int64_t slots) {
    occupancy_.SetReady(std::make_shared<const api::SandboxExecutor>(
                            api::ReadSandboxExecutor(api::SampleExecutor(node_name, slots)).value()),
                        std::make_shared<const api::Node>(api::ReadNode(api::SampleNode(node_name)).value()));
  }
  void Bind(const std::string& name, const std::string& node_name) {
    occupancy_.Observe(Read(AsBound(SampleCommand(name), node_name)));
  }
  // "node: commands/slots", the best first.
  std::vector<std::string> Ranks() const {
    return occupancy_.WithExecutors([](const RankedExecutors& executors) {
      std::vector<std::string> ranks;
      for (const ReadyExecutor& one : executors) {
        ranks.push_back(fmt::format("{}: {}/{}", one.node_name(), one.load.commands, one.slots()));
      }
      return ranks;
    });
  }

  Occupancy occupancy_;
};

TEST_F(RankTest, TheSmallestShareComesFirst) {
  SetReady("node-1", 4);
  SetReady("node-2", 2);
  SetReady("node-3", 2);
  EXPECT_THAT(Ranks(), ElementsAre("node-1: 0/4", "node-2: 0/2", "node-3: 0/2"));
  Bind("a", "node-1");
  Bind("b", "node-2");
  EXPECT_THAT(Ranks(), ElementsAre("node-3: 0/2", "node-1: 1/4", "node-2: 1/2"));
}

TEST_F(RankTest, WhatIsAssumedCountsAndWhatIsForgottenDoesNot) {
  SetReady("node-1", 2);
  SetReady("node-2", 2);
  occupancy_.Assume(Read(SampleCommand()), "node-1", kResources);
  EXPECT_THAT(Ranks(), ElementsAre("node-2: 0/2", "node-1: 1/2"));
  occupancy_.Forget(kUid);
  EXPECT_THAT(Ranks(), ElementsAre("node-1: 0/2", "node-2: 0/2"));
}

TEST_F(RankTest, ACommandThatMovesChangesBothRanks) {
  SetReady("node-1", 2);
  SetReady("node-2", 2);
  Bind("build", "node-1");
  Bind("build", "node-2");
  EXPECT_THAT(Ranks(), ElementsAre("node-1: 0/2", "node-2: 1/2"));
}

TEST_F(RankTest, WhoHasNoFreeSlotComesLast) {
  SetReady("node-1", 0);
  SetReady("node-2", 1);
  SetReady("node-3", 2);
  Bind("a", "node-3");
  EXPECT_THAT(Ranks(), ElementsAre("node-2: 0/1", "node-3: 1/2", "node-1: 0/0"));
  EXPECT_TRUE(occupancy_.HasFreeSlot());
  Bind("b", "node-3");
  Bind("c", "node-2");
  EXPECT_FALSE(occupancy_.HasFreeSlot());
}

TEST_F(RankTest, WithoutExecutorsThereIsNoSlot) { EXPECT_FALSE(occupancy_.HasFreeSlot()); }

TEST_F(RankTest, WhoComesHasTheLoadOfWhatIsBoundAlready) {
  Bind("a", "node-1");
  SetReady("node-1", 2);
  EXPECT_THAT(Ranks(), ElementsAre("node-1: 1/2"));
}

TEST_F(RankTest, WhoLeavesAndComesBackHasTheLoadThatItHasNow) {
  SetReady("node-1", 3);
  Bind("a", "node-1");
  occupancy_.SetNotReady("node-1");
  EXPECT_THAT(Ranks(), IsEmpty());
  Bind("b", "node-1");
  SetReady("node-1", 3);
  EXPECT_THAT(Ranks(), ElementsAre("node-1: 2/3"));
}

TEST_F(RankTest, AChangedOfferTakesThePlaceOfTheOneBefore) {
  SetReady("node-1", 2);
  Bind("a", "node-1");
  SetReady("node-1", 8);
  EXPECT_THAT(Ranks(), ElementsAre("node-1: 1/8"));
  occupancy_.SetNotReady("node-1");
  occupancy_.SetNotReady("node-1");
  EXPECT_THAT(Ranks(), IsEmpty());
}

}  // namespace
}  // namespace fumehood::controller
