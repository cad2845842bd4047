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
