#include "controller/finished_index.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fumehood::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// `age` in minutes.
FinishedIndex::Entry Entry(const std::string& ns, const std::string& name, int age, int64_t bytes) {
  return {{{ns, name}, "uid-of-" + name}, WallTime{} + std::chrono::minutes(1'000 - age), bytes};
}

std::vector<std::string> Chosen(const FinishedIndex& index, const RetentionLimits& limits) {
  std::vector<std::string> chosen;
  for (const auto& [key, limit] : index.ChooseExcess(limits)) {
    chosen.push_back(fmt::format("{} {}", key.name.name, limit == LimitKind::kTotal ? "total" : "namespace"));
  }
  return chosen;
}

TEST(FinishedIndexTest, CountsCommandsAndBytes) {
  FinishedIndex index;
  index.Put(Entry("a", "one", 3, 10));
  index.Put(Entry("a", "two", 2, 20));
  index.Put(Entry("a", "two", 2, 25));
  EXPECT_EQ(index.count(), 2u);
  EXPECT_EQ(index.total_bytes(), 35);
  index.Remove({{"a", "one"}, "uid-of-one"});
  index.Remove({{"a", "one"}, "uid-of-one"});
  EXPECT_EQ(index.total_bytes(), 25);
  index.Replace({Entry("b", "three", 1, 7)});
  EXPECT_EQ(index.total_bytes(), 7);
}

TEST(FinishedIndexTest, WithinTheLimitsNothingMustGo) {
  FinishedIndex index;
  index.Put(Entry("a", "one", 3, 100));
  index.Put(Entry("b", "two", 2, 100));
  EXPECT_FALSE(index.Exceeds({.namespace_bytes = 100, .total_bytes = 200}));
  EXPECT_THAT(Chosen(index, {.namespace_bytes = 100, .total_bytes = 200}), IsEmpty());
}

TEST(FinishedIndexTest, OfANamespaceThatExceedsItsLimitTheOldestGo) {
  FinishedIndex index;
  index.Put(Entry("a", "newest", 1, 40));
  index.Put(Entry("a", "oldest", 3, 40));
  index.Put(Entry("a", "middle", 2, 40));
  index.Put(Entry("b", "of-another", 9, 40));
  EXPECT_TRUE(index.Exceeds({.namespace_bytes = 100, .total_bytes = 1'000}));
  EXPECT_THAT(Chosen(index, {.namespace_bytes = 100, .total_bytes = 1'000}), ElementsAre("oldest namespace"));
}

TEST(FinishedIndexTest, OfAllThatExceedTheTotalTheOldestGo) {
  FinishedIndex index;
  index.Put(Entry("a", "one", 3, 40));
  index.Put(Entry("b", "two", 4, 40));
  index.Put(Entry("c", "three", 1, 40));
  EXPECT_THAT(Chosen(index, {.namespace_bytes = 100, .total_bytes = 100}), ElementsAre("two total"));
}

TEST(FinishedIndexTest, ATenthBecomesFree) {
  FinishedIndex index;
  for (int i = 0; i < 101; ++i) index.Put(Entry("a", fmt::format("{:03}", i), 500 - i, 1));
  const auto chosen = Chosen(index, {.namespace_bytes = 1'000, .total_bytes = 100});
  EXPECT_EQ(chosen.size(), 11u);
  EXPECT_EQ(chosen.front(), "000 total");
  EXPECT_EQ(chosen.back(), "010 total");
}

TEST(FinishedIndexTest, WhatANamespaceGivesUpCountsForTheTotalToo) {
  FinishedIndex index;
  index.Put(Entry("a", "large", 1, 100));
  index.Put(Entry("b", "old", 9, 50));
  EXPECT_THAT(Chosen(index, {.namespace_bytes = 90, .total_bytes = 140}), ElementsAre("large namespace"));
}

}  // namespace
}  // namespace fumehood::controller
