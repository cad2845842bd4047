#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "lib/base/backoff.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/sandbox/pool_policy.h"
#include "lib/sandbox/sandbox.h"

namespace fumehood::sandbox {

// Sandboxes that were started before a command needs one. Each serves one command and is not put back. They are started
// by threads of the pool's own, as many as recent demand and the options want. Safe to use from several threads.
class WarmPool {
 public:
  using Starter = std::function<Result<std::unique_ptr<Sandbox>>(const PoolKind&)>;

  // `kinds`: those of which `minimum` always wait; others join for as long as they are in demand. `start` is called
  // from several threads at once and must outlive the pool's destructor; `clock` too. `on_failure` hears of each start
  // that failed: the pool tries again, later and later.
  WarmPool(PoolOptions options, std::vector<PoolKind> kinds, Starter start, const Clock& clock,
           std::function<void(const Error&)> on_failure);
  // Ends with every sandbox that waits.
  ~WarmPool();

  // A sandbox that has just been alive, or nothing: then the caller starts one itself. Doesn't wait.
  std::unique_ptr<Sandbox> Take(const PoolKind& kind);

  // Throws away what waits, and starts nothing more. Returns when all of it is gone.
  void Drain();

  size_t waiting() const;

 private:
  struct Waiting {
    std::unique_ptr<Sandbox> sandbox;
    SteadyTime since;
  };
  struct Shelf {
    explicit Shelf(std::chrono::milliseconds hold_back) : held_back(hold_back) {}

    std::deque<Waiting> waiting = {};  // the oldest first
    size_t starting = 0;
    HeldBack held_back;
    Demand demand = {};
    bool is_permanent = false;
  };

  void Refill(std::stop_token stop);
  bool IsUsable(const Waiting& one, SteadyTime now) const;
  std::map<PoolKind, size_t> Targets(SteadyTime now) const;
  std::vector<Waiting> RemoveUseless(SteadyTime now);
  const PoolKind* FindShortage(SteadyTime now) const;
  SteadyTime NextLook(SteadyTime now) const;
  Shelf& ShelfOf(const PoolKind& kind) { return shelves_.try_emplace(kind, options_.hold_back).first->second; }

  const PoolOptions options_;
  const Starter start_;
  const Clock& clock_;
  const std::function<void(const Error&)> on_failure_;

  mutable std::mutex mutex_;  // guards all of the following
  std::condition_variable_any changed_;
  std::map<PoolKind, Shelf> shelves_;
  Backoff backoff_;
  SteadyTime not_before_ = SteadyTime::min();
  bool draining_ = false;

  std::vector<std::jthread> starters_;  // last: they use all of the above
};

}  // namespace fumehood::sandbox
