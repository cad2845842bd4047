// What waits in the pool are real sandboxes.
#include <signal.h>

#include <atomic>
#include <thread>

#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

using namespace std::chrono_literals;

class WarmPoolTest : public RunscTest {
 protected:
  void UsePool(PoolOptions pool) {
    RunscOptions options = Options();
    options.pool = pool;
    options.on_pool_failure = [this](const Error&) { ++failures_; };
    Use(options);
  }

  bool WaitFor(size_t sandboxes) {
    return WaitUntil([&] { return runner().waiting_sandboxes() == sandboxes; });
  }

  // Of the sandboxes that run, waiting or not.
  static std::vector<pid_t> Sandboxes() {
    std::vector<pid_t> pids;
    for (const ProcessSeen& process : ProcessesSeen()) {
      if (process.command_line.contains("runsc-sandbox")) pids.push_back(process.pid);
    }
    return pids;
  }

  std::atomic<int> failures_ = 0;
};

TEST_F(WarmPoolTest, ACommandTakesASandboxThatWaits) {
  UsePool({.minimum = 1, .maximum = 1});
  ASSERT_TRUE(WaitFor(1));

  const RunResult result = Run(Shell("cat README; dmesg 2>/dev/null; exit 3"));

  EXPECT_TRUE(result.warm);
  EXPECT_EQ(std::get<Exited>(result.ending).code, 3);
  EXPECT_TRUE(result.stdout_output.head.starts_with("hello\n"));
}

TEST_F(WarmPoolTest, EachCommandHasAFreshSandbox) {
  UsePool({.minimum = 1, .maximum = 1});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(WaitFor(1));
    const RunResult result = Run(Shell("ls /tmp | wc -l; touch /tmp/mark"));
    EXPECT_TRUE(result.warm);
    EXPECT_EQ(result.stdout_output.head, "0\n");
  }
}

TEST_F(WarmPoolTest, WhereNoneWaitsACommandStartsItsOwn) {
  UsePool({.minimum = 0, .maximum = 1});
  EXPECT_FALSE(Run(Command({"true"})).warm);
  // It was missed, so the next one is expected.
  ASSERT_TRUE(WaitFor(1));
  EXPECT_TRUE(Run(Command({"true"})).warm);
}

TEST_F(WarmPoolTest, WhatWasTakenIsReplacedLater) {
  UsePool({.minimum = 1, .maximum = 1, .hold_back = 1h});
  ASSERT_TRUE(WaitFor(1));
  EXPECT_TRUE(Run(Command({"true"})).warm);

  // Until a start would have been over.
  EXPECT_FALSE(Run(Command({"true"})).warm);
  EXPECT_EQ(runner().waiting_sandboxes(), 0U);
}

TEST_F(WarmPoolTest, ABurstIsRememberedUpToTheMaximum) {
  UsePool({.minimum = 1, .maximum = 3});
  ASSERT_TRUE(WaitFor(1));
  std::vector<std::jthread> commands;
  for (int i = 0; i < 4; ++i) commands.emplace_back([this] { Run(Command({"true"})); });
  commands.clear();
  EXPECT_TRUE(WaitFor(3));
}

TEST_F(WarmPoolTest, OneThatDiedIsReplacedAndNoCommandNoticesIt) {
  UsePool({.minimum = 1, .maximum = 1});
  ASSERT_TRUE(WaitFor(1));
  for (const pid_t pid : Sandboxes()) kill(pid, SIGKILL);

  EXPECT_EQ(OutputOf("cat README"), "hello\n");
  ASSERT_TRUE(WaitFor(1));
  EXPECT_TRUE(Run(Command({"true"})).warm);
}

TEST_F(WarmPoolTest, MemoryMakesAKindOfItsOwn) {
  UsePool({.minimum = 1, .maximum = 2});
  ASSERT_TRUE(WaitFor(1));
  RunRequest small = Shell("awk '/MemTotal/ {print $2}' /proc/meminfo");
  small.limits.memory_bytes = uint64_t{128} * 1024 * 1024;
  EXPECT_FALSE(Run(small).warm);
  ASSERT_TRUE(WaitFor(2));

  const RunResult result = Run(small);

  EXPECT_TRUE(result.warm);
  EXPECT_EQ(result.stdout_output.head, "131072\n");
  EXPECT_TRUE(Run(Command({"true"})).warm);
}

TEST_F(WarmPoolTest, OldOnesAreReplaced) {
  UsePool({.minimum = 1, .maximum = 1, .max_age = 1s});
  ASSERT_TRUE(WaitFor(1));
  const auto before = Sandboxes();
  EXPECT_TRUE(WaitUntil([&] {
    const auto now = Sandboxes();
    return now.size() == 1 && now != before;
  }));
}

TEST_F(WarmPoolTest, WhatCantBeStartedIsTriedAgain) {
  // Until the mark is there, it starts nothing.
  const std::filesystem::path program = temp() / "runsc";
  const std::filesystem::path mark = temp() / "mark";
  WriteFile(program, fmt::format("#!/bin/sh\ncase \"$*\" in *\" run \"*) [ -e {} ] || exit 1;; esac\nexec {} \"$@\"\n",
                                 mark.string(), Options().runsc.string()));
  std::filesystem::permissions(program, std::filesystem::perms{0755});
  RunscOptions options = Options();
  options.runsc = program;
  options.pool = {.minimum = 0, .maximum = 1};
  options.on_pool_failure = [this](const Error&) { ++failures_; };
  Use(options);
  const auto missed = runner().Run(Command({"true"}), nullptr, {});
  EXPECT_FALSE(missed.has_value());
  ASSERT_TRUE(WaitUntil([this] { return failures_ > 0; }));
  EXPECT_EQ(runner().waiting_sandboxes(), 0U);

  WriteFile(mark, "");
  EXPECT_TRUE(WaitFor(1));
}

TEST_F(WarmPoolTest, ADrainThrowsAllAwayAndLetsNoneWait) {
  UsePool({.minimum = 2, .maximum = 2});
  ASSERT_TRUE(WaitFor(2));

  runner().DrainPool();

  EXPECT_TRUE(Sandboxes().empty());
  EXPECT_FALSE(Run(Command({"true"})).warm);
  EXPECT_EQ(runner().waiting_sandboxes(), 0U);
}

TEST_F(WarmPoolTest, WhatWaitsSeesNoRepository) {
  UsePool({.minimum = 2, .maximum = 2});
  ASSERT_TRUE(WaitFor(2));
  const RunResult result = Run(Shell("cat README"), [&] {
    // One runs with the repository, the other one waits without.
    const std::string mounts = ReadFile("/proc/self/mountinfo");
    size_t mounted = 0;
    for (size_t at = mounts.find("/late/repo "); at != std::string::npos; at = mounts.find("/late/repo ", at + 1))
      ++mounted;
    EXPECT_EQ(mounted, 1U);
  });
  EXPECT_TRUE(result.warm);
}

}  // namespace
}  // namespace fumehood::sandbox
