#include "lib/kube/event_recorder.h"

#include <gtest/gtest.h>

#include <future>
#include <string>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"

namespace fumehood::kube {
namespace {

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

}  // namespace
}  // namespace fumehood::kube
