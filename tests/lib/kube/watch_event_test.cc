#include "lib/kube/watch_event.h"

#include <gtest/gtest.h>

#include <string>

namespace fumehood::kube {
namespace {

TEST(WatchEventTest, ReadsEachType) {
  using Type = WatchEvent::Type;
  for (const auto& [text, want] : {std::pair{"ADDED", Type::kAdded},
                                   {"MODIFIED", Type::kModified},
                                   {"DELETED", Type::kDeleted},
                                   {"BOOKMARK", Type::kBookmark}}) {
    const auto event = ParseWatchEvent(std::string(R"({"type":")") + text +
                                       R"(","object":{"metadata":{"name":"a","resourceVersion":"7"}}})");
    ASSERT_TRUE(event) << text;
    EXPECT_EQ(event->type, want);
    EXPECT_EQ(ResourceVersionOf(event->object), "7");
  }
}

TEST(WatchEventTest, OnlyTheAnnotatedBookmarkEndsTheInitialEvents) {
  const auto end = ParseWatchEvent(
      R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7","annotations":{"k8s.io/initial-events-end":"true"}}}})");
  const auto other = ParseWatchEvent(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}})");
  ASSERT_TRUE(end && other);
  EXPECT_TRUE(EndsInitialEvents(*end));
  EXPECT_FALSE(EndsInitialEvents(*other));
}

TEST(WatchEventTest, AnErrorEventIsTheErrorThatItsStatusDescribes) {
  const auto gone = ParseWatchEvent(
      R"({"type":"ERROR","object":{"kind":"Status","status":"Failure","message":"too old resource version","reason":"Expired","code":410}})");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kGone);
  EXPECT_NE(gone.error().message.find("too old resource version"), std::string::npos);
}

TEST(WatchEventTest, WhatIsNotAnEventIsAnError) {
  for (const char* line : {"", "{", "[]", "null", "7", R"({"type":"ADDED"})", R"({"type":"ADDED","object":7})",
                           R"({"type":7,"object":{"metadata":{"resourceVersion":"1"}}})",
                           R"({"type":"RENAMED","object":{"metadata":{"resourceVersion":"1"}}})",
                           R"({"type":"ADDED","object":{}})", R"({"type":"ADDED","object":{"metadata":{}}})",
                           R"({"type":"ADDED","object":{"metadata":{"resourceVersion":1}}})"}) {
    const auto event = ParseWatchEvent(line);
    ASSERT_FALSE(event) << line;
    EXPECT_EQ(event.error().code, ErrorCode::kInternal) << line;
  }
}

TEST(WatchEventTest, DepthIsHarmless) {
  const std::string bomb = R"({"type":"ADDED","object":)" + std::string(200'000, '[');
  EXPECT_FALSE(ParseWatchEvent(bomb));
}

}  // namespace
}  // namespace fumehood::kube
