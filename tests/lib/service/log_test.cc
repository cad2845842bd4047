#include "lib/service/log.h"

#include <gtest/gtest.h>

namespace fumehood::service {
namespace {

TEST(LogTest, DetailsFollowTheTextAsKeysAndValues) {
  EXPECT_EQ(FormatLogLine("command bound", {kv("command", "team-a/unit"), kv("attempt", 1)}),
            "command bound command=team-a/unit attempt=1");
}

TEST(LogTest, AValueCannotForgeALineOrAKey) {
  EXPECT_EQ(FormatLogLine("x", {kv("error", "a\nb c=d \"e\"\x1b[0m")}), "x error=\"a\\nb c=d \\\"e\\\"\\x1b[0m\"");
  EXPECT_EQ(FormatLogLine("x", {kv("empty", "")}), "x empty=\"\"");
}

TEST(LogTest, UnknownLevelSaysWhatIsAllowed) {
  EXPECT_TRUE(ParseLogLevel("debug"));
  const auto level = ParseLogLevel("loud");
  ASSERT_FALSE(level);
  EXPECT_NE(level.error().message.find("debug, info, warning or error"), std::string::npos);
}

}  // namespace
}  // namespace fumehood::service
