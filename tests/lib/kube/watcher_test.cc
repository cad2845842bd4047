#include "lib/kube/watcher.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace fumehood::kube {
namespace {

using Mode = WatcherState::Mode;
using Type = WatchEvent::Type;
using std::chrono::milliseconds;

Json Object(const std::string& name, const std::string& version) {
  return {{"metadata", {{"name", name}, {"resourceVersion", version}}}};
}

Observed Event(Type type, const std::string& name, const std::string& version) {
  return {{type, Object(name, version)}};
}

Observed EndOfInitialEvents(const std::string& version) {
  Json object = Object("", version);
  object["metadata"]["annotations"]["k8s.io/initial-events-end"] = "true";
  return {{Type::kBookmark, std::move(object)}};
}

WatcherState Watching(const std::string& version) {
  return {.mode = Mode::kWatch, .resource_version = version, .initial = {}};
}

void ExpectWatch(const WatcherState& state, const std::string& version, bool send_initial_events) {
  const auto request = NextRequest(state);
  const auto* watch = std::get_if<WatchRequest>(&request);
  ASSERT_NE(watch, nullptr);
  EXPECT_EQ(watch->resource_version, version);
  EXPECT_EQ(watch->send_initial_events, send_initial_events);
}

void ExpectList(const WatcherState& state, const std::string& version) {
  const auto request = NextRequest(state);
  const auto* list = std::get_if<ListRequest>(&request);
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(list->resource_version, version);
}

TEST(WatcherTest, BeginsWithAStreamingListOfTheNewest) { ExpectWatch({}, "", true); }

TEST(WatcherTest, StreamingListIsHandedOverAsAWholeAndGoesOnAsAWatch) {
  WatcherStep step = Step({}, Event(Type::kAdded, "b", "9"));
  EXPECT_TRUE(std::holds_alternative<NoChange>(step.change));
  step = Step(std::move(step.state), Event(Type::kAdded, "a", "3"));
  step = Step(std::move(step.state), EndOfInitialEvents("12"));
  ASSERT_TRUE(std::holds_alternative<AllReplaced>(step.change));
  EXPECT_EQ(std::get<AllReplaced>(step.change).objects.size(), 2U);
  EXPECT_EQ(step.next, WatcherNext::kReadOn);
  EXPECT_EQ(step.state.mode, Mode::kWatch);
  EXPECT_TRUE(step.state.initial.empty());
  ExpectWatch(step.state, "12", false);
}

TEST(WatcherTest, InitialEventsAreNoPlaceToResumeFrom) {
  const WatcherStep step = Step({}, Event(Type::kAdded, "a", "9"));
  EXPECT_EQ(step.state.resource_version, "");
}

TEST(WatcherTest, OrdinaryBookmarkDoesNotEndTheInitialEvents) {
  const WatcherStep step = Step({}, Event(Type::kBookmark, "", "9"));
  EXPECT_TRUE(std::holds_alternative<NoChange>(step.change));
  EXPECT_EQ(step.state.mode, Mode::kStreamingList);
}

TEST(WatcherTest, MissingBookmarkFallsBackToAList) {
  const WatcherStep step = Step(Step({}, Event(Type::kAdded, "a", "9")).state, InitialEventsOverdue{});
  EXPECT_EQ(step.next, WatcherNext::kRequest);
  EXPECT_TRUE(step.state.initial.empty());
  ExpectList(step.state, "");
}

TEST(WatcherTest, StreamingListThatEndsEarlyFallsBackToAList) {
  const WatcherStep step = Step(Step({}, Event(Type::kAdded, "a", "9")).state, WatchEnded{milliseconds(60'000)});
  EXPECT_EQ(step.next, WatcherNext::kRequest);
  ExpectList(step.state, "");
}

TEST(WatcherTest, ServerWithoutStreamingListsIsListed) {
  const WatcherStep step = Step({}, RequestFailed{{ErrorCode::kInvalid, "sendInitialEvents is forbidden"}});
  ExpectList(step.state, "");
}

TEST(WatcherTest, ListIsHandedOverAndWatchedFromItsVersion) {
  const WatcherStep step =
      Step({.mode = Mode::kList, .resource_version = "", .initial = {}}, Listed{{{Object("a", "3")}, "8"}});
  ASSERT_TRUE(std::holds_alternative<AllReplaced>(step.change));
  EXPECT_EQ(std::get<AllReplaced>(step.change).objects.size(), 1U);
  EXPECT_EQ(step.next, WatcherNext::kRequest);
  ExpectWatch(step.state, "8", false);
}

TEST(WatcherTest, EventsChangeWhatIsKnownAndMoveTheVersion) {
  WatcherStep step = Step(Watching("5"), Event(Type::kAdded, "a", "6"));
  EXPECT_TRUE(std::holds_alternative<ObjectApplied>(step.change));
  step = Step(std::move(step.state), Event(Type::kModified, "a", "7"));
  EXPECT_TRUE(std::holds_alternative<ObjectApplied>(step.change));
  step = Step(std::move(step.state), Event(Type::kDeleted, "a", "8"));
  EXPECT_TRUE(std::holds_alternative<ObjectRemoved>(step.change));
  step = Step(std::move(step.state), Event(Type::kBookmark, "", "9"));
  EXPECT_TRUE(std::holds_alternative<NoChange>(step.change));
  ExpectWatch(step.state, "9", false);
}

TEST(WatcherTest, WatchThatEndsIsResumedWhereItStood) {
  const WatcherStep step =
      Step(Step(Watching("5"), Event(Type::kModified, "a", "6")).state, WatchEnded{milliseconds(10)});
  EXPECT_EQ(step.next, WatcherNext::kRequest);
  ExpectWatch(step.state, "6", false);
}

TEST(WatcherTest, WatchThatEndsAtOnceWithoutAnEventIsAFault) {
  EXPECT_EQ(Step(Watching("5"), WatchEnded{milliseconds(10)}).next, WatcherNext::kRequestAfterBackoff);
  EXPECT_EQ(Step(Watching("5"), WatchEnded{milliseconds(1'000)}).next, WatcherNext::kRequest);
}

TEST(WatcherTest, GoneListsAgainFirstNotOlderThanWhatWasSeen) {
  WatcherStep step = Step(Watching("5"), RequestFailed{{ErrorCode::kGone, "too old resource version"}});
  EXPECT_EQ(step.next, WatcherNext::kRequest);
  ExpectWatch(step.state, "5", true);
  // This server doesn't have that version (yet, or any more): whatever is newest is right.
  step = Step(std::move(step.state), RequestFailed{{ErrorCode::kGone, "too large resource version"}});
  ExpectList(step.state, "");
  step = Step(std::move(step.state), Listed{{{}, "2"}});
  ExpectWatch(step.state, "2", false);
}

TEST(WatcherTest, UnreachableServerIsAskedForTheSameAgain) {
  const WatcherStep step = Step(Watching("5"), RequestFailed{{ErrorCode::kUnavailable, "connection refused"}});
  EXPECT_EQ(step.next, WatcherNext::kRequestAfterBackoff);
  ExpectWatch(step.state, "5", false);
}

TEST(WatcherTest, StreamingListThatBreaksOffBeginsAnew) {
  const WatcherStep step =
      Step(Step({}, Event(Type::kAdded, "a", "9")).state, RequestFailed{{ErrorCode::kUnavailable, "reset"}});
  EXPECT_TRUE(step.state.initial.empty());
  ExpectWatch(step.state, "", true);
}

}  // namespace
}  // namespace fumehood::kube
