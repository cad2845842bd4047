#include "lib/sandbox/relative_path.h"

#include <gtest/gtest.h>

#include <string>

namespace fumehood::sandbox {
namespace {

TEST(RelativePathTest, CleanOnesPass) {
  for (const char* path : {"a", "shop", "team-a/shop", "a/b/c", "..a", "a..", ".git", "...", "with space", "\xff"}) {
    EXPECT_EQ(WhyNotCleanRelative(path), "") << path;
  }
}

TEST(RelativePathTest, OthersAreRefusedWithAReason) {
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("/etc"), std::string("."), std::string(".."), std::string("../a"),
        std::string("a/.."), std::string("a/../b"), std::string("./a"), std::string("a/./b"), std::string("a//b"),
        std::string("a/"), std::string("a\0b", 3), std::string(300, 'a'), std::string(5000, 'a')}) {
    EXPECT_NE(WhyNotCleanRelative(path), "") << path;
  }
}

}  // namespace
}  // namespace fumehood::sandbox
