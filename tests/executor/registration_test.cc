#include "executor/registration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "executor/resources.h"
#include "lib/api/sandbox_executor.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {
namespace {

using api::ConditionStatus;
using std::chrono::seconds;
using testing::ElementsAre;

constexpr WallTime kSince{std::chrono::days(20'000)};
constexpr WallTime kNow = kSince + seconds(30);

Offer SampleOffer() {
  return {.node_name = "node-1",
          .executor = {"executor-abc", "pod-uid"},
          .since = kSince,
          .slots = 4,
          .images = {"default", "go"},
          .handler = "runsc",
          .runtime = {"runsc", "release-20260901.0", "systrap"}};
}

TEST(ExecutorStatusTest, SaysWhatIsOffered) {
  const auto status = ExecutorStatus(SampleOffer(), Availability::kServing, kNow);
  EXPECT_EQ(status.executor.pod_name, "executor-abc");
  EXPECT_EQ(status.executor.pod_uid, "pod-uid");
  EXPECT_EQ(status.slots, 4);
  EXPECT_THAT(status.images, ElementsAre("default", "go"));
  EXPECT_THAT(status.handlers, ElementsAre("runsc"));
  EXPECT_EQ(status.runtime.version, "release-20260901.0");
  EXPECT_EQ(status.heartbeat_time, kNow);
}

TEST(ExecutorStatusTest, IsReadySinceItCameToBe) {
  const auto status = ExecutorStatus(SampleOffer(), Availability::kServing, kNow);
  ASSERT_EQ(status.conditions.size(), 1u);
  EXPECT_EQ(status.conditions[0].type, "Ready");
  EXPECT_EQ(status.conditions[0].status, ConditionStatus::kTrue);
  EXPECT_EQ(status.conditions[0].reason, "Serving");
  EXPECT_EQ(status.conditions[0].last_transition_time, kSince);
}

TEST(ExecutorStatusTest, WithoutAnImageItIsNotReady) {
  Offer offer = SampleOffer();
  offer.images.clear();
  const auto status = ExecutorStatus(offer, Availability::kServing, kNow);
  EXPECT_EQ(status.conditions.at(0).status, ConditionStatus::kFalse);
  EXPECT_EQ(status.conditions.at(0).reason, "NoUsableImage");
}

TEST(ExecutorStatusTest, WhoIsStoppingIsNotReadyAnyMore) {
  const auto status = ExecutorStatus(SampleOffer(), Availability::kStopping, kNow);
  EXPECT_EQ(status.conditions.at(0).status, ConditionStatus::kFalse);
  EXPECT_EQ(status.conditions.at(0).reason, "Stopping");
  EXPECT_EQ(status.conditions.at(0).last_transition_time, kNow);
}

class RegisterTest : public testing::Test {
 protected:
  Status Register(Availability availability = Availability::kServing, WallTime now = kNow) {
    return executor::Register(client_, SampleOffer(), availability, now, {});
  }
  api::SandboxExecutor Stored() const {
    return api::ReadSandboxExecutor(server_.Find(kSandboxExecutors, {"", "node-1"}).value()).value();
  }

  kube::FakeApiServer server_;
  kube::Client client_{server_, "fumehood-executor"};
};

TEST_F(RegisterTest, MakesTheObjectWhereThereIsNone) {
  ASSERT_TRUE(Register());
  EXPECT_EQ(Stored().metadata.name, "node-1");
  EXPECT_EQ(Stored().status.slots, 4);
  EXPECT_EQ(Stored().status.heartbeat_time, kNow);
}

TEST_F(RegisterTest, RefreshesTheOneThatIsThere) {
  ASSERT_TRUE(Register());
  const std::string uid = Stored().metadata.uid;
  ASSERT_TRUE(Register(Availability::kServing, kNow + seconds(10)));
  EXPECT_EQ(Stored().metadata.uid, uid);
  EXPECT_EQ(Stored().status.heartbeat_time, kNow + seconds(10));
}

TEST_F(RegisterTest, TakesThePlaceOfAPredecessorOnTheSameNode) {
  server_.Put(kSandboxExecutors, api::SampleExecutor("node-1", 9));
  ASSERT_TRUE(Register());
  EXPECT_EQ(Stored().status.executor.pod_uid, "pod-uid");
  EXPECT_EQ(Stored().status.slots, 4);
  EXPECT_THAT(Stored().status.images, ElementsAre("default", "go"));
}

TEST_F(RegisterTest, OneThatIsMadeMeanwhileWillDo) {
  server_.RefuseNext(1, 404);
  server_.Put(kSandboxExecutors, api::SampleExecutor("node-1", 9));
  ASSERT_TRUE(Register());
  EXPECT_EQ(Stored().status.slots, 4);
}

TEST_F(RegisterTest, SaysThatItIsStopping) {
  ASSERT_TRUE(Register());
  ASSERT_TRUE(Register(Availability::kStopping));
  EXPECT_EQ(Stored().status.conditions.at(0).reason, "Stopping");
}

TEST_F(RegisterTest, AServerThatRefusesIsAnError) {
  server_.RefuseNext(1, 403);
  EXPECT_EQ(Register().error().code, ErrorCode::kForbidden);
  EXPECT_FALSE(server_.Find(kSandboxExecutors, {"", "node-1"}));
}

}  // namespace
}  // namespace fumehood::executor
