#include "lib/kube/consistency_store.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace fumehood::kube {
namespace {

struct Comparison {
  const char* name;
  const char* a;
  const char* b;
  std::optional<std::strong_ordering> want;
};

TEST(ResourceVersionTest, AreIntegersOfAnyLength) {
  for (const Comparison& row : {
           Comparison{"Equal", "7", "7", std::strong_ordering::equal},
           Comparison{"Less", "7", "8", std::strong_ordering::less},
           Comparison{"ShorterIsLess", "9", "10", std::strong_ordering::less},
           Comparison{"LongerIsGreater", "100", "99", std::strong_ordering::greater},
           Comparison{"BeyondAnyMachineWord", "123456789012345678901234567890", "123456789012345678901234567891",
                      std::strong_ordering::less},
           Comparison{"Zero", "0", "1", std::nullopt},
           Comparison{"LeadingZero", "7", "08", std::nullopt},
           Comparison{"Empty", "", "1", std::nullopt},
           Comparison{"Negative", "-1", "1", std::nullopt},
           Comparison{"Letters", "1", "1a", std::nullopt},
       }) {
    EXPECT_EQ(CompareResourceVersions(row.a, row.b), row.want) << row.name;
  }
}

TEST(ConsistencyStoreTest, WhatWasSeenBeforeOurWriteIsBehind) {
  ConsistencyStore store;
  store.WroteAt("u1", "10");
  EXPECT_TRUE(store.IsBehind("u1", "9"));
  EXPECT_FALSE(store.IsBehind("u1", "10"));
  EXPECT_FALSE(store.IsBehind("u1", "11"));
  EXPECT_TRUE(store.IsBehind("u1", "9"));  // a list from an old cache
  EXPECT_EQ(store.skips(), 2U);
}

TEST(ConsistencyStoreTest, KeepsTheNewestOfOurWrites) {
  ConsistencyStore store;
  store.WroteAt("u1", "10");
  store.WroteAt("u1", "9");
  EXPECT_TRUE(store.IsBehind("u1", "9"));
  store.WroteAt("u1", "12");
  EXPECT_TRUE(store.IsBehind("u1", "11"));
}

TEST(ConsistencyStoreTest, KnowsEachObjectByItself) {
  ConsistencyStore store;
  store.WroteAt("u1", "10");
  EXPECT_FALSE(store.IsBehind("u2", "1"));
}

TEST(ConsistencyStoreTest, WhatCannotBeComparedBlocksNothing) {
  ConsistencyStore store;
  store.WroteAt("u1", "v10");
  EXPECT_FALSE(store.IsBehind("u1", "1"));
  store.WroteAt("u1", "10");
  EXPECT_FALSE(store.IsBehind("u1", "v9"));
  EXPECT_FALSE(store.IsBehind("u1", ""));
  EXPECT_EQ(store.skips(), 0U);
}

TEST(ConsistencyStoreTest, ForgetsAnObject) {
  ConsistencyStore store;
  store.WroteAt("u1", "10");
  store.Forget("u1");
  EXPECT_FALSE(store.IsBehind("u1", "9"));
}

TEST(ConsistencyStoreTest, IsSharedByThreads) {
  ConsistencyStore store;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&store, uid = std::to_string(thread)] {
        for (int version = 1; version <= 500; ++version) {
          store.WroteAt(uid, std::to_string(version + 1));
          store.IsBehind(uid, std::to_string(version));
        }
      });
    }
  }
  EXPECT_EQ(store.skips(), 2'000U);
}

}  // namespace
}  // namespace fumehood::kube
