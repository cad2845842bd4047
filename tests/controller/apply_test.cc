#include "controller/apply.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controller/resources.h"
#include "lib/api/names.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::controller {
namespace {

using api::ConditionStatus;
using nlohmann::json;

const Bind kBind{"node-1", {"executor-on-node-1", "pod-uid-of-node-1"}, 0};
const Wait kWait{api::reason::kQueued, "every slot is taken", 0};
const End kEnd{api::Phase::kFailed, api::reason::kInvalidSpec, "spec.command is missing"};

class ApplyTest : public testing::Test {
 protected:
  api::SandboxCommand Put(const json& command) { return api::Read(server_.Put(kSandboxCommands, command)); }
  api::SandboxCommand Stored() const { return api::Read(server_.Find(kSandboxCommands, {"team-a", "build"}).value()); }
  Status Delete(const api::SandboxCommand& command) {
    return apply_.Delete(KeyOf(command), command.metadata.resource_version, {});
  }
  static const api::Condition& ConditionOf(const api::SandboxCommand& command, std::string_view type) {
    static const api::Condition kNone;
    const auto* found = api::FindCondition(command.status.conditions, type);
    EXPECT_NE(found, nullptr) << type;
    return found == nullptr ? kNone : *found;
  }

  FakeClock clock_;
  kube::FakeApiServer server_;
  kube::Client client_{server_, "fumehood-controller"};
  bool leads_ = true;
  kube::ConsistencyStore own_writes_;
  Apply apply_{{client_, clock_, own_writes_, [this] { return leads_; }}};
};

TEST_F(ApplyTest, BindingNamesTheExecutorAndRaisesTheAttempt) {
  const auto command = Put(api::AsHandedBack(api::SampleCommand(), 1));
  ASSERT_TRUE(apply_.Write(command, Bind{"node-2", {"executor-on-node-2", "pod-uid"}, 1}, {}));
  const auto bound = Stored();
  EXPECT_EQ(bound.status.phase, api::Phase::kScheduled);
  EXPECT_EQ(bound.status.node_name, "node-2");
  ASSERT_TRUE(bound.status.executor);
  EXPECT_EQ(bound.status.executor->pod_name, "executor-on-node-2");
  EXPECT_EQ(bound.status.executor->pod_uid, "pod-uid");
  EXPECT_EQ(bound.status.attempt, 2);
  const auto& scheduled = ConditionOf(bound, api::condition::kScheduled);
  EXPECT_EQ(scheduled.status, ConditionStatus::kTrue);
  EXPECT_EQ(scheduled.reason, "Bound");
  EXPECT_EQ(scheduled.last_transition_time, clock_.WallNow());
}

TEST_F(ApplyTest, WaitingSaysWhyAndSinceWhen) {
  ASSERT_TRUE(apply_.Write(Put(api::SampleCommand()), kWait, {}));
  const auto waiting = Stored();
  EXPECT_EQ(waiting.status.phase, api::Phase::kPending);
  EXPECT_EQ(waiting.status.queued_time, clock_.WallNow());
  EXPECT_EQ(waiting.status.attempt, 0);
  const auto& scheduled = ConditionOf(waiting, api::condition::kScheduled);
  EXPECT_EQ(scheduled.status, ConditionStatus::kFalse);
  EXPECT_EQ(scheduled.reason, "Queued");
  EXPECT_EQ(scheduled.message, "every slot is taken");
}

TEST_F(ApplyTest, ANewReasonKeepsTheTimes) {
  ASSERT_TRUE(apply_.Write(Put(api::SampleCommand()), kWait, {}));
  const WallTime first = clock_.WallNow();
  clock_.Advance(std::chrono::seconds(30));
  ASSERT_TRUE(apply_.Write(Stored(), Wait{api::reason::kNoExecutorAvailable, "no executor is ready", 0}, {}));
  const auto waiting = Stored();
  EXPECT_EQ(waiting.status.queued_time, first);
  const auto& scheduled = ConditionOf(waiting, api::condition::kScheduled);
  EXPECT_EQ(scheduled.reason, "NoExecutorAvailable");
  EXPECT_EQ(scheduled.last_transition_time, first);
}

TEST_F(ApplyTest, AChangedStatusOfAConditionHasANewTime) {
  ASSERT_TRUE(apply_.Write(Put(api::SampleCommand()), kWait, {}));
  clock_.Advance(std::chrono::seconds(30));
  ASSERT_TRUE(apply_.Write(Stored(), kBind, {}));
  EXPECT_EQ(ConditionOf(Stored(), api::condition::kScheduled).last_transition_time, clock_.WallNow());
}

TEST_F(ApplyTest, AnEndIsFinishedAndNotSucceededForTheSameReason) {
  ASSERT_TRUE(apply_.Write(Put(api::SampleCommand()), kEnd, {}));
  const auto ended = Stored();
  EXPECT_EQ(ended.status.phase, api::Phase::kFailed);
  EXPECT_EQ(ended.status.completion_time, clock_.WallNow());
  EXPECT_FALSE(ended.status.result);
  const auto& finished = ConditionOf(ended, api::condition::kFinished);
  EXPECT_EQ(finished.status, ConditionStatus::kTrue);
  EXPECT_EQ(finished.reason, "InvalidSpec");
  const auto& succeeded = ConditionOf(ended, api::condition::kSucceeded);
  EXPECT_EQ(succeeded.status, ConditionStatus::kFalse);
  EXPECT_EQ(succeeded.reason, "InvalidSpec");
  EXPECT_EQ(succeeded.message, "spec.command is missing");
  const auto& isolated = ConditionOf(ended, api::condition::kIsolated);
  EXPECT_EQ(isolated.status, ConditionStatus::kUnknown);
  EXPECT_EQ(isolated.reason, "NeverStarted");
}

TEST_F(ApplyTest, OtherConditionsAndFieldsStay) {
  ASSERT_TRUE(apply_.Write(Put(api::AsHandedBack(api::SampleCommand(), 3)), kEnd, {}));
  const auto ended = Stored();
  EXPECT_EQ(ended.status.node_name, "node-1");
  EXPECT_EQ(ended.status.attempt, 3);
  const auto& scheduled = ConditionOf(ended, api::condition::kScheduled);
  EXPECT_EQ(scheduled.reason, "Rejected");
  EXPECT_EQ(scheduled.message, "the disk is full");
  EXPECT_EQ(api::FindCondition(ended.status.conditions, api::condition::kIsolated), nullptr) << "nobody knows";
}

TEST_F(ApplyTest, AWriteFromAnOlderVersionIsAConflictAndChangesNothing) {
  const auto seen = Put(api::SampleCommand());
  const auto changed = Put(api::SampleCommand());
  EXPECT_EQ(apply_.Write(seen, kBind, {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(apply_.Write(seen, kWait, {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(apply_.Write(seen, kEnd, {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Delete(seen).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Stored().metadata.resource_version, changed.metadata.resource_version);
}

TEST_F(ApplyTest, ACommandThatIsGoneIsNotFound) {
  const auto seen = Put(api::SampleCommand());
  server_.Erase(kSandboxCommands, {"team-a", "build"});
  EXPECT_EQ(apply_.Write(seen, kBind, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Delete(seen).error().code, ErrorCode::kNotFound);
}

TEST_F(ApplyTest, DeletesTheVersionThatItHasSeen) {
  ASSERT_TRUE(Delete(Put(api::SampleCommand())));
  EXPECT_FALSE(server_.Find(kSandboxCommands, {"team-a", "build"}));
}

TEST_F(ApplyTest, WhoDoesNotLeadWritesNothing) {
  const auto seen = Put(api::SampleCommand());
  leads_ = false;
  EXPECT_EQ(apply_.Write(seen, kBind, {}).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(apply_.Write(seen, kWait, {}).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(apply_.Write(seen, kEnd, {}).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(Delete(seen).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(server_.request_count(), 0);
}

TEST_F(ApplyTest, RemembersWhatItWrote) {
  const auto seen = Put(api::SampleCommand());
  ASSERT_TRUE(apply_.Write(seen, kBind, {}));
  EXPECT_TRUE(own_writes_.IsBehind("uid-of-build", seen.metadata.resource_version));
  EXPECT_FALSE(own_writes_.IsBehind("uid-of-build", Stored().metadata.resource_version));
}

TEST_F(ApplyTest, AnAttemptThatCameToNothingLeavesNoStartBehind) {
  json running = api::AsBound(api::SampleCommand());
  running["status"]["phase"] = "Running";
  running["status"]["startTime"] = "2026-01-01T00:00:00.000000Z";
  ASSERT_TRUE(apply_.Write(Put(running), Bind{"node-2", {}, 1}, {}));
  EXPECT_FALSE(Stored().status.start_time);
  EXPECT_EQ(Stored().status.retries, 1);
  ASSERT_TRUE(apply_.Write(Put(running), kWait, {}));
  EXPECT_FALSE(Stored().status.start_time);
}

class ApplyRequestTest : public testing::Test {
 protected:
  ApplyRequestTest() { transport_.Script({.body = "{}"}); }

  kube::HttpRequest TheRequest() const {
    EXPECT_EQ(transport_.requests().size(), 1u);
    return transport_.requests().front();
  }

  FakeClock clock_;
  kube::FakeTransport transport_;
  kube::Client client_{transport_, "fumehood-controller"};
  kube::ConsistencyStore own_writes_;
  Apply apply_{{client_, clock_, own_writes_, [] { return true; }}};
};

TEST_F(ApplyRequestTest, ADeletionNamesVersionAndUid) {
  ASSERT_TRUE(apply_.Delete(KeyOf(api::Read(api::SampleCommand())), "1", {}));
  const json preconditions = {{"uid", "uid-of-build"}, {"resourceVersion", "1"}};
  EXPECT_EQ(json::parse(TheRequest().body).at("preconditions"), preconditions);
}

TEST_F(ApplyRequestTest, APatchOfTheStatusNamesVersionAndUid) {
  ASSERT_TRUE(apply_.Write(api::Read(api::SampleCommand()), kBind, {}));
  const kube::HttpRequest request = TheRequest();
  EXPECT_EQ(request.target.substr(0, request.target.find('?')),
            "/apis/fumehood.dev/v1alpha1/namespaces/team-a/sandboxcommands/build/status");
  EXPECT_EQ(request.content_type, "application/merge-patch+json");
  const json metadata = {{"uid", "uid-of-build"}, {"resourceVersion", "1"}};
  EXPECT_EQ(json::parse(request.body).at("metadata"), metadata);
}

TEST(AlreadySaysTest, ComparesReasonAndMessage) {
  auto command = api::Read(api::SampleCommand());
  EXPECT_FALSE(AlreadySays(command, kWait));
  SetCondition(command.status.conditions, {"Scheduled", ConditionStatus::kFalse, "Queued", "every slot is taken", {}});
  EXPECT_TRUE(AlreadySays(command, kWait));
  EXPECT_FALSE(AlreadySays(command, Wait{api::reason::kQueued, "another text", 0}));
  EXPECT_FALSE(AlreadySays(command, Wait{api::reason::kQueued, "every slot is taken", 1}));
  EXPECT_FALSE(AlreadySays(command, Wait{api::reason::kImageNotFound, "every slot is taken", 0}));
  SetCondition(command.status.conditions, {"Scheduled", ConditionStatus::kTrue, "Queued", "every slot is taken", {}});
  EXPECT_FALSE(AlreadySays(command, kWait));
}

}  // namespace
}  // namespace fumehood::controller
