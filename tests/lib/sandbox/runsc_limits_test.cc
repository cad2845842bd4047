// What a command may use, tried by programs that want more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <string>

#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr uint64_t kMiB = 1024 * 1024;

class RunscLimitsTest : public RunscTest {
 protected:
  RunRequest Hostile(std::vector<std::string> arguments, Limits limits) const {
    arguments.insert(arguments.begin(), "/bin/hostile");
    RunRequest request = Command(std::move(arguments));
    request.limits = limits;
    return request;
  }

  std::string OutputOfHostile(std::vector<std::string> arguments, Limits limits) {
    const RunResult result = Run(Hostile(std::move(arguments), limits));
    const auto* exited = std::get_if<Exited>(&result.ending);
    EXPECT_TRUE(exited != nullptr && exited->code == 0) << result.ending.index() << result.stderr_output.head;
    return result.stdout_output.head;
  }

  // Afterwards the runner is as good as new.
  void ExpectThatCommandsStillRun() { EXPECT_EQ(OutputOf("cat README"), "hello\n"); }
};

TEST_F(RunscLimitsTest, ResultSaysWhichLimitsHeld) {
  const Limits limits{.cpu_millicores = 1500, .memory_bytes = 256 * kMiB, .pids = 50, .scratch_bytes = 8 * kMiB};
  RunRequest request = Command({"true"});
  request.limits = limits;
  EXPECT_EQ(Run(request).isolation.limits, limits);
  EXPECT_EQ(Run(Command({"true"})).isolation.limits, Limits{.scratch_bytes = kDefaultScratchBytes});
}

TEST_F(RunscLimitsTest, ResultSaysWhatWasUsed) {
  const RunResult result = Run(Hostile({"memory-bomb", "100"}, {}));
  ASSERT_TRUE(result.usage.cpu && result.usage.peak_memory_bytes);
  EXPECT_GT(*result.usage.cpu, 0us);
  EXPECT_GT(*result.usage.peak_memory_bytes, 100 * kMiB);
  EXPECT_LT(*result.usage.peak_memory_bytes, 250 * kMiB);
}

TEST_F(RunscLimitsTest, WhatNeedsTooMuchMemoryIsKilledAsThat) {
  const RunResult result = Run(Hostile({"memory-bomb"}, {.memory_bytes = 128 * kMiB}));
  EXPECT_TRUE(std::holds_alternative<OutOfMemory>(result.ending)) << result.ending.index();
  EXPECT_EQ(result.stdout_output.head, "");
  EXPECT_LE(*result.usage.peak_memory_bytes, 128 * kMiB);
  ExpectThatCommandsStillRun();
}

TEST_F(RunscLimitsTest, WhatFitsIntoItsMemoryIsNotKilled) {
  EXPECT_EQ(OutputOfHostile({"memory-bomb", "64"}, {.memory_bytes = 128 * kMiB}), "survived\n");
}

TEST_F(RunscLimitsTest, SandboxStartsWithTheLeastMemory) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(OutputOfHostile({"memory-bomb", "8"}, {.memory_bytes = kMinMemoryBytes}), "survived\n");
  }
}

TEST_F(RunscLimitsTest, ScratchSpaceIsMemoryToo) {
  const RunResult result = Run(Hostile({"fill-tmp"}, {.memory_bytes = 128 * kMiB, .scratch_bytes = 1024 * kMiB}));
  EXPECT_TRUE(std::holds_alternative<OutOfMemory>(result.ending)) << result.ending.index();
}

TEST_F(RunscLimitsTest, GuestIsToldTheMemoryThatItHas) {
  RunRequest request = Shell("grep MemTotal /proc/meminfo");
  request.limits.memory_bytes = 192 * kMiB;
  EXPECT_EQ(Run(request).stdout_output.head, "MemTotal:         196608 kB\n");
  request.limits.memory_bytes = 300 * kMiB;
  EXPECT_EQ(Run(request).stdout_output.head, "MemTotal:         307200 kB\n");
}

