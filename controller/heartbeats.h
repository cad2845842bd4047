#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "lib/api/sandbox_executor.h"
#include "lib/base/time.h"

namespace fumehood::controller {

// Which executors have shown a sign of life lately. Judged by when *we* saw a heartbeat change, on our own clock: their
// clocks may be wrong. Safe to call from several threads.
class Heartbeats {
 public:
  // Four heartbeats of ten seconds each.
  static constexpr std::chrono::seconds kLifetime{40};

  // True when the executor was not alive before.
  bool Observe(const api::SandboxExecutor& executor, SteadyTime now);
  void Remove(const std::string& node_name);
  // While we could not watch, nobody could be seen to live: everyone known begins anew.
  void RestartTimers(SteadyTime now);
  bool IsAlive(const std::string& node_name, SteadyTime now) const;

 private:
  struct Seen {
    std::optional<WallTime> heartbeat_time;  // the executor's own
    SteadyTime changed;                      // when we saw it change
  };
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Seen> seen_;
};

}  // namespace fumehood::controller
