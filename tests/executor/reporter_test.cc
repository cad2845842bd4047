#include "executor/reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "executor/finished_status.h"
#include "executor/outcome.h"
#include "executor/resources.h"
#include "lib/service/metrics.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_disk.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr WallTime kNow{std::chrono::days(20'000)};

class ReporterTest : public testing::Test {
 protected:
  void SetUp() override { server_.Put(kSandboxCommands, api::AsBound(api::SampleCommand())); }

  // A result with 2,000 bytes of output.
  Outcome SampleOutcome() const {
    sandbox::RunResult result;
    result.ending = sandbox::Exited{0};
    result.stdout_output = {std::string(2'000, 'x'), "", 2'000};
    return MakeOutcome(command_, result, {"runsc", kNow, kNow});
  }
  size_t PatchSize(uint64_t max_output_bytes) const {
    return ResultPatch(key_, FinishedStatus(SampleOutcome(), max_output_bytes)).dump().size();
  }
  // One after the other as a thread would, without waiting.
  void DeliverAll(int most = 100) {
    for (int i = 0; i < most; ++i) {
      const auto key = reporter_.pending().TryGet();
      if (!key) return;
      const kube::Outcome outcome = reporter_.Deliver(*key, {});
      if (!std::holds_alternative<kube::Settled>(outcome)) reporter_.pending().Add(*key);
      reporter_.pending().Done(*key);
    }
  }
  void Report() {
    reporter_.Report(key_, SampleOutcome());
    DeliverAll();
  }
  void GiveBack() {
    reporter_.GiveBack(key_, {"Draining", "the executor ends"});
    DeliverAll();
  }
  bool NothingIsPending() { return reporter_.WaitUntilNothingIsPending(milliseconds(0), {}); }
  api::SandboxCommand Stored() const { return api::Read(server_.Find(kSandboxCommands, {"team-a", "build"}).value()); }
  void Change(const json& merge_patch) {
    json object = server_.Find(kSandboxCommands, {"team-a", "build"}).value();
    object.merge_patch(merge_patch);
    server_.Put(kSandboxCommands, std::move(object));
  }

  const api::SandboxCommand command_ = api::Read(api::AsBound(api::SampleCommand()));
  const AttemptKey key_ = KeyOf(command_);
  kube::FakeApiServer server_;
  kube::Client client_{server_, "fumehood-executor"};
  FakeClock clock_;
  service::Log log_{service::LogLevel::kError};
  FakeDisk disk_{1};
  std::unique_ptr<Ledger> ledger_ = Ledger::Open(disk_.Attach()).value();
  service::Metrics rendered_metrics_;
  ExecutorMetrics metrics_{rendered_metrics_, 1};
  Reporter reporter_{{client_, *ledger_, clock_, log_, metrics_}};
};

TEST_F(ReporterTest, AResultIsAcceptedWithOneWrite) {
  Report();
  EXPECT_EQ(server_.request_count(), 1);
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
  EXPECT_EQ(Stored().status.result->stdout_text.size(), 2'000u);
  EXPECT_TRUE(NothingIsPending());
}

TEST_F(ReporterTest, UntilThenItIsPending) {
  server_.RefuseNext(2, 503);
  reporter_.Report(key_, SampleOutcome());
  DeliverAll(1);
  EXPECT_FALSE(NothingIsPending());
  DeliverAll();
  EXPECT_TRUE(NothingIsPending());
}

TEST_F(ReporterTest, OfAnObjectThatIsGoneNobodyWantsTheResult) {
  server_.Erase(kSandboxCommands, {"team-a", "build"});
  Report();
  EXPECT_TRUE(NothingIsPending());
}

TEST_F(ReporterTest, ASuccessorOfTheSameNameDoesNotGetTheResult) {
  Change({{"metadata", {{"uid", "another"}}}});
  Report();
  EXPECT_TRUE(NothingIsPending());
  EXPECT_FALSE(Stored().IsFinished());
}

TEST_F(ReporterTest, AFinishedCommandKeepsTheResultThatItHas) {
  server_.Put(kSandboxCommands, api::AsFinished(api::AsBound(api::SampleCommand()), kNow - std::chrono::hours(1)));
  Report();
  EXPECT_TRUE(NothingIsPending());
  EXPECT_EQ(Stored().status.completion_time, kNow - std::chrono::hours(1));
}

TEST_F(ReporterTest, AnotherAttemptDoesNotGetTheResult) {
  Change({{"status", {{"attempt", 2}}}});
  Report();
  EXPECT_TRUE(NothingIsPending());
  EXPECT_FALSE(Stored().IsFinished());
}

TEST_F(ReporterTest, AResultThatIsTooLargeIsHalvedUntilItFits) {
  server_.LimitBodies(PatchSize(512));
  Report();
  const auto stored = Stored();
  EXPECT_TRUE(stored.status.result->stdout_truncated);
  EXPECT_EQ(stored.status.result->stdout_bytes, 2'000);
  EXPECT_GT(stored.status.result->stdout_text.size(), 512u);
  EXPECT_EQ(server_.request_count(), 6) << "16,384, 8,192 … 512; it isn't asked whether the result is wanted";
}

TEST_F(ReporterTest, AResultIsWrittenWithoutOutputRatherThanNotAtAll) {
  server_.LimitBodies(PatchSize(/*max_output_bytes=*/0));
  Report();
  EXPECT_EQ(Stored().status.result->stdout_text, "\n[fumehood: 2000 bytes omitted]\n");
}

TEST_F(ReporterTest, OfAnObjectThatTakesNoDetailsTheEndIsWritten) {
  server_.LimitBodies(ResultPatch(key_, BareStatus(SampleOutcome())).dump().size());
  ASSERT_LT(ResultPatch(key_, BareStatus(SampleOutcome())).dump().size(), PatchSize(0));
  Report();
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
  EXPECT_EQ(Stored().status.result->exit_code, 0);
  EXPECT_EQ(Stored().status.result->stdout_text, "");
}

TEST_F(ReporterTest, AnObjectThatTakesNothingIsTriedAgainLater) {
  server_.LimitBodies(10);
  reporter_.Report(key_, SampleOutcome());
  DeliverAll(50);
  EXPECT_FALSE(NothingIsPending());
  server_.LimitBodies(1 << 20);
  DeliverAll();
  EXPECT_TRUE(Stored().IsFinished());
}

TEST_F(ReporterTest, AServerThatIsAwayIsAskedAgain) {
  server_.RefuseNext(4, 503);
  Report();
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(ReporterTest, AnAnswerThatIsLostIsFoundInTheObject) {
  server_.RefuseNext(1, 504);
  const json finished = api::AsFinished(api::AsBound(api::SampleCommand()), kNow);
  server_.BeforeNextWrite([&] { server_.Put(kSandboxCommands, finished); });
  Report();
  EXPECT_TRUE(NothingIsPending());
  EXPECT_EQ(Stored().status.completion_time, kNow);
}

TEST_F(ReporterTest, HandingBackSaysWhyAndLeavesTheRestToTheController) {
  GiveBack();
  const auto stored = Stored();
  EXPECT_EQ(stored.status.phase, api::Phase::kPending);
  EXPECT_EQ(stored.status.attempt, 1);
  EXPECT_EQ(stored.status.node_name, "node-1");
  EXPECT_EQ(api::FindCondition(stored.status.conditions, "Scheduled")->reason, "Draining");
  EXPECT_TRUE(NothingIsPending());
}

TEST_F(ReporterTest, HandingBackIsRepeatedUntilItIsDone) {
  server_.RefuseNext(3, 503);
  GiveBack();
  EXPECT_EQ(Stored().status.phase, api::Phase::kPending);
}

TEST_F(ReporterTest, WhatWasHandedBackAlreadyStaysAsItIs) {
  server_.Put(kSandboxCommands, api::AsHandedBack(api::SampleCommand()));
  GiveBack();
  const auto stored = Stored();
  EXPECT_EQ(api::FindCondition(stored.status.conditions, "Scheduled")->reason, "Rejected");
  EXPECT_TRUE(NothingIsPending());
}

TEST_F(ReporterTest, AResultThatComesBeforeTheHandBackWins) {
  server_.BeforeNextWrite(
      [this] { server_.Put(kSandboxCommands, api::AsFinished(api::AsBound(api::SampleCommand()), kNow)); });
  GiveBack();
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
  EXPECT_TRUE(NothingIsPending());
}

TEST_F(ReporterTest, MentioningIsTriedOnce) {
  ASSERT_TRUE(reporter_.Mention(key_, kNow, {}));
  EXPECT_EQ(Stored().status.phase, api::Phase::kRunning);
  server_.RefuseNext(1, 503);
  EXPECT_EQ(reporter_.Mention(key_, kNow, {}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(server_.request_count(), 2);
}

TEST_F(ReporterTest, MentioningAfterTheResultIsRefused) {
  Report();
  EXPECT_EQ(reporter_.Mention(key_, kNow, {}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

}  // namespace
}  // namespace fumehood::executor