TEST_F(RunscLimitsTest, MachinesOwnMemoryIsShownWhereThereIsNoLimit) {
  std::istringstream machine(ReadFile("/proc/meminfo"));
  std::istringstream guest(OutputOf("cat /proc/meminfo"));
  std::string name, machines, guests;
  machine >> name >> machines;
  guest >> name >> guests;
  EXPECT_EQ(guests, machines);
}

TEST_F(RunscLimitsTest, ScratchSpaceIsOfTheSizeThatWasAskedFor) {
  const Limits limits{.scratch_bytes = 16 * kMiB};
  EXPECT_EQ(OutputOfHostile({"fill-tmp"}, limits), "16 No space left on device\n");
  EXPECT_EQ(OutputOfHostile({"fill-shm"}, limits), "16 No space left on device\n");
}

// The command itself is one of them.
TEST_F(RunscLimitsTest, ProcessesBeyondTheLimitCannotBeMade) {
  EXPECT_EQ(OutputOfHostile({"count-children", "1000"}, {.pids = 40}), "39 Resource temporarily unavailable\n");
  EXPECT_EQ(OutputOfHostile({"count-children", "1000"}, {.pids = 1}), "0 Resource temporarily unavailable\n");
}

TEST_F(RunscLimitsTest, ThreadsAreCountedAsProcesses) {
  EXPECT_EQ(OutputOfHostile({"count-threads", "1000"}, {.pids = 40}), "39 Resource temporarily unavailable\n");
}

TEST_F(RunscLimitsTest, BackstopOfTheHostLeavesRoomForAllThatTheGuestMayHave) {
  const Limits limits{.pids = 300};
  EXPECT_EQ(OutputOfHostile({"count-children", "1000"}, limits), "299 Resource temporarily unavailable\n");
  EXPECT_EQ(OutputOfHostile({"count-threads", "1000"}, limits), "299 Resource temporarily unavailable\n");
}

TEST_F(RunscLimitsTest, ForkBombRunsIntoItsTimeLimit) {
  RunRequest request = Hostile({"fork-bomb"}, {.memory_bytes = 512 * kMiB, .pids = 250});
  request.timeout = 2s;
  const RunResult result = Run(request);
  EXPECT_TRUE(std::holds_alternative<TimedOut>(result.ending)) << result.ending.index();
  EXPECT_LT(result.duration, 10s);
  ExpectThatCommandsStillRun();
}

TEST_F(RunscLimitsTest, CpuTimeIsLimited) {
  const RunResult slow = Run(Hostile({"burn", "2"}, {.cpu_millicores = 200}));
  EXPECT_EQ(std::get<Signaled>(slow.ending).signal, SIGALRM);
  ASSERT_TRUE(slow.usage.cpu);
  // A fifth of two seconds; periods of 100 ms at both ends, and what the sandbox itself does.
  EXPECT_LT(*slow.usage.cpu, 900ms);
  EXPECT_GT(*slow.usage.cpu, 100ms);
}

struct Refusal {
  std::string name;
  Limits limits;
  ErrorCode code;
  std::string why;
};

TEST_F(RunscLimitsTest, LimitsThatCannotBeAreRefused) {
  const Refusal refusals[] = {
      {"memory", {.memory_bytes = kMinMemoryBytes - 1}, ErrorCode::kInvalid, "memory limit"},
      {"cpu", {.cpu_millicores = kMinCpuMillicores - 1}, ErrorCode::kInvalid, "CPU limit"},
      {"pids", {.pids = 0}, ErrorCode::kInvalid, "0 processes"},
      {"scratch", {.scratch_bytes = 0}, ErrorCode::kInvalid, "size of 0"},
  };
  for (const Refusal& refusal : refusals) {
    RunRequest request = Command({"true"});
    request.limits = refusal.limits;
    const auto result = runner().Run(request, {}, {});
    ASSERT_FALSE(result.has_value()) << refusal.name;
    EXPECT_EQ(result.error().code, refusal.code) << refusal.name;
    EXPECT_THAT(result.error().message, HasSubstr(refusal.why));
  }
}

