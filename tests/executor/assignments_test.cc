#include "executor/assignments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {
namespace {

const AttemptKey kFirst{{"team-a", "build"}, "uid-of-build", 1};
const AttemptKey kSecond{{"team-a", "build"}, "uid-of-build", 2};
const AttemptKey kOther{{"team-a", "test"}, "uid-of-test", 1};

TEST(AttemptKeyTest, NamesObjectUidAndAttempt) {
  EXPECT_EQ(KeyOf(api::Read(api::AsBound(api::SampleCommand(), "node-1", 2))), kSecond);
}

TEST(AssignmentsTest, AnAttemptIsTakenOnce) {
  Assignments assignments;
  EXPECT_TRUE(assignments.Take(kFirst));
  EXPECT_FALSE(assignments.Take(kFirst));
  ASSERT_TRUE(assignments.Find(kFirst));
  EXPECT_EQ(assignments.Find(kFirst)->kill_cause(), KillCause::kNone);
  EXPECT_FALSE(assignments.Find(kFirst)->token().stop_requested());
}

TEST(AssignmentsTest, AHigherAttemptTakesThePlaceOfALowerOneAndKillsIt) {
  Assignments assignments;
  assignments.Take(kFirst);
  const auto first = assignments.Find(kFirst);
  EXPECT_TRUE(assignments.Take(kSecond));
  EXPECT_EQ(first->kill_cause(), KillCause::kGone);
  EXPECT_TRUE(first->token().stop_requested());
  EXPECT_FALSE(assignments.Find(kFirst));
  ASSERT_TRUE(assignments.Find(kSecond));
  EXPECT_FALSE(assignments.Find(kSecond)->token().stop_requested());
}

TEST(AssignmentsTest, ALowerAttemptIsLate) {
  Assignments assignments;
  assignments.Take(kSecond);
  EXPECT_FALSE(assignments.Take(kFirst));
  EXPECT_EQ(assignments.Find(kSecond)->kill_cause(), KillCause::kNone);
}

TEST(AssignmentsTest, WithoutAnAttemptNothingIsTaken) {
  Assignments assignments;
  EXPECT_FALSE(assignments.Take({{"team-a", "build"}, "uid-of-build", 0}));
  assignments.KillAll(KillCause::kDraining);
  assignments.Leave("uid-of-build");
}

TEST(AssignmentsTest, KillsTheCommandOfAUid) {
  Assignments assignments;
  assignments.Take(kFirst);
  assignments.Take(kOther);
  assignments.Kill(kFirst.uid, KillCause::kCancelled);
  assignments.Kill("nobody", KillCause::kCancelled);
  EXPECT_EQ(assignments.Find(kFirst)->kill_cause(), KillCause::kCancelled);
  EXPECT_EQ(assignments.Find(kOther)->kill_cause(), KillCause::kNone);
}

TEST(AssignmentsTest, TheFirstCauseOfAKillWins) {
  Assignments assignments;
  assignments.Take(kFirst);
  assignments.Kill(kFirst.uid, KillCause::kCancelled);
  assignments.KillAll(KillCause::kDraining);
  EXPECT_EQ(assignments.Find(kFirst)->kill_cause(), KillCause::kCancelled);
}

TEST(AssignmentsTest, WhatLeavesIsKilledAndForgotten) {
  Assignments assignments;
  assignments.Take(kFirst);
  const auto first = assignments.Find(kFirst);
  assignments.Leave(kFirst.uid);
  assignments.Leave(kFirst.uid);
  EXPECT_EQ(first->kill_cause(), KillCause::kGone);
  EXPECT_FALSE(assignments.Find(kFirst));
}

TEST(AssignmentsTest, NamesAndKillsAll) {
  Assignments assignments;
  assignments.Take(kFirst);
  assignments.Take(kOther);
  EXPECT_THAT(assignments.All(), testing::UnorderedElementsAre(kFirst, kOther));
  assignments.KillAll(KillCause::kDraining);
  EXPECT_EQ(assignments.Find(kFirst)->kill_cause(), KillCause::kDraining);
  EXPECT_TRUE(assignments.Find(kOther)->token().stop_requested());
}

TEST(AssignmentTest, IsClaimedOnce) {
  Assignment assignment;
  EXPECT_TRUE(assignment.Claim());
  EXPECT_FALSE(assignment.Claim());
}

TEST(AssignmentTest, RemembersItsStartAndItsEnd) {
  Assignment assignment;
  EXPECT_FALSE(assignment.start_time());
  EXPECT_FALSE(assignment.ended());
  assignment.SetStarted(WallTime{} + std::chrono::days(1));
  assignment.SetEnded();
  EXPECT_EQ(assignment.start_time(), WallTime{} + std::chrono::days(1));
  EXPECT_TRUE(assignment.ended());
}

}  // namespace
}  // namespace fumehood::executor
