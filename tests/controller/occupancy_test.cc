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
  occupancy.Assume(kUid, "node-1", 1);
  EXPECT_EQ(occupancy.CountOn("node-1"), 1);
}

TEST(OccupancyTest, AnOlderStateDoesNotUndoAnAssumedBind) {
  Occupancy occupancy;
  occupancy.Assume(kUid, "node-1", 2);
  EXPECT_FALSE(occupancy.Observe(Read(AsHandedBack(SampleCommand(), 1))));
  EXPECT_EQ(occupancy.CountOn("node-1"), 1);
}

TEST(OccupancyTest, SeeingTheAssumedBindConfirmsIt) {
  Occupancy occupancy;
  occupancy.Assume(kUid, "node-1", 1);
  EXPECT_FALSE(occupancy.Observe(Read(AsBound(SampleCommand()))));
  EXPECT_EQ(occupancy.CountOn("node-1"), 1);
}

TEST(OccupancyTest, ForgettingGivesAnAssumedSlotBack) {
  Occupancy occupancy;
  occupancy.Assume(kUid, "node-1", 1);
  occupancy.Forget(kUid);
  EXPECT_EQ(occupancy.CountOn("node-1"), 0);
}

TEST(OccupancyTest, ForgettingKeepsWhatTheWatchHasShown) {
  Occupancy occupancy;
  occupancy.Assume(kUid, "node-1", 1);
  occupancy.Observe(Read(AsBound(SampleCommand())));
  occupancy.Forget(kUid);
  EXPECT_EQ(occupancy.CountOn("node-1"), 1);
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