TEST_F(RunscLimitsTest, WithoutCgroupsOnlyWhatNeedsThemIsRefused) {
  UseWithoutCgroups(Options());
  for (const Limits& limits : {Limits{.cpu_millicores = 100}, Limits{.memory_bytes = 128 * kMiB}}) {
    RunRequest request = Command({"true"});
    request.limits = limits;
    const auto result = runner().Run(request, {}, {});
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(result.error().message, HasSubstr("the reason of this test"));
  }
  const Limits limits{.pids = 20, .scratch_bytes = 4 * kMiB};
  const RunResult result = Run(Hostile({"count-children", "100"}, limits));
  EXPECT_EQ(result.stdout_output.head, "19 Resource temporarily unavailable\n");
  EXPECT_EQ(result.isolation.limits, limits);
  EXPECT_FALSE(result.usage.cpu || result.usage.peak_memory_bytes);
}

TEST_F(RunscLimitsTest, WithoutCgroupsWhatNeedsThemMayBeLeftOut) {
  RunscOptions options = Options();
  options.without_cgroups = WithoutCgroups::kLeaveOutLimits;
  UseWithoutCgroups(options);
  const RunResult result =
      Run(Hostile({"memory-bomb", "100"},
                  {.cpu_millicores = 100, .memory_bytes = kMinMemoryBytes, .pids = 20, .scratch_bytes = 4 * kMiB}));
  EXPECT_EQ(result.stdout_output.head, "survived\n");
  EXPECT_EQ(result.isolation.limits, (Limits{.pids = 20, .scratch_bytes = 4 * kMiB}));
}

TEST_F(RunscLimitsTest, SandboxThatWaitsForACommandGivesWayToThoseThatHaveOne) {
  const auto weights = [this] {
    const auto shares = SandboxCgroupsSay("cpu.shares");
    return shares.empty() ? SandboxCgroupsSay("cpu.weight") : shares;
  };
  const auto is_low = [](const std::string& weight) { return weight == "102\n" || weight == "10\n"; };
  RunscOptions options = Options();
  options.pool = {.minimum = 1, .maximum = 1};
  Use(options);
  ASSERT_TRUE(WaitUntil([this] { return runner().waiting_sandboxes() == 1; }));
  EXPECT_THAT(weights(), testing::ElementsAre(testing::Truly(is_low)));
  While("sleep 1000", [&] {
    ASSERT_TRUE(WaitUntil([this] { return runner().waiting_sandboxes() == 1; }));
    const auto both = weights();
    EXPECT_EQ(std::ranges::count_if(both, is_low), 1) << testing::PrintToString(both);
    EXPECT_TRUE(both.contains("1024\n") || both.contains("100\n")) << testing::PrintToString(both);
  });
}

TEST_F(RunscLimitsTest, AllOfTheSandboxIsInItsCgroup) {
  std::vector<std::string> outside;
  size_t inside = 0;
  While("sleep 1000", [&] {
    for (const ProcessSeen& process : ProcessesSeen()) {
      if (!process.command_line.starts_with("runsc-")) continue;
      const std::string cgroups = ReadFile("/proc/" + std::to_string(process.pid) + "/cgroup");
      if (cgroups.contains("/" + cgroups_name() + "/fumehood-")) {
        ++inside;
      } else {
        outside.push_back(process.command_line + cgroups);
      }
    }
  });
  EXPECT_GE(inside, 2u);  // the sandbox and its file server
  EXPECT_EQ(outside, std::vector<std::string>());
}

}  // namespace
}  // namespace fumehood::sandbox
