#include "executor/patches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "executor/finished_status.h"
#include "executor/outcome.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {
namespace {

using nlohmann::json;

constexpr WallTime kNow{std::chrono::days(20'000)};
const HandBack kNoSpace{"Rejected", "no space left"};

json BoundObject() {
  json object = api::AsBound(api::AsHandedBack(api::SampleCommand()), "node-1", 2);
  object["status"]["executor"] = {{"podName", "executor"}, {"podUID", "pod-uid"}};
  object["status"]["resources"] = {{"cpu", "1"}, {"memory", "512Mi"}, {"pids", 256}, {"scratch", "256Mi"}};
  return object;
}

json FinishedPatch(const json& object) {
  const auto command = api::Read(object);
  sandbox::RunResult result;
  result.ending = sandbox::Exited{3};
  result.stdout_output = {"out", "", 3};
  return ResultPatch(KeyOf(command), FinishedStatus(MakeOutcome(command, result, {"runsc", kNow, kNow}), 100));
}

// Whether the object takes the patch.
bool Fits(const json& object, const json& patch) {
  try {
    object.patch(patch);
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

// What all patches of an executor have in common.
void ExpectFenced(const json& patch) {
  EXPECT_EQ(patch.at(0), (json{{"op", "test"}, {"path", "/metadata/uid"}, {"value", "uid-of-build"}}));
  EXPECT_EQ(patch.at(1), (json{{"op", "test"}, {"path", "/status/attempt"}, {"value", 2}}));
  for (size_t i = 2; i < patch.size(); ++i) {
    if (patch[i].at("op") == "test") continue;
    const std::string path = patch[i].at("path");
    EXPECT_THAT(path, testing::StartsWith("/status/"));
    EXPECT_THAT(path, testing::Not(testing::AnyOf(
                          testing::StartsWith("/status/nodeName"), testing::StartsWith("/status/executor"),
                          testing::StartsWith("/status/attempt"), testing::StartsWith("/status/retries"),
                          testing::StartsWith("/status/resources"), testing::StartsWith("/status/queuedTime"))));
  }
  EXPECT_TRUE(Fits(BoundObject(), patch));
  json successor = BoundObject();
  successor["metadata"]["uid"] = "another";
  EXPECT_FALSE(Fits(successor, patch));
  json rebound = BoundObject();
  rebound["status"]["attempt"] = 3;
  EXPECT_FALSE(Fits(rebound, patch));
}

TEST(PatchesTest, EachIsFencedByUidAndAttempt) {
  const auto command = api::Read(BoundObject());
  ExpectFenced(RunningPatch(KeyOf(command), kNow));
  ExpectFenced(FinishedPatch(BoundObject()));
  ExpectFenced(HandBackPatch(command, kNoSpace, kNow));
}

TEST(PatchesTest, RunningSaysSinceWhen) {
  const json patched = BoundObject().patch(RunningPatch(KeyOf(api::Read(BoundObject())), kNow));
  EXPECT_EQ(patched.at("status").at("phase"), "Running");
  EXPECT_EQ(patched.at("status").at("startTime"), FormatMicroTime(kNow));
}

TEST(PatchesTest, RunningIsRefusedWhenTheResultIsThere) {
  const json finished = BoundObject().patch(FinishedPatch(BoundObject()));
  EXPECT_FALSE(Fits(finished, RunningPatch(KeyOf(api::Read(BoundObject())), kNow)));
}

TEST(PatchesTest, AResultIsTheWholeStatusOfTheFinishedCommand) {
  const auto finished = api::Read(BoundObject().patch(FinishedPatch(BoundObject())));
  EXPECT_EQ(finished.status.phase, api::Phase::kFailed);
  EXPECT_EQ(finished.status.node_name, "node-1");
  EXPECT_EQ(finished.status.attempt, 2);
  ASSERT_TRUE(finished.status.result);
  EXPECT_EQ(finished.status.result->exit_code, 3);
  EXPECT_EQ(finished.status.result->stdout_text, "out");
  EXPECT_TRUE(finished.IsFinished());
  EXPECT_TRUE(api::FindCondition(finished.status.conditions, "Scheduled"));
  EXPECT_TRUE(api::FindCondition(finished.status.conditions, "Succeeded"));
}

TEST(PatchesTest, AResultTakesThePlaceOfWhatWasMentionedWhileRunning) {
  const json running = BoundObject().patch(RunningPatch(KeyOf(api::Read(BoundObject())), kNow));
  EXPECT_TRUE(Fits(running, FinishedPatch(BoundObject())));
}

TEST(PatchesTest, HandingBackSaysWhy) {
  const json patched = BoundObject().patch(HandBackPatch(api::Read(BoundObject()), kNoSpace, kNow));
  const auto command = api::Read(patched);
  EXPECT_EQ(command.status.phase, api::Phase::kPending);
  EXPECT_FALSE(command.IsBound());
  EXPECT_EQ(command.status.node_name, "node-1");
  EXPECT_EQ(command.status.attempt, 2);
  const auto* scheduled = api::FindCondition(command.status.conditions, "Scheduled");
  ASSERT_NE(scheduled, nullptr);
  EXPECT_EQ(scheduled->status, api::ConditionStatus::kFalse);
  EXPECT_EQ(scheduled->reason, "Rejected");
  EXPECT_EQ(scheduled->message, "no space left");
}

TEST(PatchesTest, HandingBackIsRefusedWhenSomebodyElseWasFaster) {
  const json handed_back = BoundObject().patch(HandBackPatch(api::Read(BoundObject()), kNoSpace, kNow));
  EXPECT_FALSE(Fits(handed_back, HandBackPatch(api::Read(BoundObject()), kNoSpace, kNow)));
}

TEST(PatchesTest, HandingBackWorksWithAnyMessage) {
  const HandBack why{"Rejected", "runsc said \xff" + std::string(100'000, 'x')};
  const json patch = HandBackPatch(api::Read(BoundObject()), why, kNow);
  EXPECT_NO_THROW(patch.dump());
  EXPECT_LT(patch.dump().size(), 40'000u);
}

}  // namespace
}  // namespace fumehood::executor
