#include "lib/kube/event_recorder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>

#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

EventRecord About(const std::string& object) {
  return {.regarding = {"fumehood.dev/v1alpha1", "SandboxCommand", "team-a", object, "uid-of-" + object},
          .reason = "ImageNotFound",
          .action = "Scheduling",
          .note = ""};
}

TEST(EventRecorderTest, WritesWhatTheEventsApiWants) {
  FakeTransport transport;
  transport.Script({.status = 500, .body = "{}"});
  Client client(transport, "test");
  const FakeClock clock;
  std::promise<void> written;
  {
    EventRecorder recorder(client, clock, "component", "pod-1", [&](const Error&) { written.set_value(); });
    recorder.Record({.regarding = {"fumehood.dev/v1alpha1", "SandboxCommand", "team-a", "unit", "uid-1"},
                     .type = EventType::kWarning,
                     .reason = "ImageNotFound",
                     .action = "Scheduling",
                     .note = std::string(1'023, 'x') + "é"});
    written.get_future().wait();
  }
  const auto requests = transport.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].target.find("/apis/events.k8s.io/v1/namespaces/team-a/events"), 0U) << requests[0].target;
  const Json event = Json::parse(requests[0].body);
  EXPECT_EQ(event["reason"], "ImageNotFound");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["action"], "Scheduling");
  EXPECT_EQ(event["reportingController"], "component");
  EXPECT_EQ(event["reportingInstance"], "pod-1");
  EXPECT_EQ(event["regarding"]["uid"], "uid-1");
  EXPECT_EQ(event["eventTime"], FormatMicroTime(clock.WallNow()));
  EXPECT_EQ(event["metadata"]["name"].get<std::string>().find("unit."), 0U);
  EXPECT_EQ(event["note"], std::string(1'023, 'x'));  // 1,024 bytes at most, and no half character
}

class EventRecorderServerTest : public testing::Test {
 protected:
  size_t Written() const { return server_.All(kEvents, "team-a").size(); }

  FakeApiServer server_;
  Client client_{server_, "test"};
  FakeClock clock_;
  std::atomic<int> problems_ = 0;
  EventRecorder recorder_{client_, clock_, "component", "pod-1", [this](const Error&) { ++problems_; }};
};

TEST_F(EventRecorderServerTest, WhatRepeatsIsOneEventWithASeries) {
  for (int i = 0; i < 3; ++i) recorder_.Record(About("unit"));
  ASSERT_TRUE(server_.WaitUntil([&] { return server_.request_count() == 3; }));
  ASSERT_EQ(Written(), 1U);
  const Json event = server_.All(kEvents, "team-a").front();
  EXPECT_EQ(event["series"]["count"], 3);
  EXPECT_EQ(event["series"]["lastObservedTime"], FormatMicroTime(clock_.WallNow()));
}

TEST_F(EventRecorderServerTest, AnEventThatWasDeletedIsWrittenAnew) {
  recorder_.Record(About("unit"));
  ASSERT_TRUE(server_.WaitUntil([&] { return Written() == 1; }));
  server_.Erase(kEvents, {"team-a", server_.All(kEvents, "team-a").front()["metadata"]["name"]});
  recorder_.Record(About("unit"));
  ASSERT_TRUE(server_.WaitUntil([&] { return Written() == 1; }));
  EXPECT_EQ(server_.All(kEvents, "team-a").front()["series"]["count"], 2);
  EXPECT_EQ(problems_, 0);
}

TEST_F(EventRecorderServerTest, WhatCannotBeWrittenNowHoldsNothingUpAndIsWrittenLater) {
  server_.RefuseNext(1, 503);
  recorder_.Record(About("first"));
  recorder_.Record(About("second"));
  ASSERT_TRUE(server_.WaitUntil([&] { return Written() == 1; }));
  EXPECT_EQ(server_.All(kEvents, "team-a").front()["regarding"]["name"], "second");
  clock_.Advance(12'500ms);
  EXPECT_TRUE(server_.WaitUntil([&] { return Written() == 2; }));
  EXPECT_EQ(problems_, 0);
}

TEST_F(EventRecorderServerTest, WhatTheServerRefusesIsReportedOnce) {
  server_.RefuseNext(1, 403);
  recorder_.Record(About("first"));
  recorder_.Record(About("second"));
  ASSERT_TRUE(server_.WaitUntil([&] { return Written() == 1; }));
  EXPECT_EQ(problems_, 1);
}

TEST_F(EventRecorderServerTest, DropsWhatTheQueueCannotHold) {
  std::promise<void> answer;
  std::promise<void> asked;
  server_.BeforeNextWrite([&] {
    asked.set_value();
    answer.get_future().wait();
  });
  recorder_.Record(About("under way"));
  asked.get_future().wait();
  for (int i = 0; i < 1'000; ++i) recorder_.Record(About("queued-" + std::to_string(i)));
  EXPECT_EQ(recorder_.dropped(), 0U);
  recorder_.Record(About("too many"));
  recorder_.Record(About("too many"));
  EXPECT_EQ(recorder_.dropped(), 2U);
  answer.set_value();
  EXPECT_TRUE(server_.WaitUntil([&] { return Written() == 1'001; }));
}

TEST(EventRecorderEndTest, ARetryThatIsDueLaterDoesNotHoldUpTheEnd) {
  FakeApiServer server;
  Client client(server, "test");
  const FakeClock clock;
  std::atomic<int> problems = 0;
  {
    EventRecorder recorder(client, clock, "component", "pod-1", [&](const Error&) { ++problems; });
    server.RefuseNext(1, 503);
    recorder.Record(About("unit"));
    ASSERT_TRUE(server.WaitUntil([&] { return server.request_count() == 1; }));
  }
  EXPECT_TRUE(server.All(kEvents, "team-a").empty());
  EXPECT_EQ(problems, 0);
}

}  // namespace
}  // namespace fumehood::kube
