#include "lib/sandbox/pool_policy.h"

#include <gtest/gtest.h>

namespace fumehood::sandbox {
namespace {

using namespace std::chrono_literals;
using Targets = std::map<PoolKind, size_t>;

constexpr SteadyTime kStart = SteadyTime{} + 1h;

TEST(DemandTest, IsThatOfTheBusiestSecondOfTheLastMinute) {
  Demand demand;
  EXPECT_EQ(demand.Peak(kStart), 0U);
  for (int i = 0; i < 5; ++i) demand.Add(kStart + 10s);
  demand.Add(kStart + 11s);

  EXPECT_EQ(demand.Peak(kStart + 11s), 5U);
  EXPECT_EQ(demand.Peak(kStart + 69s), 5U);
  EXPECT_EQ(demand.Peak(kStart + 70s), 1U);
  EXPECT_EQ(demand.Peak(kStart + 71s), 0U);
}

TEST(DemandTest, ASecondThatComesRoundAgainBeginsWithNone) {
  Demand demand;
  for (int i = 0; i < 5; ++i) demand.Add(kStart);
  demand.Add(kStart + 60s);
  EXPECT_EQ(demand.Peak(kStart + 60s), 1U);
}

TEST(HeldBackTest, EachIsForThePeriod) {
  HeldBack held_back(30ms);
  EXPECT_EQ(held_back.Count(kStart), 0U);
  EXPECT_FALSE(held_back.NextEnd(kStart));
  held_back.Add(kStart);
  held_back.Add(kStart + 10ms);

  EXPECT_EQ(held_back.Count(kStart + 29ms), 2U);
  EXPECT_EQ(held_back.NextEnd(kStart + 29ms), kStart + 30ms);
  EXPECT_EQ(held_back.Count(kStart + 30ms), 1U);
  EXPECT_EQ(held_back.NextEnd(kStart + 30ms), kStart + 40ms);
  EXPECT_EQ(held_back.Count(kStart + 40ms), 0U);
  EXPECT_FALSE(held_back.NextEnd(kStart + 40ms));
}

TEST(HeldBackTest, NoneIsForNoTime) {
  HeldBack held_back(0ms);
  held_back.Add(kStart);
  EXPECT_EQ(held_back.Count(kStart), 0U);
}

PoolKind Kind(std::string image) { return {.image = std::move(image)}; }

TEST(PoolTargetsTest, EachGetsWhatItWantsWhereThereIsEnough) {
  EXPECT_EQ(PoolTargets({{Kind("a"), 5}, {Kind("b"), 1}, {Kind("c"), 0}}, 8),
            (Targets{{Kind("a"), 5}, {Kind("b"), 1}, {Kind("c"), 0}}));
}

TEST(PoolTargetsTest, WhatIsShortIsSharedEvenly) {
  EXPECT_EQ(PoolTargets({{Kind("a"), 20}, {Kind("b"), 3}, {Kind("c"), 20}}, 11),
            (Targets{{Kind("a"), 4}, {Kind("b"), 3}, {Kind("c"), 4}}));
}

TEST(PoolTargetsTest, LessThanOneForEachIsForSome) {
  EXPECT_EQ(PoolTargets({{Kind("a"), 1}, {Kind("b"), 1}}, 1), (Targets{{Kind("a"), 1}, {Kind("b"), 0}}));
}

TEST(PoolTargetsTest, NothingForNobodyOrFromNothing) {
  EXPECT_EQ(PoolTargets({}, 4), Targets{});
  EXPECT_EQ(PoolTargets({{Kind("a"), 9}}, 0), Targets{});
}

}  // namespace
}  // namespace fumehood::sandbox
