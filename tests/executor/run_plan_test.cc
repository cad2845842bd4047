#include "executor/run_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fumehood::executor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PlanRunTest, ACommandIsStartedAsItIs) {
  api::SandboxCommandSpec spec;
  spec.command = {"pytest", "-q", ""};
  EXPECT_THAT(PlanRun(spec, {}, "", {}).argv, ElementsAre("pytest", "-q", ""));
}

TEST(PlanRunTest, AShellCommandIsOneArgumentOfTheShell) {
  api::SandboxCommandSpec spec;
  spec.shell = "make && echo 'done'";
  EXPECT_THAT(PlanRun(spec, {}, "", {}).argv, ElementsAre("/bin/sh", "-c", "make && echo 'done'"));
}

TEST(PlanRunTest, EverythingElseIsTakenOver) {
  api::SandboxCommandSpec spec;
  spec.command = {"cat"};
  spec.repository.path = "shop/web";
  spec.working_dir = "src";
  spec.image = "go";
  spec.env = {{"A", "1"}, {"EMPTY", ""}, {"EQUALS", "a=b"}};
  spec.stdin_data = "input\n";
  spec.timeout = std::chrono::seconds(7);
  spec.max_output_bytes = 1'000;
  const auto request = PlanRun(spec, {}, "shop", {});
  EXPECT_EQ(request.repository_path, "shop/web");
  EXPECT_EQ(request.readable_path, "shop");
  EXPECT_EQ(request.working_dir, "src");
  EXPECT_EQ(request.image, "go");
  EXPECT_THAT(request.env, ElementsAre("A=1", "EMPTY=", "EQUALS=a=b"));
  EXPECT_EQ(request.stdin_data, "input\n");
  EXPECT_EQ(request.timeout, std::chrono::seconds(7));
  EXPECT_EQ(request.max_output_bytes, 1'000u);
}

TEST(PlanRunTest, LimitsAreThoseOfTheStatus) {
  const api::Resources resources{
      .cpu_millis = 1'500, .memory_bytes = int64_t{5} << 30, .pids = 32'768, .scratch_bytes = int64_t{6} << 30};
  EXPECT_EQ(PlanRun({}, resources, "", {}).limits, (sandbox::Limits{.cpu_millicores = 1'500,
                                                                    .memory_bytes = uint64_t{5} << 30,
                                                                    .pids = 32'768,
                                                                    .scratch_bytes = uint64_t{6} << 30}));
  EXPECT_EQ(PlanRun({}, std::nullopt, "", {}).limits, sandbox::Limits());
}

TEST(PlanRunTest, AccessIsThatOfTheSpec) {
  api::SandboxCommandSpec spec;
  EXPECT_EQ(PlanRun(spec, {}, "", {}).access, sandbox::RepositoryAccess::kReadOnly);
  spec.repository.access = api::RepositoryAccess::kEphemeral;
  EXPECT_EQ(PlanRun(spec, {}, "", {}).access, sandbox::RepositoryAccess::kEphemeral);
}

TEST(PlanRunTest, NothingIsInherited) { EXPECT_THAT(PlanRun({}, {}, "", {}).env, IsEmpty()); }

TEST(PlanRunTest, TheImagesVariablesAreThereUnlessTheCommandSetsThem) {
  api::SandboxCommandSpec spec;
  spec.env = {{"A", "own"}};
  EXPECT_THAT(PlanRun(spec, {}, "", {{"A", "image"}, {"B", "image"}}).env, ElementsAre("B=image", "A=own"));
}

}  // namespace
}  // namespace fumehood::executor
