#include "executor/reporter.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "executor/outcome.h"
#include "executor/patches.h"
#include "executor/resources.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {
namespace {

using nlohmann::json;
using Answer = Reporter::Answer;

constexpr WallTime kNow{std::chrono::days(20'000)};

class ReporterTest : public testing::Test {
 protected:
  void SetUp() override { server_.Put(kSandboxCommands, api::AsBound(api::SampleCommand())); }

  // A result with 2,000 bytes of output.
  json MakePatch(uint64_t max_output_bytes) const {
    sandbox::RunResult result;
    result.ending = sandbox::Exited{0};
    result.stdout_output = {std::string(2'000, 'x'), "", 2'000};
    return ResultPatch(command_, FinishedStatus(command_, result, {"runsc", kNow, kNow}, max_output_bytes));
  }
  size_t PatchSize(uint64_t max_output_bytes) const { return MakePatch(max_output_bytes).dump().size(); }
  Answer Report(std::stop_token stop = {}) {
    const auto make_patch = [this](uint64_t max_output_bytes) {
      offered_.push_back(max_output_bytes);
      return MakePatch(max_output_bytes);
    };
    return reporter_.Report(command_, make_patch, std::move(stop));
  }
  api::SandboxCommand Stored() const { return api::Read(server_.Find(kSandboxCommands, {"team-a", "build"}).value()); }
  void Change(const json& merge_patch) {
    json object = server_.Find(kSandboxCommands, {"team-a", "build"}).value();
    object.merge_patch(merge_patch);
    server_.Put(kSandboxCommands, std::move(object));
  }

  const api::SandboxCommand command_ = api::Read(api::AsBound(api::SampleCommand()));
  kube::FakeApiServer server_;
  kube::Client client_{server_, "fumehood-executor"};
  service::Log log_{service::LogLevel::kError};
  Reporter reporter_{client_, log_};
  std::vector<uint64_t> offered_;  // how much output each patch was to have at most
};

TEST_F(ReporterTest, AResultIsAcceptedWithOneWrite) {
  EXPECT_EQ(Report(), Answer::kAccepted);
  EXPECT_EQ(server_.request_count(), 1);
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
  EXPECT_EQ(Stored().status.result->stdout_text.size(), 2'000u);
  EXPECT_EQ(offered_, std::vector<uint64_t>{16'384});
}

TEST_F(ReporterTest, OfAnObjectThatIsGoneNobodyWantsTheResult) {
  server_.Erase(kSandboxCommands, {"team-a", "build"});
  EXPECT_EQ(Report(), Answer::kSuperseded);
}

TEST_F(ReporterTest, ASuccessorOfTheSameNameDoesNotGetTheResult) {
  Change({{"metadata", {{"uid", "another"}}}});
  EXPECT_EQ(Report(), Answer::kSuperseded);
  EXPECT_FALSE(Stored().IsFinished());
}

TEST_F(ReporterTest, AFinishedCommandKeepsTheResultThatItHas) {
  server_.Put(kSandboxCommands, api::AsFinished(api::AsBound(api::SampleCommand()), kNow - std::chrono::hours(1)));
  EXPECT_EQ(Report(), Answer::kSuperseded);
  EXPECT_EQ(Stored().status.completion_time, kNow - std::chrono::hours(1));
}

TEST_F(ReporterTest, AnotherAttemptDoesNotGetTheResult) {
  Change({{"status", {{"attempt", 2}}}});
  EXPECT_EQ(Report(), Answer::kSuperseded);
  EXPECT_FALSE(Stored().IsFinished());
}

TEST_F(ReporterTest, AResultThatIsTooLargeIsHalvedUntilItFits) {
  server_.LimitBodies(PatchSize(512));
  EXPECT_EQ(Report(), Answer::kAccepted);
  EXPECT_EQ(offered_, (std::vector<uint64_t>{16'384, 8'192, 4'096, 2'048, 1'024, 512}));
  const auto stored = Stored();
  EXPECT_TRUE(stored.status.result->stdout_truncated);
  EXPECT_EQ(stored.status.result->stdout_bytes, 2'000);
  EXPECT_EQ(server_.request_count(), 6) << "it isn't asked whether the result is wanted";
}

TEST_F(ReporterTest, AResultIsWrittenWithoutOutputRatherThanNotAtAll) {
  server_.LimitBodies(PatchSize(/*max_output_bytes=*/0));
  EXPECT_EQ(Report(), Answer::kAccepted);
  EXPECT_EQ(offered_.back(), 0u);
  EXPECT_EQ(Stored().status.result->stdout_text, "\n[fumehood: 2000 bytes omitted]\n");
}

TEST_F(ReporterTest, AServerThatIsAwayIsAskedAgain) {
  server_.RefuseNext(2, 503);
  EXPECT_EQ(Report(), Answer::kAccepted);
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

TEST_F(ReporterTest, AnAnswerThatIsLostIsFoundInTheObject) {
  server_.RefuseNext(1, 504);
  const json finished = api::AsFinished(api::AsBound(api::SampleCommand()), kNow);
  server_.BeforeNextWrite([&] { server_.Put(kSandboxCommands, finished); });
  EXPECT_EQ(Report(), Answer::kSuperseded);
}

TEST_F(ReporterTest, WhoeverIsToldToStopDoesNotWrite) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Report(stop.get_token()), Answer::kStopped);
  EXPECT_EQ(server_.request_count(), 0);
}

TEST_F(ReporterTest, ARequestToStopEndsTheWaiting) {
  server_.RefuseNext(1'000'000, 503);
  std::stop_source stop;
  Answer answer = Answer::kAccepted;
  {
    const std::jthread reporting([&] { answer = Report(stop.get_token()); });
    EXPECT_TRUE(server_.WaitUntil([this] { return server_.request_count() >= 4; }));
    stop.request_stop();
  }
  EXPECT_EQ(answer, Answer::kStopped);
  EXPECT_FALSE(Stored().IsFinished());
}

TEST_F(ReporterTest, MentioningIsTriedOnce) {
  ASSERT_TRUE(reporter_.Mention(command_, RunningPatch(command_, kNow), {}));
  EXPECT_EQ(Stored().status.phase, api::Phase::kRunning);
  server_.RefuseNext(1, 503);
  EXPECT_EQ(reporter_.Mention(command_, RunningPatch(command_, kNow), {}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(server_.request_count(), 2);
}

TEST_F(ReporterTest, MentioningAfterTheResultIsRefused) {
  ASSERT_EQ(Report(), Answer::kAccepted);
  EXPECT_EQ(reporter_.Mention(command_, RunningPatch(command_, kNow), {}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Stored().status.phase, api::Phase::kSucceeded);
}

}  // namespace
}  // namespace fumehood::executor
