#include "tests/bench/scale/command_times.h"

#include <fmt/format.h>

#include "lib/api/condition.h"
#include "lib/api/names.h"
#include "lib/api/sandbox_command.h"

namespace fumehood::bench {
namespace {

std::optional<CommandTimes::Stage> StageOf(const api::SandboxCommand& command) {
  if (command.IsFinished()) return CommandTimes::Stage::kFinished;
  if (command.IsBound()) return CommandTimes::Stage::kBound;
  const auto* scheduled = api::FindCondition(command.status.conditions, api::condition::kScheduled);
  if (scheduled != nullptr && scheduled->status == api::ConditionStatus::kFalse) return CommandTimes::Stage::kWaiting;
  return std::nullopt;
}

}  // namespace

void CommandTimes::OnAsked(const std::string& name) {
  const SteadyTime now = SystemClock().SteadyNow();
  std::lock_guard lock(mutex_);
  commands_.try_emplace(name, Times{.asked = now});
}

void CommandTimes::Clear() {
  std::lock_guard lock(mutex_);
  commands_.clear();
  counts_.clear();
}

CommandTimes::Progress CommandTimes::Await(Stage stage, size_t count, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return counts_[stage] >= count; });
  return {counts_[stage], SystemClock().SteadyNow()};
}

std::vector<std::chrono::nanoseconds> CommandTimes::Latencies(Stage stage) const {
  std::lock_guard lock(mutex_);
  std::vector<std::chrono::nanoseconds> latencies;
  for (const auto& [name, times] : commands_) {
    const auto seen = times.seen.find(stage);
    if (seen != times.seen.end()) latencies.push_back(seen->second - times.asked);
  }
  return latencies;
}

void CommandTimes::Replace(const std::vector<kube::Json>& objects) {
  for (const kube::Json& object : objects) Apply(object);
}

void CommandTimes::Apply(const kube::Json& object) {
  const SteadyTime now = SystemClock().SteadyNow();
  const auto command = api::ReadSandboxCommand(object);
  if (!command) return OnProblem(command.error());
  const auto stage = StageOf(*command);
  if (!stage) return;
  std::lock_guard lock(mutex_);
  const auto known = commands_.find(command->metadata.name);
  if (known == commands_.end() || !known->second.seen.try_emplace(*stage, now).second) return;
  ++counts_[*stage];
  changed_.notify_all();
}

void CommandTimes::OnProblem(const Error& error) { fmt::print(stderr, "the observer's watch: {}\n", error.message); }

}  // namespace fumehood::bench
