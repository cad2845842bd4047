#include "controller/occupancy.h"

#include <gtest/gtest.h>

#include "tests/fakes/sample_objects.h"

namespace fumehood::controller {
namespace {

using api::AsBound;
using api::AsFinished;
using api::AsHandedBack;
using api::Read;
using api::SampleCommand;

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

}  // namespace
}  // namespace fumehood::controller
