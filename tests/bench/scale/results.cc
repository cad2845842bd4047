#include "tests/bench/scale/results.h"

#include <fmt/format.h>

#include "executor/finished_status.h"
#include "executor/outcome.h"
#include "executor/patches.h"
#include "executor/resources.h"

namespace fumehood::bench {
namespace {

using std::chrono::microseconds;

// What as many real executors would have under way at once, where each command takes no time.
constexpr int kWriters = 16;

sandbox::RunResult ExitedWithZero() {
  sandbox::RunResult result;
  result.ending = sandbox::Exited{0};
  result.stdout_output = {.head = "a line of output\n", .tail = "", .total_bytes = 17};
  result.isolation = {
      .runtime = "runsc", .version = "simulated", .platform = "systrap", .network = "none", .repository = "ReadOnly"};
  result.usage = {.cpu = microseconds(4'000), .peak_memory_bytes = uint64_t{16} << 20};
  result.startup = microseconds(5'000);
  result.duration = microseconds(1'000);
  result.warm = true;
  return result;
}

}  // namespace

Results::Results(kube::Client& client) : client_(client), queue_(clock_) {
  writers_.emplace(queue_, kWriters, "result",
                   [this](const executor::AttemptKey& key, std::stop_token stop) { return Write(key, stop); });
}

void Results::Owe(const Command& command) {
  const auto key = executor::KeyOf(*command);
  std::lock_guard lock(mutex_);
  owed_[key] = command;
  if (!held_) queue_.Add(key);
}

void Results::Hold() {
  std::lock_guard lock(mutex_);
  held_ = true;
}

void Results::Release() {
  std::lock_guard lock(mutex_);
  held_ = false;
  for (const auto& [key, command] : owed_) queue_.Add(key);
}

kube::Outcome Results::Write(const executor::AttemptKey& key, std::stop_token stop) {
  Command command;
  {
    std::lock_guard lock(mutex_);
    const auto found = owed_.find(key);
    if (found == owed_.end()) return kube::Settled{};
    command = found->second;
  }
  const WallTime now = clock_.WallNow();
  const auto outcome = executor::MakeOutcome(*command, ExitedWithZero(),
                                             {.handler = "runsc", .start_time = now, .completion_time = now});
  const auto patch = executor::ResultPatch(key, executor::FinishedStatus(outcome, outcome.max_output_bytes));
  const auto written =
      client_.Patch(executor::kSandboxCommands, key.name, kube::PatchKind::kJson, patch, "status", stop);
  if (!written) {
    if (stop.stop_requested()) return kube::Settled{};
    ++refused_;
    fmt::print(stderr, "a result was refused: {}\n", written.error().message);
    return kube::TryAgain{};
  }
  std::lock_guard lock(mutex_);
  owed_.erase(key);
  return kube::Settled{};
}

}  // namespace fumehood::bench
