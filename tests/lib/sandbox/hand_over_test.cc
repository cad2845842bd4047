#include "lib/sandbox/hand_over.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace fumehood::sandbox {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

RunRequest Request() {
  RunRequest request;
  request.argv = {"true"};
  request.image = "default";
  request.repository_path = "shop";
  return request;
}

init::HandOver MustMake(const RunRequest& request) {
  return std::get<init::HandOver>(MakeHandOver(request, 1024).value());
}

TEST(HandOverTest, CommandIsAnotherUserThanTheInit) {
  const init::HandOver hand_over = MustMake(Request());
  EXPECT_EQ(hand_over.uid, 1000u);
  EXPECT_EQ(hand_over.gid, 1000u);
  EXPECT_EQ(hand_over.working_dir, "/workspace");
  EXPECT_EQ(hand_over.scratch_bytes, 1024u);
}

TEST(HandOverTest, MissingVariablesGetDefaults) {
  EXPECT_THAT(MustMake(Request()).env,
              UnorderedElementsAre("PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8"));
}

TEST(HandOverTest, OfVariablesWithTheSameNameTheLastCounts) {
  RunRequest request = Request();
  request.env = {"A=1", "PATH=/bin", "A=2", "B="};
  EXPECT_THAT(MustMake(request).env, UnorderedElementsAre("PATH=/bin", "HOME=/tmp", "LANG=C.UTF-8", "A=2", "B="));
}

TEST(HandOverTest, WorkingDirIsBelowTheRepository) {
  RunRequest request = Request();
  request.working_dir = "services/api";
  EXPECT_EQ(MustMake(request).working_dir, "/workspace/services/api");
}

TEST(HandOverTest, WorkingDirOutsideOfTheRepositoryIsNotStarted) {
  RunRequest request = Request();
  request.working_dir = "../etc";
  const auto made = MakeHandOver(request, 1024);
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(std::get<NotStarted>(*made).cause, NotStarted::Cause::kWorkingDirUnavailable);
}

TEST(HandOverTest, ArgumentsThatNoKernelTakesAreNotStarted) {
  RunRequest request = Request();
  request.argv.push_back(std::string(5'000'000, 'x'));
  const auto made = MakeHandOver(request, 1024);
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(std::get<NotStarted>(*made).cause, NotStarted::Cause::kArgumentsTooLong);
}

TEST(HandOverTest, TheLargestOneFitsIntoAMessage) {
  RunRequest request = Request();
  request.stdin_data.assign(256 * 1024, 'x');
  for (size_t size = 4'000'000; size < 4'200'000; size += 20'000) {
    request.argv.resize(1);
    request.argv.push_back(std::string(size, 'x'));
    const auto made = MakeHandOver(request, 1024);
    ASSERT_TRUE(made.has_value());
    if (const auto* hand_over = std::get_if<init::HandOver>(&*made)) {
      init::FrameBuffer frames(init::kMaxHandOverBody);
      frames.Append(init::Encode(*hand_over));
      ASSERT_TRUE(frames.Next().value().has_value()) << size;
    }
  }
}

TEST(HandOverTest, WhatCannotBeSaidIsInvalid) {
  const std::string with_nul("A=\0", 3);
  RunRequest requests[] = {Request(), Request(), Request(), Request(), Request()};
  requests[0].argv.clear();
  requests[1].argv.push_back(with_nul);
  requests[2].env = {with_nul};
  requests[3].env = {"NOVALUE"};
  requests[4].env = {"=x"};
  for (const RunRequest& request : requests) {
    const auto made = MakeHandOver(request, 1024);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, ErrorCode::kInvalid);
  }
}

TEST(HandOverTest, StdinBeyondItsLimitIsTooLarge) {
  RunRequest request = Request();
  request.stdin_data.assign(256 * 1024 + 1, 'x');
  EXPECT_EQ(MakeHandOver(request, 1024).error().code, ErrorCode::kTooLarge);
}

struct InterpretCase {
  const char* name;
  init::NotStarted report;
  NotStarted::Cause want;
  const char* want_in_message;
};

class InterpretTest : public testing::TestWithParam<InterpretCase> {};

TEST_P(InterpretTest, TellsTheCommandsOwnFault) {
  RunRequest request = Request();
  request.argv = {GetParam().report.path};
  request.working_dir = "sub";
  const Result<NotStarted> got = Interpret(GetParam().report, request);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->cause, GetParam().want);
  EXPECT_THAT(got->message, HasSubstr(GetParam().want_in_message));
}

using enum NotStarted::Cause;
INSTANTIATE_TEST_SUITE_P(
    All, InterpretTest,
    testing::Values(
        InterpretCase{"NotInPath", {init::Stage::kExec, ENOENT, "nope"}, kCommandNotFound, "PATH of image"},
        InterpretCase{"NoSuchFile", {init::Stage::kExec, ENOENT, "/x"}, kCommandNotFound, "interpreter"},
        InterpretCase{"NotADirectory", {init::Stage::kExec, ENOTDIR, "/x/y"}, kCommandNotFound, "no such file"},
        InterpretCase{"Permission", {init::Stage::kExec, EACCES, "/x"}, kCommandNotExecutable, "ermission"},
        InterpretCase{"Format", {init::Stage::kExec, ENOEXEC, "/x"}, kCommandNotExecutable, "#!"},
        InterpretCase{"Arguments", {init::Stage::kExec, E2BIG, "/x"}, kArgumentsTooLong, "longer"},
        InterpretCase{
            "WorkingDir", {init::Stage::kWorkingDir, ENOENT, "/workspace/sub"}, kWorkingDirUnavailable, "\"sub\""}),
    [](const auto& row) { return row.param.name; });

TEST(HandOverTest, TheSandboxesFaultIsAnError) {
  for (const init::Stage stage : {init::Stage::kHandOver, init::Stage::kWorkspace, init::Stage::kScratch,
                                  init::Stage::kStdin, init::Stage::kFork, init::Stage::kIdentity}) {
    const Result<NotStarted> got = Interpret({stage, ENOMEM, "/tmp"}, Request());
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, ErrorCode::kUnavailable);
  }
}

}  // namespace
}  // namespace fumehood::sandbox
