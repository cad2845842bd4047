#include "controller/heartbeats.h"

namespace fumehood::controller {

bool Heartbeats::Observe(const api::SandboxExecutor& executor, SteadyTime now) {
  std::lock_guard lock(mutex_);
  const auto [seen, is_new] = seen_.try_emplace(executor.metadata.name, Seen{executor.status.heartbeat_time, now});
  if (is_new) return true;
  if (seen->second.heartbeat_time == executor.status.heartbeat_time) return false;
  const bool was_alive = now - seen->second.changed < kLifetime;
  seen->second = {executor.status.heartbeat_time, now};
  return !was_alive;
}

void Heartbeats::Remove(const std::string& node_name) {
  std::lock_guard lock(mutex_);
  seen_.erase(node_name);
}

void Heartbeats::RestartTimers(SteadyTime now) {
  std::lock_guard lock(mutex_);
  for (auto& [node_name, seen] : seen_) seen.changed = now;
}

bool Heartbeats::IsAlive(const std::string& node_name, SteadyTime now) const {
  std::lock_guard lock(mutex_);
  const auto seen = seen_.find(node_name);
  return seen != seen_.end() && now - seen->second.changed < kLifetime;
}

}  // namespace fumehood::controller
