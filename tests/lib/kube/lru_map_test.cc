#include "lib/kube/lru_map.h"

#include <gtest/gtest.h>

#include <string>

namespace fumehood::kube {
namespace {

TEST(LruMapTest, ForgetsWhatWasNotUsedForTheLongest) {
  LruMap<std::string, int> map(2);
  map.Put("a", 1);
  map.Put("b", 2);
  map.Put("c", 3);
  EXPECT_EQ(map.size(), 2U);
  EXPECT_EQ(map.Use("a"), nullptr);
  ASSERT_NE(map.Use("b"), nullptr);
  EXPECT_EQ(*map.Use("c"), 3);
}

TEST(LruMapTest, LookingSomethingUpIsAUse) {
  LruMap<std::string, int> map(2);
  map.Put("a", 1);
  map.Put("b", 2);
  map.Use("a");
  map.Put("c", 3);
  EXPECT_NE(map.Use("a"), nullptr);
  EXPECT_EQ(map.Use("b"), nullptr);
}

TEST(LruMapTest, ReplacesAValueInItsPlace) {
  LruMap<std::string, int> map(2);
  map.Put("a", 1);
  map.Put("b", 2);
  EXPECT_EQ(map.Put("a", 10), 10);
  map.Put("c", 3);
  ASSERT_NE(map.Use("a"), nullptr);
  EXPECT_EQ(*map.Use("a"), 10);
  EXPECT_EQ(map.Use("b"), nullptr);
}

}  // namespace
}  // namespace fumehood::kube
