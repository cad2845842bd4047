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

TEST(PoolTargetsTest, EveryKindHasItsMinimum) {
  EXPECT_EQ(PoolTargets({{{"a"}, 0}, {{"b"}, 0}}, {.minimum = 2, .maximum = 8}), (Targets{{{"a"}, 2}, {{"b"}, 2}}));
}

TEST(PoolTargetsTest, DemandBeatsTheMinimum) {
  EXPECT_EQ(PoolTargets({{{"a"}, 5}, {{"b"}, 0}}, {.minimum = 1, .maximum = 8}), (Targets{{{"a"}, 5}, {{"b"}, 1}}));
}

TEST(PoolTargetsTest, WhatIsShortIsSharedEvenly) {
  EXPECT_EQ(PoolTargets({{{"a"}, 20}, {{"b"}, 3}, {{"c"}, 20}}, {.minimum = 1, .maximum = 11}),
            (Targets{{{"a"}, 4}, {{"b"}, 3}, {{"c"}, 4}}));
}

TEST(PoolTargetsTest, LessThanOneForEachIsForSome) {
  EXPECT_EQ(PoolTargets({{{"a"}, 0}, {{"b"}, 0}}, {.minimum = 1, .maximum = 1}), (Targets{{{"a"}, 1}, {{"b"}, 0}}));
}

TEST(PoolTargetsTest, NoneWithoutAPool) {
  EXPECT_EQ(PoolTargets({{{"a"}, 9}}, {.minimum = 1, .maximum = 0}), Targets{});
}

TEST(PoolTargetsTest, NoneWithoutKindsOrWants) {
  EXPECT_EQ(PoolTargets({}, {.minimum = 1, .maximum = 4}), Targets{});
  EXPECT_EQ(PoolTargets({{{"a"}, 0}}, {.minimum = 0, .maximum = 4}), (Targets{{{"a"}, 0}}));
}

}  // namespace
}  // namespace fumehood::sandbox
