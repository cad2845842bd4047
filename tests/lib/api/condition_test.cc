#include "lib/api/condition.h"

#include <gtest/gtest.h>

namespace fumehood::api {
namespace {

using std::chrono::seconds;

constexpr WallTime kEarlier = WallTime(seconds(1'000'000));
constexpr WallTime kLater = WallTime(seconds(2'000'000));

TEST(ConditionTest, TransitionTimeMovesOnlyWithTheStatus) {
  std::vector<Condition> conditions;
  SetCondition(conditions, {"Ready", ConditionStatus::kFalse, "Starting", "not yet", kEarlier});
  SetCondition(conditions, {"Ready", ConditionStatus::kFalse, "Waiting", "still not", kLater});
  ASSERT_EQ(conditions.size(), 1U);
  EXPECT_EQ(conditions[0].reason, "Waiting");
  EXPECT_EQ(conditions[0].last_transition_time, kEarlier);
  SetCondition(conditions, {"Ready", ConditionStatus::kTrue, "Serving", "", kLater});
  EXPECT_EQ(conditions[0].last_transition_time, kLater);
}

TEST(ConditionTest, OthersStayAsTheyAre) {
  std::vector<Condition> conditions{{"A", ConditionStatus::kTrue, "X", "x", kEarlier}};
  SetCondition(conditions, {"B", ConditionStatus::kUnknown, "Y", "y", kLater});
  ASSERT_NE(FindCondition(conditions, "A"), nullptr);
  EXPECT_EQ(FindCondition(conditions, "A")->reason, "X");
  EXPECT_EQ(FindCondition(conditions, "C"), nullptr);
}

TEST(ConditionTest, SurvivesJson) {
  const std::vector<Condition> conditions{{"A", ConditionStatus::kTrue, "X", "x", kEarlier},
                                          {"B", ConditionStatus::kUnknown, "Y", "", kLater}};
  EXPECT_EQ(ToJson(ReadConditions(ToJson(conditions))), ToJson(conditions));
}

}  // namespace
}  // namespace fumehood::api
