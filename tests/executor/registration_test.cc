#include "executor/registration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "executor/resources.h"
#include "lib/api/sandbox_executor.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {
namespace {

using api::ConditionStatus;
using std::chrono::seconds;
using testing::ElementsAre;

Offer SampleOffer() {
  return {.node_name = "node-1",
          .executor = {"executor-abc", "pod-uid"},
          .slots = 4,
          .handler = "runsc",
          .runtime = {"runsc", "release-20260901.0", "systrap"}};
}

ImageTrials::Standing SampleImages() { return {.usable = {"default", "go"}, .problem = {}}; }

Readiness Serving() { return ReadinessOf(SampleImages()); }

TEST(ReadinessTest, WithoutAnImageNothingIsServed) {
  EXPECT_TRUE(Serving().ready);
  EXPECT_FALSE(ReadinessOf({}).ready);
  EXPECT_EQ(ReadinessOf({}).reason, "NoUsableImage");
}

TEST(ReadinessTest, ASandboxThatDoesNotStartIsTold) {
  const Error error{ErrorCode::kInternal, "runsc ended with 128"};
  const Readiness readiness = ReadinessOf({.usable = {}, .problem = error});
  EXPECT_FALSE(readiness.ready);
  EXPECT_EQ(readiness.reason, "NoSandbox");
  EXPECT_THAT(readiness.message, testing::HasSubstr("runsc ended with 128"));
  EXPECT_TRUE(ReadinessOf({.usable = {"default"}, .problem = error}).ready);
}

class RegistrationTest : public testing::Test {
 protected:
  Status Refresh(const Readiness& readiness = Serving()) { return registration_.Refresh(readiness, {}); }
  api::SandboxExecutor Stored() const {
    return api::ReadSandboxExecutor(server_.Find(kSandboxExecutors, {"", "node-1"}).value()).value();
  }
  api::Condition Ready() const { return Stored().status.conditions.at(0); }

  FakeClock clock_;
  kube::FakeApiServer server_;
  kube::Client client_{server_, "fumehood-executor"};
  Registration registration_{client_, clock_, SampleOffer()};
};

TEST_F(RegistrationTest, SaysWhatMayBeUsedInAllWhereThatIsKnown) {
  ASSERT_TRUE(Refresh());
  EXPECT_EQ(Stored().status.allocatable, api::Allocatable());
  Offer offer = SampleOffer();
  offer.allocatable = {.cpu_millis = 8'000, .memory_bytes = int64_t{16} << 30};
  Registration successor(client_, clock_, offer);
  ASSERT_TRUE(successor.Refresh(Serving(), {}));
  EXPECT_EQ(Stored().status.allocatable, offer.allocatable);
  Registration without(client_, clock_, SampleOffer());
  ASSERT_TRUE(without.Refresh(Serving(), {}));
  EXPECT_EQ(Stored().status.allocatable, api::Allocatable());
}

TEST_F(RegistrationTest, SaysWhatIsOffered) {
  ASSERT_TRUE(Refresh());
  const auto status = Stored().status;
  EXPECT_EQ(Stored().metadata.name, "node-1");
  EXPECT_EQ(status.executor.pod_name, "executor-abc");
  EXPECT_EQ(status.executor.pod_uid, "pod-uid");
  EXPECT_EQ(status.slots, 4);
  EXPECT_THAT(status.images, ElementsAre("default", "go"));
  EXPECT_THAT(status.handlers, ElementsAre("runsc"));
  EXPECT_EQ(status.runtime.version, "release-20260901.0");
  EXPECT_EQ(Ready().status, ConditionStatus::kTrue);
  EXPECT_EQ(Ready().reason, "Serving");
}

TEST_F(RegistrationTest, WhatWasSaidIsNotRepeatedForAMinute) {
  ASSERT_TRUE(Refresh());
  const int requests = server_.request_count();
  clock_.Advance(seconds(59));
  ASSERT_TRUE(Refresh());
  EXPECT_EQ(server_.request_count(), requests);
  server_.Erase(kSandboxExecutors, {"", "node-1"});
  clock_.Advance(seconds(1));
  ASSERT_TRUE(Refresh());
  EXPECT_EQ(Stored().status.slots, 4) << "somebody had deleted it";
}

TEST_F(RegistrationTest, AChangeIsSaidAtOnceWithItsTime) {
  ASSERT_TRUE(Refresh());
  clock_.Advance(seconds(7));
  ASSERT_TRUE(Refresh(Draining(SampleImages())));
  EXPECT_EQ(Ready().status, ConditionStatus::kFalse);
  EXPECT_EQ(Ready().reason, "Draining");
  EXPECT_EQ(Ready().last_transition_time, clock_.WallNow());
}

TEST_F(RegistrationTest, ImagesThatChangeAreSaidAtOnce) {
  ASSERT_TRUE(Refresh());
  ASSERT_TRUE(Refresh(ReadinessOf({.usable = {"go"}, .problem = {}})));
  EXPECT_THAT(Stored().status.images, ElementsAre("go"));
}

TEST_F(RegistrationTest, AnotherReasonForTheSameIsNoTransition) {
  ASSERT_TRUE(Refresh(LedgerUnavailable({ErrorCode::kUnavailable, "no space left on device"}, SampleImages())));
  const WallTime since = Ready().last_transition_time;
  EXPECT_EQ(Ready().reason, "LedgerUnavailable");
  EXPECT_THAT(Ready().message, testing::HasSubstr("no space left on device"));
  clock_.Advance(seconds(7));
  ASSERT_TRUE(Refresh(Draining(SampleImages())));
  EXPECT_EQ(Ready().last_transition_time, since);
}

TEST_F(RegistrationTest, TakesThePlaceOfAPredecessorOnTheSameNode) {
  server_.Put(kSandboxExecutors, api::SampleExecutor("node-1", 9));
  ASSERT_TRUE(Refresh());
  EXPECT_EQ(Stored().status.executor.pod_uid, "pod-uid");
  EXPECT_EQ(Stored().status.slots, 4);
  EXPECT_THAT(Stored().status.images, ElementsAre("default", "go"));
}

TEST_F(RegistrationTest, OneThatIsMadeMeanwhileWillDo) {
  server_.RefuseNext(1, 404);
  server_.Put(kSandboxExecutors, api::SampleExecutor("node-1", 9));
  ASSERT_TRUE(Refresh());
  EXPECT_EQ(Stored().status.slots, 4);
}

TEST_F(RegistrationTest, AServerThatRefusesIsAnErrorAndAskedAgainNextTime) {
  server_.RefuseNext(1, 403);
  EXPECT_EQ(Refresh().error().code, ErrorCode::kForbidden);
  EXPECT_FALSE(server_.Find(kSandboxExecutors, {"", "node-1"}));
  ASSERT_TRUE(Refresh());
  EXPECT_EQ(Stored().status.slots, 4);
}

}  // namespace
}  // namespace fumehood::executor
