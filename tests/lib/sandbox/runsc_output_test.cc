// Outputs that are larger, slower, or held longer than anybody would like.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>

#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMiB = 1024 * 1024;

class RunscOutputTest : public RunscTest {
 protected:
  RunRequest Hostile(std::string name, uint64_t number) const {
    return Command({"/bin/hostile", std::move(name), std::to_string(number)});
  }

  // What AddressSanitizer keeps for itself, of what was freed and beside each thread's stack, isn't ours.
#ifdef __SANITIZE_ADDRESS__
  static constexpr uint64_t kMostGrowth = 32 * kMiB;
#else
  static constexpr uint64_t kMostGrowth = 4 * kMiB;
#endif

  // Both outputs at once, so many MiB each. A small flood comes first, as the first command of a process takes memory
  // that has nothing to do with how much is written.
  void Flood(uint64_t mebibytes) {
    FloodOnce(1);
    ForgetPeak();
    const uint64_t before = PeakOfThisProcess();
    FloodOnce(mebibytes);
    EXPECT_LT(PeakOfThisProcess() - before, kMostGrowth);
  }

 private:
  void FloodOnce(uint64_t mebibytes) {
    RunRequest request = Hostile("flood", mebibytes);
    request.timeout = 600s;
    request.max_output_bytes = 100'000;
    const RunResult result = Run(request);
    EXPECT_EQ(std::get<Exited>(result.ending).code, 0);
    for (const CapturedOutput* output : {&result.stdout_output, &result.stderr_output}) {
      EXPECT_EQ(output->total_bytes, mebibytes * kMiB);
      EXPECT_EQ(output->head, std::string(50'000, 'x'));
      EXPECT_EQ(output->tail, std::string(50'000, 'x'));
    }
  }

  // What this process has had of memory since ForgetPeak.
  static uint64_t PeakOfThisProcess() {
    std::istringstream status(ReadFile("/proc/self/status"));
    uint64_t kibibytes = 0;
    for (std::string word; status >> word && word != "VmHWM:";) {
    }
    status >> kibibytes;
    return kibibytes * 1024;
  }
  static void ForgetPeak() {
    const UniqueFd file(open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(write(file.get(), "5", 1), 1);
  }
};

TEST_F(RunscOutputTest, FloodIsCountedAndTakesNoMemory) { Flood(256); }

// Ten seconds, so only on request.
TEST_F(RunscOutputTest, TenGibibytesAreCountedAndTakeNoMemory) {
  if (std::getenv("FUMEHOOD_TEST_FULL_SIZE") == nullptr) GTEST_SKIP() << "runs with FUMEHOOD_TEST_FULL_SIZE=1";
  Flood(5 * 1024);
}

TEST_F(RunscOutputTest, FloodWithoutEndIsEndedByTheTimeLimit) {
  RunRequest request = Hostile("flood", 0);
  request.timeout = 1s;
  const RunResult result = Run(request);
  EXPECT_TRUE(std::holds_alternative<TimedOut>(result.ending));
  EXPECT_LT(result.duration, 3s);
  EXPECT_GT(result.stdout_output.total_bytes, kMiB);
  EXPECT_GT(result.stderr_output.total_bytes, kMiB);
}

TEST_F(RunscOutputTest, ChildrenThatHoldThePipesDoNotDelayTheEnding) {
  const auto called = std::chrono::steady_clock::now();
  const RunResult result = Run(Hostile("leave-writers", 6));
  EXPECT_EQ(std::get<Exited>(result.ending).code, 7);
  EXPECT_LT(std::chrono::steady_clock::now() - called, 10s);
}

TEST_F(RunscOutputTest, ClosedOutputsAreNoEnding) {
  const RunResult result = Run(Hostile("close-outputs", 0));
  EXPECT_EQ(std::get<Exited>(result.ending).code, 9);
  EXPECT_GE(result.duration, 100ms);
}

TEST_F(RunscOutputTest, ReaderThatTakesNothingDoesNotDelayTheTimeLimit) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  uint64_t taken = 0;
  std::jthread late_reader;
  RunRequest request = Hostile("flood", 0);
  request.timeout = 500ms;
  request.stdout_to = writer.get();
  const RunResult result = Run(request, [&] {
    late_reader = std::jthread([&] {
      std::this_thread::sleep_for(2s);
      char buffer[65'536];
      for (ssize_t got; (got = read(reader.get(), buffer, sizeof buffer)) > 0;) taken += static_cast<uint64_t>(got);
    });
  });
  writer.Reset();
  late_reader.join();
  EXPECT_TRUE(std::holds_alternative<TimedOut>(result.ending));
  EXPECT_LT(result.duration, 1'500ms);
  EXPECT_EQ(taken, result.stdout_output.total_bytes);
}

}  // namespace
}  // namespace fumehood::sandbox
